//! Edits of a JSON document at JSON Pointers, as splices of its bytes: what is not edited keeps its
//! order, its spelling and its white space.

mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;

use self::places::{Kind, Place, Places};
use super::pointer::{self, Node, NodeId, Pointers, ROOT};
use crate::{Change, Limits, Plan, Splice};

/// Why a document is not edited at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not one JSON document.
    #[error("not a JSON document")]
    Invalid,
    /// More arrays and objects open at once than [`Limits::json_depth`] allows.
    #[error("nested too deep")]
    TooDeep,
    /// The edits concern more places than [`PLACES`](crate::PLACES), or put more bytes
    /// than [`Limits::edit_bytes`].
    #[error("the edits make too much of the body")]
    TooMuch,
}

/// Plans the edits of a document: `changes` in the order of the pointers. No
/// pointer may lead through another.
///
/// # Errors
///
/// The document cannot be searched, or the edits would make too much of it.
pub fn plan(
    document: &[u8],
    pointers: &Pointers,
    changes: &[Change],
    limits: &Limits,
) -> Result<Plan, PatchError> {
    let places = Places::of(document, pointers, limits)?;
    let mut planner = Planner {
        document,
        pointers,
        changes,
        misfits: BTreeSet::new(),
        splices: Vec::new(),
        room: limits.edit_bytes,
    };
    planner.find_misfits(&places);
    planner.edit(&places)?;
    let Planner {
        misfits,
        mut splices,
        ..
    } = planner;
    // Stable: what is put at the end of a container comes after what ends there.
    splices.sort_by_key(|splice| splice.old.start);
    Ok(Plan { splices, misfits })
}

/// A place from which nothing leads on.
static NOWHERE: Node = Node::NOWHERE;

struct Planner<'p> {
    document: &'p [u8],
    pointers: &'p Pointers,
    changes: &'p [Change],
    misfits: BTreeSet<usize>,
    splices: Vec<Splice>,
    /// Bytes that may still be put.
    room: usize,
}

/// What was removed of a container so far.
#[derive(Clone, Copy, Default)]
struct Removed {
    /// Everything from its beginning up to here.
    up_to: Option<usize>,
    /// Everything.
    all: bool,
}

impl<'p> Planner<'p> {
    /// Finds the changes that no edit can make.
    fn find_misfits(&mut self, places: &Places) {
        for place in places.iter() {
            match place.kind {
                Kind::Object => {
                    for (_, child) in self.missing(place) {
                        self.find_unmakeable(child);
                    }
                }
                Kind::Array => {
                    for (name, child) in self.missing(place) {
                        let appends = name == "-" && self.node(child).target.is_some();
                        if !appends {
                            self.misfit(child);
                        }
                    }
                }
                // As good as missing, but for a document that is nothing else.
                Kind::Null if place.node != ROOT => self.find_unmakeable(place.node),
                Kind::Null | Kind::Scalar => {
                    for (_, child) in self.ways(place.node) {
                        self.misfit(child);
                    }
                }
            }
        }
    }

    /// What is missing below a node can be made, but for elements of arrays.
    fn find_unmakeable(&mut self, node: NodeId) {
        for (name, child) in self.ways(node) {
            if name == "-" || pointer::index(name).is_some() {
                self.misfit(child);
            } else {
                self.find_unmakeable(child);
            }
        }
    }

    /// Gives up what is to be put at `node` or below it. What is to be taken away there is not.
    fn misfit(&mut self, node: NodeId) {
        let Self {
            pointers,
            changes,
            misfits,
            ..
        } = self;
        pointers.fields_below(node, &mut |field| {
            if let Some(Change::Set(_) | Change::Default(_)) = changes.get(field.index()) {
                misfits.insert(field.index());
            }
        });
    }

    fn edit(&mut self, places: &Places) -> Result<(), PatchError> {
        let mut removed = vec![Removed::default(); places.len()];
        for place in places.iter() {
            match self.change(place.node) {
                Some(Change::Set(text) | Change::Replace(text)) => {
                    self.splice(place.value.clone(), text.clone())?
                }
                Some(Change::Default(text)) if place.kind == Kind::Null => {
                    self.splice(place.value.clone(), text.clone())?;
                }
                Some(Change::Remove) => {
                    if let Some(container) = place.container.and_then(|at| removed.get_mut(at)) {
                        let old = self.removal(place, container);
                        self.splice(old, String::new())?;
                    }
                }
                Some(_) => {}
                None if place.kind == Kind::Null && place.node != ROOT => {
                    if let Some(text) = self.made(place.node) {
                        self.splice(place.value.clone(), text)?;
                    }
                }
                None => {}
            }
        }
        for (place, removed) in places.iter().zip(removed) {
            self.put_missing(place, removed)?;
        }
        Ok(())
    }

