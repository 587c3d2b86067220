//! The fields of one JSON text that the expressions of a pass read, found in one search.

use std::collections::{BTreeMap, BTreeSet};

use bodies::json::{Finder, Pointers, Searches};
use bodies::{FieldId, Finding};

use super::cel;
use crate::config::Limits;

/// The fields that expressions read of a JSON text.
#[derive(Debug, Default)]
pub(super) struct Sought {
    pointers: Pointers,
    /// Which field each of those pointers leads to.
    fields: BTreeMap<String, FieldId>,
}

/// What a search has found.
pub(super) type Searched = Result<Vec<Finding>, cel::Error>;

impl Sought {
    /// Adds the JSON Pointers of one expression.
    pub(super) fn add(&mut self, pointers: &BTreeSet<String>) {
        for pointer in pointers {
            // One too many is read of the whole text.
            if let Ok(field) = self.pointers.insert(pointer) {
                self.fields.insert(pointer.clone(), field);
            }
        }
    }

    /// Searches a text.
    ///
    /// # Errors
    ///
    /// It is not a JSON document, or nested too deep.
    pub(super) fn search(&self, chunks: &[&[u8]], limits: &Limits) -> Searched {
        let mut finder = Finder::new(&self.pointers, &of_search(limits));
        let fed = chunks
            .iter()
            .try_for_each(|chunk| finder.feed(&self.pointers, chunk));
        let found = fed.and_then(|()| finder.finish(&self.pointers));
        found.map_err(cel::Error::of_json)
    }

    /// Searches the next document of a stream.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub(super) fn search_next(
        &self,
        document: &[u8],
        limits: &Limits,
        searches: &mut Searches,
    ) -> Searched {
        let found = searches.search(document, &self.pointers, &of_search(limits));
        found.map_err(cel::Error::of_json)
    }

    /// What the search, which is made now if it was not, found at a pointer; `None` if it was not
    /// searched for.
    pub(super) fn found<'s>(
        &self,
        pointer: &str,
        searched: impl FnOnce() -> &'s Searched,
    ) -> Option<Result<&'s Finding, cel::Error>> {
        let field = self.fields.get(pointer)?;
        match searched() {
            Ok(fields) => field.of(fields).map(Ok),
            Err(error) => Some(Err(error.clone())),
        }
    }
}

fn of_search(limits: &Limits) -> bodies::Limits {
    bodies::Limits {
        value_bytes: limits.rendered_bytes,
        ..limits.of_bodies()
    }
}
