//! A whole body, checked as a whole, of which only what templates name becomes values.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::Value;

use super::pointer::{NodeId, Pointers, ROOT};
use super::utf8::Utf8;
use super::walker::{Container, Error, Scalar, ScalarKind, Visitor, Walker};
use super::{Finder, refusal};
use crate::limits::{JSON_DEPTH, Limits};

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

/// What of a document becomes values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// These members of the top-level object. Of any other document, whether it is `null`.
    Members(Members),
}

/// Names of members, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members(Pointers);

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

/// Parses a body held in pieces; `None` when it is empty.
///
/// Strict RFC 8259 but for the depth: a byte order mark, trailing text, bare words, `NaN` and
/// invalid UTF-8 are errors, wherever they stand. Of members of the same name the last wins.
pub(crate) fn document(
    chunks: &[&[u8]],
    wanted: &Wanted,
    limits: &Limits,
) -> Result<Option<Value>, DocumentError> {
    if chunks.iter().all(|chunk| chunk.is_empty()) {
        return Ok(None);
    }
    match wanted {
        Wanted::Whole => whole(&joined(chunks), limits),
        Wanted::Members(members) => match members.of(chunks, limits) {
            Ok(document) => Ok(document),
            Err(Error::TooDeep) => return Err(DocumentError::TooDeep),
            // Only now the body is put together and read again, for a message that says where.
            Err(Error::Invalid) => return Err(refusal::of(&joined(chunks)).into()),
        },
    }
    .map(Some)
}

fn whole(body: &[u8], limits: &Limits) -> Result<Value, DocumentError> {
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
    /// The values of the members, once the whole body has been checked.
    fn of(&self, chunks: &[&[u8]], limits: &Limits) -> Result<Value, Error> {
        let Self(pointers) = self;
        let mut places = Places {
            members: vec![None; pointers.nodes()],
            document: Document::Other,
        };
        let mut utf8 = Utf8::default();
        let mut walker = Walker::new(limits.json_depth.min(JSON_DEPTH));
        for chunk in chunks {
            utf8.feed(chunk).map_err(|_| Error::Invalid)?;
            walker.feed(pointers, &mut places, chunk)?;
        }
        walker.finish(pointers, &mut places)?;
        match places.document {
            Document::Object => {
                let named = pointers.members();
                let found = named
                    .filter_map(|(name, node)| Some((name, places.members.get(node)?.as_ref()?)));
                let value = |(name, place): (&str, _)| {
                    let value = serde_json::from_slice::<Value>(&part(chunks, place));
                    value.map(|value| (name.to_owned(), value))
                };
                let members: Result<Value, _> = found.map(value).collect();
                members.map_err(|_| Error::Invalid)
            }
            Document::Null => Ok(Value::from(())),
            Document::Other => Ok(Value::from(Vec::<Value>::new())),
        }
    }
}

/// Where the wanted members stand.
struct Places {
    /// By node: the bytes of the last member of the name.
    members: Vec<Option<Range<u64>>>,
    document: Document,
}

/// What kind of value the document is.
enum Document {
    Object,
    Null,
    Other,
}

impl Visitor for Places {
    const STRICT: bool = true;

    fn open(&mut self, node: NodeId, container: Container, at: u64) {
        if node == ROOT && container == Container::Object {
            self.document = Document::Object;
        } else if let Some(member) = self.members.get_mut(node) {
            *member = Some(at..at);
        }
    }

    fn close(&mut self, node: NodeId, _: Container, at: u64, _: bool) {
        if let Some(Some(member)) = self.members.get_mut(node) {
            member.end = at.saturating_add(1);
        }
    }

    fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) -> Result<(), Error> {
        if node == ROOT && scalar.kind == ScalarKind::Null {
            self.document = Document::Null;
        }
        if let Some(member) = self.members.get_mut(node) {
            *member = Some(scalar.span);
        }
        Ok(())
    }
}
