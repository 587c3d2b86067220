//! The keys that a type takes at a place, and what an unknown key was meant to be.

use std::cell::RefCell;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, Expected, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::diagnostic::closest;

/// Keys of one type, in its order.
type Keys = &'static [&'static str];

/// A step from the whole configuration to a value in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The value of this key.
    Key(String),
    /// An item of a list: all have the same keys.
    Item,
}

/// More known keys than this are no list that anyone reads.
const MOST_LISTED: usize = 8;

/// What to write in place of `key`, which the object at `path` does not take.
pub(crate) fn instead_of<C: DeserializeOwned>(path: &[Step], key: &str) -> String {
    let known = keys::<C>(path).unwrap_or_default();
    if let Some(name) = closest(key, known.iter().copied()) {
        return format!("did you mean `{name}`?");
    }
    let within = places_below::<C>(path, known, key);
    if !within.is_empty() {
        return format!("move it into `{}`", within.join("` or `"));
    }
    let around = (0..path.len())
        .rev()
        .filter_map(|length| path.get(..length));
    for outer in around {
        if keys::<C>(outer).is_some_and(|keys| keys.contains(&key)) {
            return match readable(outer) {
                top if top.is_empty() => "move it to the top of the configuration".to_owned(),
                outer => format!("move it out, to `{outer}`"),
            };
        }
    }
    match known {
        [only] => format!("remove it, or write `{only}`"),
        [_, ..] if known.len() <= MOST_LISTED => {
            format!("remove it, or write one of `{}`", known.join("`, `"))
        }
        _ => "check its spelling, or remove it".to_owned(),
    }
}

/// The keys of the object at `path`, each of which holds an object, or a list of them, with `key`.
fn places_below<C: DeserializeOwned>(path: &[Step], known: Keys, key: &str) -> Vec<&'static str> {
    let holds = |outer: &&str| {
        let object = [path, &[Step::Key((*outer).to_owned())]].concat();
        let item = [object.as_slice(), &[Step::Item]].concat();
        [object, item]
            .iter()
            .filter_map(|path| keys::<C>(path))
            .any(|keys| keys.contains(&key))
    };
    known.iter().copied().filter(holds).collect()
}

/// A path of steps as users write it.
fn readable(path: &[Step]) -> String {
    let names = path.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Item => None,
    });
    names.collect::<Vec<_>>().join(".")
}

/// The keys that the type `C` takes at `path`; `None` where no object can stand.
fn keys<C: DeserializeOwned>(path: &[Step]) -> Option<Keys> {
    object::<C>(path).map(|object| object.keys)
}

/// What is wrong with a list at `path`; `None` where the type `C` takes one there.
pub(crate) fn instead_of_list<C: DeserializeOwned>(path: &[Step]) -> Option<String> {
    object::<C>(path).map(|object| format!("invalid type: a list, expected {}", object.expected))
}

fn object<C: DeserializeOwned>(path: &[Step]) -> Option<Object> {
    let found = RefCell::new(None);
    // It never succeeds: it goes as far as the object, and stops.
    let _: Result<C, Error> = C::deserialize(Probe {
        path,
        found: &found,
    });
    found.into_inner()
}

/// An object that a type takes.
struct Object {
    keys: Keys,
    /// As the type's error calls it: `an object with ...`.
    expected: String,
}

/// Follows a path through a type's implementation of `Deserialize`, which names the keys on the way.
struct Probe<'p> {
    path: &'p [Step],
    found: &'p RefCell<Option<Object>>,
}

impl<'p> Probe<'p> {
    /// What is left of the path behind a step into a value of a key.
    fn into_key(self) -> Result<(&'p str, Self), Error> {
        match self.path.split_first() {
            Some((Step::Key(key), path)) => Ok((key, Self { path, ..self })),
            _ => Err(stopped()),
        }
    }
}

fn stopped() -> Error {
    Error::custom("the path ends here")
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(stopped())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.path.split_first() {
            Some((Step::Item, path)) => {
                let item = Self { path, ..self };
                visitor.visit_seq(SeqDeserializer::new(std::iter::once(item)))
            }
            _ => Err(stopped()),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(std::iter::once(self.into_key()?)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: Keys,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.path.is_empty() {
            let expected = (&visitor as &dyn Expected).to_string();
            let object = Object {
                keys: fields,
                expected,
            };
            self.found.replace(Some(object));
            return Err(stopped());
        }
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Probe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
