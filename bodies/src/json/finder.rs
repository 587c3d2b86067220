//! The fields that pointers lead to, found in the bytes of a document as they arrive.

use std::mem;

use smallvec::{SmallVec, smallvec};

use super::alike::Alike;
use super::pointer::{NodeId, Pointers};
use super::string;
use super::walker::{Container, Error, Key, Scalar, ScalarKind, Visitor, Walker};
use crate::{FieldId, Finding, Found, Limits};

#[cfg(test)]
mod tests;

/// Searches one document. What is taken is decoded strictly; what is checked of the rest,
/// the walker says.
///
/// The pointers are given with every chunk, so that a finder can be kept between chunks beside
/// them. They must be the same ones each time.
///
/// ```
/// use bodies::{Found, Limits, json::{Finder, Pointers}};
///
/// let mut pointers = Pointers::default();
/// let model = pointers.insert("/model").unwrap();
///
/// let mut finder = Finder::new(&pointers, &Limits::default());
/// finder.feed(&pointers, br#"{"messages": [], "mod"#).unwrap();
/// finder.feed(&pointers, br#"el": "gpt-4o""#).unwrap();
/// assert!(finder.decided());
/// finder.feed(&pointers, b"}").unwrap();
///
/// let fields = finder.finish(&pointers).unwrap();
/// assert_eq!(model.of(&fields).unwrap().first, Some(Found::String("gpt-4o".into())));
/// ```
#[derive(Clone, Debug)]
pub struct Finder {
    walker: Walker,
    search: Search,
}

impl Finder {
    /// Searches for `pointers` within `limits`.
    pub fn new(pointers: &Pointers, limits: &Limits) -> Self {
        Self::searching(pointers, limits, false)
    }

    /// As [`new`](Self::new), or with [`first_suffices`](Self::first_suffices).
    #[inline(always)]
    pub fn searching(pointers: &Pointers, limits: &Limits, first_suffices: bool) -> Self {
        let fields = std::iter::repeat_with(Finding::default);
        Self {
            walker: Walker::new(limits.json_depth),
            search: Search {
                value_bytes: limits.value_bytes,
                fields: fields.take(pointers.len()).collect(),
                seen: smallvec![false; pointers.nodes()],
                first_suffices,
                satisfied: false,
            },
        }
    }

    /// Reads no further than the [`first`](Finding::first) of every field: whatever follows, a second
    /// value or no JSON at all, is not looked at, wherever the chunks are cut.
    #[must_use]
    pub fn first_suffices(mut self) -> Self {
        self.search.first_suffices = true;
        self
    }

    /// Begins anew, with the same pointers and limits.
    pub(crate) fn reset(&mut self) {
        self.walker.reset();
        self.search.fields.fill_with(Finding::default);
        self.search.seen.fill(false);
        self.search.satisfied = false;
    }

    /// Reads the next bytes of the document.
    ///
    /// # Errors
    ///
    /// The bytes so far are not the beginning of a JSON document, or are nested too deep. The
    /// finder must not be used after that.
    pub fn feed(&mut self, pointers: &Pointers, chunk: &[u8]) -> Result<(), Error> {
        let mut visit = Visit {
            pointers,
            search: &mut self.search,
        };
        self.walker.feed(pointers, &mut visit, chunk)
    }

    /// Whether no later byte can change the [`first`](Finding::first) of any field. That of a field is
    /// certain when it has been read, when a key on the way to it stands again in the same object
    /// (the first had no such field), and when the document's value has ended.
    ///
    /// What is decided may still turn out to stand twice ([`Finding::conflict`], [`Finding::last`]),
    /// and the document to be broken.
    pub fn decided(&self) -> bool {
        self.walker.ended() || self.search.first_is_certain()
    }

    /// Whether the document's value has ended, and no field can follow.
    pub fn ended(&self) -> bool {
        self.walker.ended()
    }

    /// The fields as far as they are known, in the order of the pointers.
    pub fn fields(&self) -> &[Finding] {
        &self.search.fields
    }

    /// The fields, in the order of the pointers: nothing more is read of the document, whether or not
    /// it is complete.
    pub(crate) fn settled(&mut self) -> &[Finding] {
        self.search.fields.iter_mut().for_each(Finding::finish);
        &self.search.fields
    }

    /// The fields, in the order of the pointers.
    ///
    /// # Errors
    ///
    /// The document is not complete.
    pub fn finish(mut self, pointers: &Pointers) -> Result<Vec<Finding>, Error> {
        self.end(pointers)?;
        Ok(self.search.fields.into_vec())
    }

    /// As [`finish`](Self::finish), without moving the finder: [`fields`](Self::fields) has them. It must not
    /// be fed after that.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn end(&mut self, pointers: &Pointers) -> Result<(), Error> {
        let mut visit = Visit {
            pointers,
            search: &mut self.search,
        };
        if !visit.search.satisfied {
            self.walker.finish(pointers, &mut visit)?;
        }
        self.search.fields.iter_mut().for_each(Finding::finish);
        Ok(())
    }
}

