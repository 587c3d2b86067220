//! Where what the edits concern stands in a document.

use std::ops::Range;

use smallvec::SmallVec;

use super::PatchError;
use super::paths::Paths;
use crate::json::path::{Path, Selector};
use crate::json::pointer::NodeId;
use crate::json::shape::Shape;
use crate::json::walker::{Container, Error, Key, Scalar, ScalarKind, Visitor, Walker};
use crate::{Limits, PLACES};

/// A value that edits concern, or an array or object around one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) kind: Kind,
    /// The array or object that it is in; always before it.
    pub(super) container: Option<usize>,
    /// Which element of its array it is.
    pub(super) index: usize,
    /// The first byte of the member or element: of an object's member, the key's quote.
    pub(super) start: usize,
    /// The value's bytes.
    pub(super) value: Range<usize>,
    /// Which of what leads on from it, of [`Concern::inside`](super::paths::Concern), leads to a
    /// member that it has: one bit for each.
    has: u64,
    /// How many elements the array has; while it is open, how many commas.
    pub(super) elements: usize,
}

impl Place {
    /// Whether it has the member that the edit inside it at this place leads to.
    pub(super) fn has(&self, inside: usize) -> bool {
        self.has & bit(inside) != 0
    }
}

fn bit(inside: usize) -> u64 {
    let shift = u32::try_from(inside).ok();
    shift
        .and_then(|shift| 1_u64.checked_shl(shift))
        .unwrap_or_default()
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
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Most edits concern few places: no allocation.
    found: SmallVec<[Place; 4]>,
    /// Those of the containers that are open.
    open: SmallVec<[usize; 8]>,
    /// Where the key last read begins.
    key: Option<usize>,
    too_many: bool,
}

impl Places {
    /// Finds those of a document, in place of what was found before.
    pub(super) fn find(
        &mut self,
        document: &[u8],
        paths: &Paths,
        limits: &Limits,
    ) -> Result<(), PatchError> {
        self.found.clear();
        self.open.clear();
        self.key = None;
        self.too_many = false;
        let mut walker = Walker::new(limits.json_depth);
        let mut search = Search {
            paths,
            places: self,
        };
        walker.feed(&paths.ways, &mut search, document)?;
        walker.finish(&paths.ways, &mut search)?;
        if self.too_many {
            return Err(PatchError::TooMuch);
        }
        Ok(())
    }

    /// Takes those that were found in a document, moved to where they are in one of the same shape.
    pub(super) fn take_moved(&mut self, found: &Places, shape: &Shape) {
        self.found.clear();
        let moved = found.found.iter().map(|place| Place {
            start: shape.place(place.start),
            value: shape.place(place.value.start)..shape.place(place.value.end),
            ..*place
        });
        self.found.extend(moved);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.found.iter()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Place> {
        self.found.get(at)
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether the first `step` steps of a path, which lead to this place if an index from the end is
    /// any, do lead there.
    pub(super) fn is_led_to(&self, place: &Place, path: &Path, step: usize) -> bool {
        let mut made = (0..step).filter_map(|at| match path.selector(at) {
            Some(Selector::FromEnd(number)) => Some((at, *number)),
            _ => None,
        });
        made.all(|(at, number)| {
            let after = at.saturating_add(1);
            let element = if path.is_deep(after..step) {
                self.around(place, self.depth(place).saturating_sub(after))
            } else {
                self.around(place, step.saturating_sub(after))
            };
            element.is_some_and(|element| {
                let array = element.container.and_then(|at| self.found.get(at));
                array.is_some_and(|array| element.index.saturating_add(number) == array.elements)
            })
        })
    }

    fn depth(&self, place: &Place) -> usize {
        let mut depth: usize = 0;
        let mut here = place;
        while let Some(container) = here.container.and_then(|at| self.found.get(at)) {
            depth = depth.saturating_add(1);
            here = container;
        }
        depth
    }

    /// What is so many levels around a place.
    fn around<'a>(&'a self, place: &'a Place, levels: usize) -> Option<&'a Place> {
        (0..levels).try_fold(place, |here, _| self.found.get(here.container?))
    }
}

/// The search for places, while the walker is shown a part of the document.
struct Search<'p> {
    paths: &'p Paths,
    places: &'p mut Places,
}

impl Search<'_> {
    fn add(&mut self, node: NodeId, kind: Kind, value: Range<usize>) {
        let places = &mut *self.places;
        let start = places.key.take().unwrap_or(value.start);
        let is_container = matches!(kind, Kind::Object | Kind::Array);
        if !is_container && self.paths.concern(node).is_none() {
            return;
        }
        places.too_many |= places.found.len() >= PLACES;
        if places.too_many {
            return;
        }
        let container = places.open.last().copied();
        let array = container.and_then(|at| places.found.get(at));
        places.found.push(Place {
            node,
            kind,
            container,
            index: array.map_or(0, |array| array.elements),
            start,
            value,
            has: 0,
            elements: 0,
        });
    }
}

/// A document in memory has no larger offset than `usize` can say.
fn offset(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl Visitor for Search<'_> {
    #[inline]
    fn key(&mut self, key: Key<'_>) {
        if key.node.is_none() {
            self.places.key = None;
            return;
        }
        self.places.key = Some(offset(key.span.start));
        let paths = self.paths;
        let inside = &paths.concern(key.object).inside;
        if inside.is_empty() {
            return;
        }
        let object = self
            .places
            .open
            .last()
            .and_then(|at| self.places.found.get_mut(*at));
        let Some(object) = object else { return };
        for (nth, inside) in inside.iter().enumerate() {
            let path = paths.edit(inside.edit).map(|(path, _)| path);
            let selector = path.and_then(|path| path.selector(inside.step));
            if selector.is_some_and(|selector| selector.selects_member(key.name)) {
                object.has |= bit(nth);
            }
        }
    }

    fn open(&mut self, node: NodeId, container: Container, at: u64) {
        let kind = match container {
            Container::Object => Kind::Object,
            Container::Array => Kind::Array,
        };
        let at = offset(at);
        self.add(node, kind, at..at);
        if !self.places.too_many {
            self.places
                .open
                .push(self.places.found.len().saturating_sub(1));
        }
    }

    #[inline]
    fn comma(&mut self, _: NodeId, _: u64) {
        let container = self
            .places
            .open
            .last()
            .and_then(|at| self.places.found.get_mut(*at));
        if let Some(container) = container {
            container.elements = container.elements.saturating_add(1);
        }
    }

    fn close(&mut self, node: NodeId, _: Container, at: u64, empty: bool) {
        if self.places.too_many {
            return;
        }
        let Some(place) = self.places.open.pop() else {
            return;
        };
        let is_last = place.saturating_add(1) == self.places.found.len();
        if is_last && place > 0 && self.paths.concern(node).is_none() {
            self.places.found.pop();
            return;
        }
        if let Some(place) = self.places.found.get_mut(place) {
            place.value.end = offset(at).saturating_add(1);
            if !empty {
                place.elements = place.elements.saturating_add(1);
            }
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
