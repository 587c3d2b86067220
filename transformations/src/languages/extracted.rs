//! The values a request pass found.

use std::sync::Arc;

use smallvec::SmallVec;

/// The extracted values, by field name; a name stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extracted(SmallVec<[(Arc<str>, String); 1]>);

impl Extracted {
    /// Adds a field's value.
    pub(crate) fn insert(&mut self, name: &Arc<str>, value: String) {
        self.0.push((Arc::clone(name), value));
    }

    /// Every name with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_str()))
    }
}