/// Searches the documents of one stream: what they begin with alike is not read again.
///
/// The pointers and the limits are given with every document, and must be the same ones.
#[derive(Clone, Debug, Default)]
pub struct Searches(Alike<Finder>);

impl Searches {
    /// The fields of the next document, in the order of the pointers.
    ///
    /// # Errors
    ///
    /// It is not a JSON document, or nested too deep.
    pub fn search(
        &mut self,
        document: &[u8],
        pointers: &Pointers,
        limits: &Limits,
    ) -> Result<Vec<Finding>, Error> {
        let new = || Finder::new(pointers, limits);
        let feed = |finder: &mut Finder, bytes: &[u8]| finder.feed(pointers, bytes);
        let (finder, rest) = self.0.begin(document, new, feed)?;
        finder.feed(pointers, rest)?;
        finder.end(pointers)?;
        Ok(mem::take(&mut finder.search.fields).into_vec())
    }
}

/// What is known of the fields so far.
#[derive(Clone, Debug)]
struct Search {
    value_bytes: usize,
    fields: SmallVec<[Finding; 1]>,
    /// By node: whether its key stands in the object that is open above it.
    seen: SmallVec<[bool; 16]>,
    /// Whether to end the search when the first value of every field is certain.
    first_suffices: bool,
    /// Whether it has ended so.
    satisfied: bool,
}

impl Search {
    fn first_is_certain(&self) -> bool {
        self.fields.iter().all(Finding::first_is_certain)
    }
}

/// The search in one chunk.
struct Visit<'v> {
    pointers: &'v Pointers,
    search: &'v mut Search,
}

impl Visit<'_> {
    /// The field that is found at `node`.
    #[inline]
    fn target(&self, node: NodeId) -> Option<FieldId> {
        self.pointers.node(node)?.target
    }

    #[inline]
    fn record(&mut self, field: FieldId, found: Found) {
        if let Some(field) = self.search.fields.get_mut(field.index()) {
            field.record(found);
            self.search.satisfied = self.search.first_suffices && self.search.first_is_certain();
        }
    }

    /// Changes every field at `node` or below it.
    #[inline(never)]
    fn mark(&mut self, node: NodeId, mut change: impl FnMut(&mut Finding)) {
        self.pointers.fields_below(node, &mut |field| {
            if let Some(field) = self.search.fields.get_mut(field.index()) {
                change(field);
            }
        });
    }

    fn string(&self, raw: Option<&[u8]>) -> Result<Found, Error> {
        let Some(raw) = raw else {
            return Ok(Found::TooLong);
        };
        let text = string::decode(raw).map_err(|_| Error::Invalid)?;
        Ok(if text.len() > self.search.value_bytes {
            Found::TooLong
        } else {
            Found::String(text.into_owned())
        })
    }

    fn number(&self, raw: Option<&[u8]>) -> Found {
        match raw {
            Some(raw) if raw.len() <= self.search.value_bytes => {
                Found::Number(String::from_utf8_lossy(raw).into_owned())
            }
            _ => Found::TooLong,
        }
    }
}

impl Visitor for Visit<'_> {
    fn satisfied(&self) -> bool {
        self.search.satisfied
    }

    fn keeps(&self, node: NodeId) -> Option<usize> {
        self.target(node)?;
        Some(string::most_escaped(self.search.value_bytes))
    }

    fn open(&mut self, node: NodeId, _: Container, _: u64) {
        if let Some(field) = self.target(node) {
            self.record(field, Found::Container);
        }
        for child in self.pointers.children(node) {
            if let Some(seen) = self.search.seen.get_mut(child.index()) {
                *seen = false;
            }
        }
    }

    #[inline(always)]
    fn key(&mut self, key: Key<'_>) {
        if let Some(object) = self.pointers.node(key.object) {
            object.members_in_other_case(key.name, |node| {
                self.mark(node, Finding::stands_in_other_case);
            });
        }
        let Some(node) = key.node else { return };
        let seen = self.search.seen.get_mut(node.index());
        if seen.is_some_and(|seen| mem::replace(seen, true)) {
            self.mark(node, Finding::stands_again);
        }
    }

    fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) -> Result<(), Error> {
        let Some(field) = self.target(node) else {
            return Ok(());
        };
        let found = match scalar.kind {
            ScalarKind::String => self.string(scalar.raw)?,
            ScalarKind::Number => self.number(scalar.raw),
            ScalarKind::Bool(value) => Found::Bool(value),
            ScalarKind::Null => Found::Null,
        };
        self.record(field, found);
        Ok(())
    }
}
