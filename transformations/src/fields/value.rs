//! The type that a field's value has to have.

use super::number::Number;
use crate::config::ValueType;
use crate::languages::FieldValue;

/// A value as one of this type; `None` when it is none.
#[inline]
pub(super) fn typed(value: FieldValue, wanted: ValueType) -> Option<FieldValue> {
    match (wanted, value) {
        (ValueType::Text, FieldValue::Text(text) | FieldValue::Number(text)) => {
            Some(FieldValue::Text(text))
        }
        (ValueType::Text, value @ FieldValue::Bool(_)) => {
            Some(FieldValue::Text(value.as_str().to_owned()))
        }
        (ValueType::Number, FieldValue::Number(spelling)) => {
            Number::of(&spelling).map(|_| FieldValue::Number(spelling))
        }
        (ValueType::Boolean, value @ FieldValue::Bool(_)) => Some(value),
        _ => None,
    }
}

/// What text spells, which has no type of its own, as a value of this type; `None` when it is none.
#[inline]
pub(super) fn parsed(text: String, wanted: ValueType) -> Option<FieldValue> {
    match wanted {
        ValueType::Text => Some(FieldValue::Text(text)),
        ValueType::Number => typed(FieldValue::Number(text), wanted),
        ValueType::Boolean => text.parse().ok().map(FieldValue::Bool),
    }
}
