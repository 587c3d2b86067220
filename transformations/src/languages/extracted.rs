//! The values that were taken out of the exchange.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::config::ValueType;

/// The types of the fields that a configuration extracts, by their names.
pub(crate) type FieldTypes = BTreeMap<String, ValueType>;

/// The extracted values, by field name; a name stands once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Extracted(SmallVec<[(Arc<str>, FieldValue); 1]>);

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldValue {
    Text(String),
    /// A number as JSON spells it.
    Number(String),
    Bool(bool),
}

impl Extracted {
    /// Adds a field's value.
    #[inline]
    pub(crate) fn insert(&mut self, name: &Arc<str>, value: FieldValue) {
        self.0.push((Arc::clone(name), value));
    }

    /// Adds the values of other fields.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Every name with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &FieldValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl FieldValue {
    /// The value as a header has it.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            FieldValue::Text(text) | FieldValue::Number(text) => text,
            FieldValue::Bool(true) => "true",
            FieldValue::Bool(false) => "false",
        }
    }
}
