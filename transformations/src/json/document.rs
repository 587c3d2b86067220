//! A whole body, checked as a whole, of which only what templates name becomes values.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use minijinja::Value;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Error, Finder, Pointers};
use crate::limits::{JSON_DEPTH, Limits};

#[cfg(test)]
mod tests;

/// Why a body is not a document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not one JSON document.
    #[error("not a JSON document: {0}")]
    Invalid(#[from] serde_json::Error),
    /// More arrays and objects open at once than [`Limits::json_depth`] allows.
    #[error("nested too deep")]
    TooDeep,
}

/// What of a document becomes values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// These members of the top-level object. Of any other document, whether it is `null`.
    Members(BTreeSet<String>),
}

/// Parses a body held in pieces; `None` when it is empty.
///
/// Strict RFC 8259 but for the depth: a byte order mark, trailing text, bare words, `NaN` and
/// invalid UTF-8 are errors, wherever they stand. Of members of the same name the last wins.
pub(crate) fn document(
    chunks: &[&[u8]],
    wanted: &Wanted,
    limits: &Limits,
) -> Result<Option<Value>, DocumentError> {
    let joined;
    let body = match chunks {
        [] => return Ok(None),
        [one] => *one,
        several => {
            joined = several.concat();
            &joined
        }
    };
    if body.is_empty() {
        return Ok(None);
    }
    if limits.json_depth < JSON_DEPTH && too_deep(body, limits) {
        return Err(DocumentError::TooDeep);
    }
    match parse(body, wanted) {
        Ok(document) => Ok(Some(document)),
        Err(_) if too_deep(body, limits) => Err(DocumentError::TooDeep),
        Err(error) => Err(error.into()),
    }
}

fn too_deep(body: &[u8], limits: &Limits) -> bool {
    let nothing = Pointers::default();
    Finder::new(&nothing, limits).feed(&nothing, body) == Err(Error::TooDeep)
}

fn parse(body: &[u8], wanted: &Wanted) -> Result<Value, serde_json::Error> {
    let names = match wanted {
        Wanted::Whole => return serde_json::from_slice(body),
        Wanted::Members(names) => names,
    };
    // Checked at once, faster than string by string.
    let text = std::str::from_utf8(body).map_err(serde_json::Error::custom)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document = Members(names).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(document)
}

/// The wanted members of an object; what any other value is, is kept as far as its kind.
struct Members<'n>(&'n BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut found: Vec<(String, Value)> = Vec::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if self.0.contains(name.as_ref()) {
                found.push((name.into_owned(), members.next_value()?));
            } else {
                members.next_value_seed(Skipped)?;
            }
        }
        Ok(found.into_iter().collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Value, A::Error> {
        Skipped.visit_seq(items)?;
        Ok(Value::from(Vec::<Value>::new()))
    }

    fn visit_str<E>(self, _: &str) -> Result<Value, E> {
        Ok(Value::from(""))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::from(()))
    }
}

/// A value that is checked, its depth too, and not kept. Serde's own `IgnoredAny` checks no depth.
struct Skipped;

impl<'de> DeserializeSeed<'de> for Skipped {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key_seed(Skipped)?.is_some() {
            members.next_value_seed(Skipped)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Skipped)?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
