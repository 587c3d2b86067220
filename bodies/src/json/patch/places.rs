//! Where the places that pointers lead to or through stand in a document.

use std::ops::Range;

use super::PatchError;
use crate::json::pointer::{NodeId, Pointers};
use crate::json::walker::{Container, Error, Key, Scalar, ScalarKind, Visitor, Walker};
use crate::{Limits, PLACES};

/// A value that a pointer leads to or through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) kind: Kind,
    /// The place it is a member or element of; always one before it.
    pub(super) container: Option<usize>,
    /// The first byte of the member or element: of an object's member, the key's quote.
    pub(super) start: usize,
    /// The value's bytes.
    pub(super) value: Range<usize>,
    /// The ways on that its members or elements take.
    members: Vec<NodeId>,
}

impl Place {
    /// Whether a member or element of it is at `node`.
    pub(super) fn has(&self, node: NodeId) -> bool {
        self.members.contains(&node)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Null,
    /// A string, a number or a boolean.
    Scalar,
}

/// The places in the order they begin in.
#[derive(Debug, Default)]
pub(super) struct Places {
    found: Vec<Place>,
    /// Those of the containers that are open.
    open: Vec<usize>,
    /// Where the key last read begins.
    key: Option<usize>,
    too_many: bool,
}

impl Places {
    /// Finds them.
    pub(super) fn of(
        document: &[u8],
        pointers: &Pointers,
        limits: &Limits,
    ) -> Result<Self, PatchError> {
        let mut places = Self::default();
        let mut walker = Walker::new(limits.json_depth);
        walker
            .feed(pointers, &mut places, document)
            .and_then(|()| walker.finish(pointers, &mut places))
            .map_err(|error| match error {
                Error::Invalid => PatchError::Invalid,
                Error::TooDeep => PatchError::TooDeep,
            })?;
        if places.too_many {
            return Err(PatchError::TooMuch);
        }
        Ok(places)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.found.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    fn add(&mut self, node: NodeId, kind: Kind, value: Range<usize>) {
        let start = self.key.take().unwrap_or(value.start);
        self.too_many |= self.found.len() >= PLACES;
        if self.too_many {
            return;
        }
        let container = self.open.last().copied();
        if let Some(container) = container.and_then(|at| self.found.get_mut(at))
            && !container.has(node)
        {
            container.members.push(node);
        }
        self.found.push(Place {
            node,
            kind,
            container,
            start,
            value,
            members: Vec::new(),
        });
    }
}

/// A document in memory has no larger offset than `usize` can say.
fn offset(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl Visitor for Places {
    fn key(&mut self, key: Key<'_>) {
        self.key = key.node.map(|_| offset(key.span.start));
    }

    fn open(&mut self, node: NodeId, container: Container, at: u64) {
        let kind = match container {
            Container::Object => Kind::Object,
            Container::Array => Kind::Array,
        };
        let at = offset(at);
        self.add(node, kind, at..at);
        if !self.too_many {
            self.open.push(self.found.len().saturating_sub(1));
        }
    }

    fn close(&mut self, _: NodeId, _: Container, at: u64, _: bool) {
        let place = self.open.pop().and_then(|place| self.found.get_mut(place));
        if let Some(place) = place {
            place.value.end = offset(at).saturating_add(1);
        }
    }

    fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) -> Result<(), Error> {
        let kind = match scalar.kind {
            ScalarKind::Null => Kind::Null,
            ScalarKind::String | ScalarKind::Number | ScalarKind::Bool(_) => Kind::Scalar,
        };
        let span = offset(scalar.span.start)..offset(scalar.span.end);
        self.add(node, kind, span);
        Ok(())
    }
}
