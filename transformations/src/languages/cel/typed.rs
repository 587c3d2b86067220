//! Values as metadata has them: text, numbers and booleans.

use std::cmp::Ordering;

use super::budget::Budget;
use super::error::Error;
use super::number;
use super::print::{json, text};
use super::value::{self, Value};
use crate::config::{Limits, ValueType};
use crate::ops::AttributeValue;

/// The value as one of this type, or without a type as what it is: lists and maps are text, their JSON.
/// `None` for null.
///
/// # Errors
///
/// It is not of the type, or is a number that metadata cannot hold.
pub(crate) fn typed(
    value: &Value<'_>,
    wanted: Option<ValueType>,
    limits: &Limits,
) -> Result<Option<AttributeValue>, Error> {
    use ValueType::{Boolean, Number, Text};
    Ok(Some(match (wanted, value) {
        (_, Value::Optional(Some(value))) => return typed(value, wanted, limits),
        (_, Value::Null | Value::Optional(None)) => return Ok(None),
        (None | Some(Number), Value::Int(_) | Value::Uint(_) | Value::Double(..)) => {
            AttributeValue::Number(exact(value)?)
        }
        (None | Some(Boolean), Value::Bool(value)) => AttributeValue::Bool(*value),
        (Some(wanted @ (Number | Boolean)), Value::String(text)) => {
            return spelled(text, wanted);
        }
        (None | Some(Text), Value::List(_) | Value::Map(_)) => {
            AttributeValue::Text(json(value, &Budget::new(limits))?)
        }
        (None | Some(Text), _) => match text(value)? {
            Some(text) => AttributeValue::Text(text.into_owned()),
            None => return Ok(None),
        },
        (Some(wanted), _) => {
            let name = value.type_name();
            return Error::failed(format!("a {name} is no {}", wanted.as_str()));
        }
    }))
}

/// What text spells, as one of this type; `None` for none of it.
///
/// # Errors
///
/// It spells no value of the type.
pub(crate) fn spelled(spelling: &str, wanted: ValueType) -> Result<Option<AttributeValue>, Error> {
    let trimmed = spelling.trim_ascii();
    match wanted {
        ValueType::Text => Ok(Some(AttributeValue::Text(spelling.to_owned()))),
        ValueType::Number | ValueType::Boolean if trimmed.is_empty() => Ok(None),
        ValueType::Number => {
            let number = exact(&number::from_json(value::Text::Borrowed(trimmed)))?;
            Ok(Some(AttributeValue::Number(number)))
        }
        ValueType::Boolean => match trimmed.parse() {
            Ok(value) => Ok(Some(AttributeValue::Bool(value))),
            Err(_) => Error::failed("the text is neither `true` nor `false`"),
        },
    }
}

/// The number as a double, which holds a whole one exactly or not at all: an id that ends in other digits
/// is another's.
fn exact(value: &Value<'_>) -> Result<f64, Error> {
    let double = number::double(value).filter(|double| double.is_finite());
    let Some(double) = double else {
        return Error::failed("it is no number that metadata can hold");
    };
    let is_exact = match value {
        Value::Double(_, Some(spelling)) => keeps_digits(spelling, double),
        Value::Double(_, None) => true,
        _ => number::order(value, &Value::double(double)) == Some(Ordering::Equal),
    };
    if !is_exact {
        return Error::failed(
            "metadata cannot hold so many digits of a number; write `type: text`",
        );
    }
    Ok(double)
}

/// Whether a double is the whole number that is spelled so, of as many digits as may be. One with a point or
/// an exponent is not spelled as a whole one, and is rounded.
fn keeps_digits(spelling: &str, double: f64) -> bool {
    fn digits(number: &str) -> &str {
        number.trim_start_matches(['+', '-', '0'])
    }
    let wanted = digits(spelling);
    let whole = wanted.bytes().all(|byte| byte.is_ascii_digit());
    !whole || digits(&format!("{double:.0}")) == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_digits_or_is_none() {
        for (spelling, kept) in [
            ("0", true),
            ("-0", true),
            ("9007199254740992", true),
            ("9007199254740993", false),
            ("18446744073709551615", false),
            ("18446744073709551616", true),
            ("18446744073709551617", false),
            ("-18446744073709551616", true),
            ("-18446744073709551617", false),
            ("0018446744073709551616", true),
            ("+18446744073709551617", false),
            ("100000000000000000000000", false),
            ("340282366920938463463374607431768211456", true),
            ("340282366920938463463374607431768211457", false),
            // A float rounds these.
            ("0.1", true),
            ("18446744073709551617.5", true),
            ("1e23", true),
            ("1e999", false),
            ("NaN", false),
        ] {
            let made = spelled(spelling, ValueType::Number);
            assert_eq!(made.is_ok(), kept, "{spelling}: {made:?}");
        }
    }
}
