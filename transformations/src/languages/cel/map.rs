//! Maps, and how a key of one is looked up.

use std::ops::{Deref, DerefMut};

use bodies::json;
use indexmap::IndexMap;

use super::budget::Budget;
use super::error::Error;
use super::value::{Key, Value};

/// A map, in the order it was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map<'v> {
    entries: IndexMap<Key<'v>, Value<'v>>,
    /// Whether entries come from a JSON document. To some who read it, keys in another case are the
    /// same.
    of_document: bool,
}

/// The keys that are compared in the time of one step.
const KEYS_PER_STEP: usize = 4;

/// Why a key is not looked up.
pub(super) const TWICE: &str =
    "the document holds a key twice with different values, or in another case";

impl<'v> Map<'v> {
    /// One with room for so many entries.
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self {
            entries: IndexMap::with_capacity(entries),
            of_document: false,
        }
    }

    /// An empty one, whose entries will be those of an object of JSON.
    pub(crate) fn of_document() -> Self {
        Self {
            of_document: true,
            ..Self::default()
        }
    }

    /// The same entries, some of which are those of `other`.
    pub(crate) fn with_those_of(self, other: &Map<'_>) -> Self {
        Self {
            of_document: self.of_document || other.of_document,
            ..self
        }
    }

    /// The value at a key.
    ///
    /// # Errors
    ///
    /// It stands there in another case too, or the steps end.
    pub(crate) fn look_up(
        &self,
        key: &Key<'v>,
        budget: &Budget,
    ) -> Result<Option<&Value<'v>>, Error> {
        key.look_up(budget)?;
        let found = self.entries.get(key);
        if found.is_some() {
            self.has_one(key, budget)?;
        }
        Ok(found)
    }

    /// Finds out that no other key differs from this one only in case.
    ///
    /// # Errors
    ///
    /// One does, or the steps end.
    pub(crate) fn has_one(&self, key: &Key<'_>, budget: &Budget) -> Result<(), Error> {
        let Key::String(name) = key else {
            return Ok(());
        };
        if !self.of_document {
            return Ok(());
        }
        budget.steps(self.entries.len() / KEYS_PER_STEP)?;
        let mut keys = self.entries.keys();
        let again = keys.any(|key| match key {
            Key::String(key) => json::in_other_case(name, key),
            _ => false,
        });
        if again {
            return Error::failed(TWICE);
        }
        Ok(())
    }
}

impl<'v> Deref for Map<'v> {
    type Target = IndexMap<Key<'v>, Value<'v>>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl DerefMut for Map<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.entries
    }
}

impl<'v> FromIterator<(Key<'v>, Value<'v>)> for Map<'v> {
    fn from_iter<I: IntoIterator<Item = (Key<'v>, Value<'v>)>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            of_document: false,
        }
    }
}
