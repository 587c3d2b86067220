//! Members of maps, items of lists, and those of optionals.

use super::error::{Error, shown};
use super::evaluate::{Evaluation, of_type};
use super::node::Member;
use super::value::{Key, Text, Value};

impl<'v> Evaluation<'v> {
    pub(super) fn select(
        &mut self,
        of: &Value<'v>,
        member: &'v Member,
    ) -> Result<Value<'v>, Error> {
        let (at, optional) = match member {
            Member::Field { name, optional } => (Value::borrowed(name), *optional),
            Member::Index { at, optional } => (self.value(at)?, *optional),
        };
        let of_optional = matches!(of, Value::Optional(_));
        match self.lookup(of, &at) {
            Ok(value) if optional && !of_optional => Ok(Value::optional(Some(value))),
            Err(Error::Missing(_)) if optional || of_optional && has_members(of) => {
                Ok(Value::Optional(None))
            }
            Ok(value) => Ok(value),
            Err(error) => Err(of_type(error, "[]", &[of.clone(), at])),
        }
    }

    /// The member of a value at a key or an index. Of an optional: an optional.
    fn lookup(&self, of: &Value<'v>, at: &Value<'v>) -> Result<Value<'v>, Error> {
        match of {
            Value::Map(map) => {
                let found = match Key::equal_to(at) {
                    Some(key) => map.look_up(&key, &self.budget)?,
                    None => None,
                };
                found.cloned().ok_or_else(|| {
                    Error::Missing(match at.as_str() {
                        Some(name) => format!("no member `{}`", shown(name)),
                        None => "no such member".to_owned(),
                    })
                })
            }
            Value::List(items) => {
                let Some(Key::Int(index)) = Key::equal_to(at) else {
                    return Err(Error::Mismatch);
                };
                let item = usize::try_from(index)
                    .ok()
                    .and_then(|index| items.get(index));
                item.cloned()
                    .ok_or_else(|| Error::Missing(format!("no item {index}")))
            }
            Value::Optional(Some(inner)) => self.lookup(inner, at).map(|value| match value {
                value @ Value::Optional(_) => value,
                value => Value::optional(Some(value)),
            }),
            Value::Optional(None) => Ok(Value::Optional(None)),
            value => Error::missing(format!("{} has no members", value.type_name())),
        }
    }

    pub(super) fn has_member(&self, of: &Value<'v>, field: &'v str) -> Result<Value<'v>, Error> {
        match of {
            Value::Map(map) => {
                let key = Key::String(Text::Borrowed(field));
                let found = map.look_up(&key, &self.budget)?;
                Ok(Value::Bool(found.is_some()))
            }
            Value::Optional(Some(inner)) => self.has_member(inner, field),
            Value::Optional(None) => Ok(Value::Bool(false)),
            value => Error::failed(format!("{} has no members", value.type_name())),
        }
    }
}

/// Whether a value, or what an optional holds, is of a type that has members.
fn has_members(value: &Value<'_>) -> bool {
    match value {
        Value::Optional(Some(inner)) => has_members(inner),
        Value::Optional(None) | Value::Map(_) | Value::List(_) => true,
        _ => false,
    }
}
