//! A whole body, checked as a whole, of which only what is selected becomes a value.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::DeserializeOwned;

use super::pointer::{NodeId, Pointers, ROOT};
use super::utf8::Utf8;
use super::walker::{Container, Error, Scalar, ScalarKind, Visitor, Walker};
use super::{Finder, refusal};
use crate::{JSON_DEPTH, Limits};

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

/// What of a document becomes a value.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All of it.
    Whole,
    /// These members of the top-level object.
    Members(Members),
}

/// Names of members, each once.
#[derive(Clone, Debug, Default)]
pub struct Members(Pointers);

impl FromIterator<String> for Members {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut pointers = Pointers::default();
        // In their order, in which each is added at the end.
        for name in names.into_iter().collect::<BTreeSet<String>>() {
            pointers.add_member(name);
        }
        Self(pointers)
    }
}

/// What a document is, as far as it was selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document<V> {
    /// The document, or an object of the selected members that it has.
    Value(V),
    /// `null`, which has no members.
    Null,
    /// Another value that has no members.
    Other,
}

/// Parses a body held in pieces; `None` when it is empty.
///
/// Strict RFC 8259 but for the depth: a byte order mark, trailing text, bare words, `NaN` and
/// invalid UTF-8 are errors, wherever they stand. Of members of the same name the last wins.
///
/// # Errors
///
/// It is not one JSON document, or nested too deep.
pub fn read<V: DeserializeOwned + FromIterator<(String, V)>>(
    chunks: &[&[u8]],
    selection: &Selection,
    limits: &Limits,
) -> Result<Option<Document<V>>, DocumentError> {
    if chunks.iter().all(|chunk| chunk.is_empty()) {
        return Ok(None);
    }
    let document = match selection {
        Selection::Whole => Document::Value(whole(&joined(chunks), limits)?),
        Selection::Members(members) => members
            .of(chunks, limits)
            .map_err(|error| refused(error, chunks))?,
    };
    Ok(Some(document))
}

/// Checks a body as [`read`] does, and keeps nothing.
///
/// # Errors
///
/// As [`read`].
pub fn check(body: &[u8], limits: &Limits) -> Result<(), DocumentError> {
    if body.is_empty() {
        return Ok(());
    }
    let nothing = Members::default();
    let checked = nothing.places(&[body], limits);
    checked.map(drop).map_err(|error| refused(error, &[body]))
}

#[cold]
fn refused(error: Error, chunks: &[&[u8]]) -> DocumentError {
    match error {
        Error::TooDeep => DocumentError::TooDeep,
        // Only now the body is put together and read again, for a message that says where.
        Error::Invalid => refusal::of(&joined(chunks)).into(),
    }
}

fn whole<V: DeserializeOwned>(body: &[u8], limits: &Limits) -> Result<V, DocumentError> {
    if limits.json_depth < JSON_DEPTH && too_deep(body, limits) {
        return Err(DocumentError::TooDeep);
    }
    match serde_json::from_slice(body) {
        Ok(document) => Ok(document),
        Err(_) if too_deep(body, limits) => Err(DocumentError::TooDeep),
        Err(error) => Err(error.into()),
    }
}

fn too_deep(body: &[u8], limits: &Limits) -> bool {
    let nothing = Pointers::default();
    Finder::new(&nothing, limits).feed(&nothing, body) == Err(Error::TooDeep)
}

/// A body in one piece.
fn joined<'c>(chunks: &[&'c [u8]]) -> Cow<'c, [u8]> {
    match chunks {
        [one] => Cow::Borrowed(one),
        several => Cow::Owned(several.concat()),
    }
}

/// These bytes of a body.
fn part<'c>(chunks: &[&'c [u8]], bytes: &Range<u64>) -> Cow<'c, [u8]> {
    let mut parts = Vec::new();
    let mut begin = 0_u64;
    for chunk in chunks {
        let end = begin.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        let within = |at: u64| usize::try_from(at.clamp(begin, end).saturating_sub(begin)).ok();
        let range = within(bytes.start).zip(within(bytes.end));
        match range.and_then(|(from, to)| chunk.get(from..to)) {
            None | Some([]) => {}
            Some(part) => parts.push(part),
        }
        begin = end;
    }
    joined(&parts)
}

impl Members {
    /// Where the members stand in a body, which is checked as a whole.
    fn places(&self, chunks: &[&[u8]], limits: &Limits) -> Result<Places, Error> {
        let Self(pointers) = self;
        let mut places = Places {
            members: vec![None; pointers.nodes()],
            kind: Kind::Other,
        };
        let mut utf8 = Utf8::default();
        let mut walker = Walker::new(limits.json_depth.min(JSON_DEPTH));
        for chunk in chunks {
            utf8.feed(chunk).map_err(|_| Error::Invalid)?;
            walker.feed(pointers, &mut places, chunk)?;
        }
        walker.finish(pointers, &mut places)?;
        Ok(places)
    }

    /// The values of the members, once the whole body has been checked.
    fn of<V: DeserializeOwned + FromIterator<(String, V)>>(
        &self,
        chunks: &[&[u8]],
        limits: &Limits,
    ) -> Result<Document<V>, Error> {
        let places = self.places(chunks, limits)?;
        match places.kind {
            Kind::Object => {
                let named = self.0.members();
                let found = named.filter_map(|(name, node)| {
                    Some((name, places.members.get(node.index())?.as_ref()?))
                });
                let value = |(name, place): (&str, _)| {
                    let value = serde_json::from_slice::<V>(&part(chunks, place));
                    value.map(|value| (name.to_owned(), value))
                };
                let members: Result<V, _> = found.map(value).collect();
                members.map(Document::Value).map_err(|_| Error::Invalid)
            }
            Kind::Null => Ok(Document::Null),
            Kind::Other => Ok(Document::Other),
        }
    }
}

/// Where the selected members stand.
struct Places {
    /// By node: the bytes of the last member of the name.
    members: Vec<Option<Range<u64>>>,
    kind: Kind,
}

/// What kind of value the document is.
enum Kind {
    Object,
    Null,
    Other,
}

impl Visitor for Places {
    const STRICT: bool = true;

    fn open(&mut self, node: NodeId, container: Container, at: u64) {
        if node == ROOT && container == Container::Object {
            self.kind = Kind::Object;
        } else if let Some(member) = self.members.get_mut(node.index()) {
            *member = Some(at..at);
        }
    }

    fn close(&mut self, node: NodeId, _: Container, at: u64, _: bool) {
        if let Some(Some(member)) = self.members.get_mut(node.index()) {
            member.end = at.saturating_add(1);
        }
    }

    fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) -> Result<(), Error> {
        if node == ROOT && scalar.kind == ScalarKind::Null {
            self.kind = Kind::Null;
        }
        if let Some(member) = self.members.get_mut(node.index()) {
            *member = Some(scalar.span);
        }
        Ok(())
    }
}
