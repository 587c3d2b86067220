//! Values of expressions.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::rc::Rc;

use ipnet::IpNet;

use super::budget::Budget;
use super::error::Error;
use super::map::Map;
use super::number;

/// Data that belongs to the message or the expression, or is shared by values.
#[derive(Debug)]
pub(crate) enum Data<'v, T: ?Sized> {
    Borrowed(&'v T),
    Shared(Rc<T>),
}

pub(crate) type Text<'v> = Data<'v, str>;
pub(crate) type Bytes<'v> = Data<'v, [u8]>;

impl<T: ?Sized> Clone for Data<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Data::Borrowed(data) => Data::Borrowed(data),
            Data::Shared(data) => Data::Shared(Rc::clone(data)),
        }
    }
}

impl<T: ?Sized> Deref for Data<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Data::Borrowed(data) => data,
            Data::Shared(data) => data,
        }
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Data<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Data<'_, T> {}

impl<T: ?Sized + std::hash::Hash> std::hash::Hash for Data<'_, T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// A number with the way JSON spelled it: `3.10` stays `3.10`.
    Double(f64, Option<Text<'v>>),
    String(Text<'v>),
    Bytes(Bytes<'v>),
    List(Rc<Vec<Value<'v>>>),
    Map(Rc<Map<'v>>),
    /// The type that `type()` tells.
    Type(&'static str),
    Optional(Option<Rc<Value<'v>>>),
    Address(IpAddr),
    Network(IpNet),
}

/// The key of a map. Numbers of one value are one key, whatever their type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key<'v> {
    Bool(bool),
    Int(i64),
    /// Larger than any `Int`.
    Uint(u64),
    String(Text<'v>),
}

impl<'v> Key<'v> {
    /// The key that a value is; `None` when it can be none.
    pub(crate) fn new(value: &Value<'v>) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Key::Bool(*value),
            Value::Int(value) => Key::Int(*value),
            Value::Uint(value) => i64::try_from(*value).map_or(Key::Uint(*value), Key::Int),
            Value::String(text) => Key::String(text.clone()),
            _ => return None,
        })
    }

    /// The key that a value equals: whole doubles too, which are no keys themselves.
    pub(crate) fn equal_to(value: &Value<'v>) -> Option<Self> {
        let Value::Double(double, _) = value else {
            return Self::new(value);
        };
        if double.fract() != 0.0 {
            return None;
        }
        let int = number::int(*double).map(Key::Int);
        int.or_else(|_| number::uint(*double).map(Key::Uint)).ok()
    }

    /// Takes steps for looking the key up.
    pub(crate) fn look_up(&self, budget: &Budget) -> Result<(), Error> {
        match self {
            Key::String(text) => budget.read(text.len()),
            Key::Bool(_) | Key::Int(_) | Key::Uint(_) => Ok(()),
        }
    }

    pub(crate) fn value(&self) -> Value<'v> {
        match self {
            Key::Bool(value) => Value::Bool(*value),
            Key::Int(value) => Value::Int(*value),
            Key::Uint(value) => Value::Uint(*value),
            Key::String(text) => Value::String(text.clone()),
        }
    }
}

/// As an object of JSON has it.
impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Bool(value) => value.fmt(f),
            Key::Int(value) => value.fmt(f),
            Key::Uint(value) => value.fmt(f),
            Key::String(text) => f.write_str(text),
        }
    }
}

impl<'v> Value<'v> {
    pub(crate) fn double(value: f64) -> Self {
        Value::Double(value, None)
    }

    /// Text that belongs to the message or the expression.
    pub(crate) fn borrowed(text: &'v str) -> Self {
        Value::String(Text::Borrowed(text))
    }

    /// Text that was made.
    pub(crate) fn text(text: String, budget: &Budget) -> Result<Self, Error> {
        budget.make(text.len())?;
        Ok(Value::String(Text::Shared(text.into())))
    }

    /// Bytes that were made.
    pub(crate) fn bytes(bytes: Vec<u8>, budget: &Budget) -> Result<Self, Error> {
        budget.make(bytes.len())?;
        Ok(Value::Bytes(Bytes::Shared(bytes.into())))
    }

    /// A list that was made.
    pub(crate) fn list(items: Vec<Value<'v>>, budget: &Budget) -> Result<Self, Error> {
        budget.collect(items.len(), size_of::<Value<'_>>())?;
        Ok(Value::List(Rc::new(items)))
    }

    /// A map that was made.
    pub(crate) fn map(entries: Map<'v>, budget: &Budget) -> Result<Self, Error> {
        budget.collect(entries.len(), size_of::<(Key<'_>, Value<'_>, u64)>())?;
        Ok(Value::Map(Rc::new(entries)))
    }

    pub(crate) fn optional(value: Option<Value<'v>>) -> Self {
        Value::Optional(value.map(Rc::new))
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a string or of bytes.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::String(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// What `type()` says of it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(..) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Type(_) => "type",
            Value::Optional(_) => "optional_type",
            Value::Address(_) => "net.IP",
            Value::Network(_) => "net.CIDR",
        }
    }
}

impl Value<'_> {
    /// A copy that belongs to no message.
    ///
    /// # Errors
    ///
    /// It takes more than is left: what a value holds twice it holds once in memory, but the copy
    /// does not.
    pub(crate) fn detached<'v>(&self, budget: &Budget) -> Result<Value<'v>, Error> {
        budget.make(size_of::<Value<'_>>())?;
        // To allocate a list and to free it again takes as long as some steps.
        budget.steps(4)?;
        Ok(match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(value) => Value::Int(*value),
            Value::Uint(value) => Value::Uint(*value),
            Value::Double(value, spelling) => {
                let spelling = spelling.as_ref().map(|text| text.detached(budget));
                Value::Double(*value, spelling.transpose()?)
            }
            Value::String(text) => Value::String(text.detached(budget)?),
            Value::Bytes(bytes) => Value::Bytes(bytes.detached(budget)?),
            Value::List(items) => {
                let items = items.iter().map(|item| item.detached(budget));
                Value::List(Rc::new(items.collect::<Result<_, _>>()?))
            }
            Value::Map(map) => {
                let entries = map
                    .iter()
                    .map(|(key, value)| Ok((key.detached(budget)?, value.detached(budget)?)));
                let detached = entries.collect::<Result<Map<'v>, _>>()?;
                Value::Map(Rc::new(detached.with_those_of(map)))
            }
            Value::Type(name) => Value::Type(name),
            Value::Optional(value) => {
                let value = value.as_ref().map(|value| value.detached(budget));
                Value::optional(value.transpose()?)
            }
            Value::Address(address) => Value::Address(*address),
            Value::Network(network) => Value::Network(*network),
        })
    }
}

impl Key<'_> {
    fn detached<'v>(&self, budget: &Budget) -> Result<Key<'v>, Error> {
        budget.make(size_of::<Key<'_>>())?;
        Ok(match self {
            Key::Bool(value) => Key::Bool(*value),
            Key::Int(value) => Key::Int(*value),
            Key::Uint(value) => Key::Uint(*value),
            Key::String(text) => Key::String(text.detached(budget)?),
        })
    }
}

impl<T: ?Sized + AsRef<[u8]>> Data<'_, T>
where
    Rc<T>: for<'t> From<&'t T>,
{
    fn detached<'v>(&self, budget: &Budget) -> Result<Data<'v, T>, Error> {
        budget.make((**self).as_ref().len())?;
        Ok(Data::Shared(match self {
            Data::Borrowed(data) => Rc::from(*data),
            Data::Shared(data) => Rc::clone(data),
        }))
    }
}