    /// The bytes of a member or element with the comma that goes with it.
    fn removal(&self, place: &Place, container: &mut Removed) -> Range<usize> {
        let comma = self.before(place.start);
        let leads = container.up_to == Some(place.start) || self.byte(comma) != Some(b',');
        if !leads {
            return comma..place.value.end;
        }
        let after = self.after(place.value.end);
        if self.byte(after) != Some(b',') {
            container.all = true;
            return place.start..place.value.end;
        }
        let next = self.after(after.saturating_add(1));
        container.up_to = Some(next);
        place.start..next
    }

    /// Puts what a container lacks at its end.
    fn put_missing(&mut self, place: &Place, removed: Removed) -> Result<(), PatchError> {
        let mut items = Vec::new();
        for (name, child) in self.missing(place) {
            let Some(value) = self.made(child) else {
                continue;
            };
            items.push(match place.kind {
                Kind::Array => value,
                _ => format!("{}:{value}", quoted(name)),
            });
        }
        if items.is_empty() {
            return Ok(());
        }
        let last = self.before(place.value.end.saturating_sub(1));
        let at = last.saturating_add(1);
        let is_empty = last == place.value.start;
        let comma = if is_empty || removed.all { "" } else { "," };
        self.splice(at..at, format!("{comma}{}", items.join(",")))
    }

    /// The ways on from a container that it does not have.
    fn missing(&self, place: &Place) -> Vec<(&'p str, NodeId)> {
        if !matches!(place.kind, Kind::Object | Kind::Array) {
            return Vec::new();
        }
        let mut ways = self.ways(place.node);
        ways.retain(|(_, child)| !place.has(*child));
        ways
    }

    /// What stands at a node that is missing: its value, or the object that its parts make.
    fn made(&self, node: NodeId) -> Option<String> {
        if let Some(field) = self.node(node).target {
            return match self.changes.get(field.index()) {
                Some(Change::Set(text) | Change::Default(text))
                    if !self.misfits.contains(&field.index()) =>
                {
                    Some(text.clone())
                }
                _ => None,
            };
        }
        let members: Vec<String> = self
            .ways(node)
            .into_iter()
            .filter_map(|(name, child)| Some(format!("{}:{}", quoted(name), self.made(child)?)))
            .collect();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }

    fn splice(&mut self, old: Range<usize>, new: String) -> Result<(), PatchError> {
        self.room = self
            .room
            .checked_sub(new.len())
            .ok_or(PatchError::TooMuch)?;
        self.splices.push(Splice { old, new });
        Ok(())
    }

    /// What to do at a node that a pointer ends at.
    fn change(&self, node: NodeId) -> Option<&'p Change> {
        let field = self.node(node).target?;
        let change = self.changes.get(field.index())?;
        if self.misfits.contains(&field.index()) {
            return Some(&Change::Nothing);
        }
        Some(change)
    }

    /// The ways on from a node, in the order of the edits.
    fn ways(&self, node: NodeId) -> Vec<(&'p str, NodeId)> {
        let mut ways: Vec<_> = self.node(node).ways().collect();
        // Nodes are numbered as they are inserted.
        ways.sort_unstable_by_key(|(_, child)| *child);
        ways
    }

    fn node(&self, id: NodeId) -> &'p Node {
        self.pointers.node(id).unwrap_or(&NOWHERE)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.document.get(at).copied()
    }

    /// The place of the last byte before `at` that is not white space.
    fn before(&self, at: usize) -> usize {
        let head = self.document.get(..at).unwrap_or_default();
        let found = head.iter().rposition(|byte| !is_space(*byte));
        found.unwrap_or_default()
    }

    /// The place of the first byte from `at` on that is not white space.
    fn after(&self, at: usize) -> usize {
        let tail = self.document.get(at..).unwrap_or_default();
        let spaces = tail.iter().take_while(|byte| is_space(**byte)).count();
        at.saturating_add(spaces)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
