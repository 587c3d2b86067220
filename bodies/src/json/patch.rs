//! Edits of a JSON document, as splices of its bytes: what is not edited keeps its order, its
//! spelling and its white space.
//!
//! All edits mean the document as it arrived, and do not see one another. What stands inside a value
//! that is taken away or replaced is not edited. Of several edits that change one place the first
//! does; the others are conflicts.

mod missing;
mod paths;
mod places;
mod plans;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use smallvec::{SmallVec, smallvec};

pub use self::paths::{EditId, EditIds, Paths, PathsError};
use self::places::{Kind, Place, Places};
pub use self::plans::Plans;
use super::path::Path;
use super::pointer::ROOT;
use super::walker::Error as WalkError;
use crate::{Change, Limits, Splice, Splices, is_space};

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

impl From<WalkError> for PatchError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Invalid => Self::Invalid,
            WalkError::TooDeep => Self::TooDeep,
        }
    }
}

/// What an edit does where its path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Puts a value there, whatever stands there now.
    Set,
    /// Puts a value there if something stands there.
    Replace,
    /// Puts a value there if it is missing or `null`.
    Default,
    /// Puts a value before the element that stands there, or at the end of the array.
    Insert,
    /// Takes away what stands there.
    Remove,
}

impl Verb {
    /// Whether it puts something where nothing stands.
    pub fn puts(self) -> bool {
        matches!(self, Verb::Set | Verb::Default | Verb::Insert)
    }

    /// The change that it makes with a text. None inserts into what has no order.
    pub fn change(self, text: String) -> Option<Change> {
        Some(match self {
            Verb::Set => Change::Set(text),
            Verb::Replace => Change::Replace(text),
            Verb::Default => Change::Default(text),
            Verb::Remove => Change::Remove,
            Verb::Insert => return None,
        })
    }
}

/// What edits put.
pub trait Texts<'t> {
    /// The JSON text that an edit puts at a place where `value` stands, or nothing does; `None` if it
    /// leaves the place as it is. Of an edit that removes, any text. It is asked for only where the
    /// edit can be made, or would be if the document had the place.
    fn text(&mut self, edit: EditId, value: Option<&[u8]>) -> Option<Cow<'t, str>>;

    /// Whether they are the same in every document of a stream, whatever stands there.
    fn are_fixed(&self) -> bool {
        false
    }
}

/// The edits of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentPlan<'t> {
    /// In order, without overlap.
    pub splices: Splices<'t>,
    /// The edits that a value of the document has no place for. Nothing new is made for them; what
    /// stands at their place elsewhere, because a key stands twice, is edited.
    pub misfits: EditIds,
    /// The edits of a place that another has changed; at other places they may have been made.
    pub conflicts: EditIds,
}

/// Plans the edits of a document.
///
/// # Errors
///
/// The document cannot be searched, or the edits would make too much of it.
pub fn plan<'t>(
    document: &[u8],
    paths: &Paths,
    texts: &mut impl Texts<'t>,
    limits: &Limits,
) -> Result<DocumentPlan<'t>, PatchError> {
    let mut places = Places::default();
    places.find(document, paths, limits)?;
    plan_at(&places, document, paths, texts, limits)
}

/// Plans the edits of a document whose places are found.
fn plan_at<'t>(
    places: &Places,
    document: &[u8],
    paths: &Paths,
    texts: &mut impl Texts<'t>,
    limits: &Limits,
) -> Result<DocumentPlan<'t>, PatchError> {
    let mut planner = Planner {
        document,
        paths,
        places,
        texts,
        plan: DocumentPlan::default(),
        unmade: EditIds::default(),
        marks: smallvec![Marks::default(); places.len()],
        covered: 0,
        room: limits.edit_bytes,
    };
    planner.find_misfits();
    planner.edit()?;
    let mut plan = planner.plan;
    // Stable: what is put at the end of a container comes after what ends there.
    plan.splices.sort_by_key(|splice| splice.old.start);
    Ok(plan)
}

struct Planner<'p, 't, T> {
    document: &'p [u8],
    paths: &'p Paths,
    places: &'p Places,
    texts: &'p mut T,
    plan: DocumentPlan<'t>,
    /// The edits that make nothing new.
    unmade: EditIds,
    /// By place.
    marks: SmallVec<[Marks; 4]>,
    /// Up to where the bytes are gone, or others stand there.
    covered: usize,
    /// Bytes that may still be put.
    room: usize,
}

/// What has become of an array or object so far.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// It is gone, or another value stands there.
    gone: bool,
    /// Everything in it is gone from its beginning up to here.
    removed_up_to: Option<usize>,
    /// Everything in it is gone.
    removed: bool,
}

impl<'p, 't, T: Texts<'t>> Planner<'p, 't, T> {
    fn edit(&mut self) -> Result<(), PatchError> {
        for (at, place) in self.places.iter().enumerate() {
            if place.start < self.covered {
                if let Some(marks) = self.marks.get_mut(at) {
                    marks.gone = true;
                }
                continue;
            }
            let gone = self.edit_place(place)?;
            if let Some(marks) = self.marks.get_mut(at).filter(|_| gone) {
                marks.gone = true;
                self.covered = place.value.end;
            }
        }
        for (at, place) in self.places.iter().enumerate() {
            match self.marks.get(at) {
                Some(marks) if !marks.gone => self.put_missing(place, *marks)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the edits of one place, and the insertions before it. Whether what stood there is gone.
    fn edit_place(&mut self, place: &Place) -> Result<bool, PatchError> {
        let inserted = self.inserted(place);
        match self.winner(place) {
            Some((Verb::Remove, _)) => {
                self.remove(place, inserted)?;
                Ok(true)
            }
            winner => {
                if !inserted.is_empty() {
                    self.splice(place.start..place.start, format!("{inserted},"))?;
                }
                let new = match winner {
                    Some((_, text)) => Some(text),
                    None if place.kind == Kind::Null && place.node != ROOT => {
                        self.made_in_null(place).map(Cow::Owned)
                    }
                    None => None,
                };
                let Some(new) = new else { return Ok(false) };
                self.splice(place.value.clone(), new)?;
                Ok(true)
            }
        }
    }

    /// The first edit that changes a place, and what it puts there.
    fn winner(&mut self, place: &Place) -> Option<(Verb, Cow<'t, str>)> {
        let mut winner: Option<(Verb, Cow<'t, str>)> = None;
        let paths = self.paths;
        for edit in &paths.concern(place.node).here {
            let Some((path, verb)) = paths.edit(*edit) else {
                continue;
            };
            let applies = match verb {
                Verb::Set | Verb::Replace => true,
                Verb::Default => place.kind == Kind::Null,
                Verb::Remove => place.container.is_some(),
                Verb::Insert => false,
            };
            let known = winner.as_ref().map(|(verb, _)| *verb);
            let agrees = known == Some(Verb::Remove) && verb == Verb::Remove;
            if !applies || agrees || !self.leads_to(place, path, path.depth()) {
                continue;
            }
            let Some(text) = self
                .texts
                .text(*edit, self.document.get(place.value.clone()))
            else {
                continue;
            };
            match winner {
                None => winner = Some((verb, text)),
                Some(_) => {
                    self.plan.conflicts.insert(*edit);
                }
            }
        }
        winner
    }

    /// What is inserted before an element, with commas between.
    fn inserted(&mut self, place: &Place) -> String {
        let paths = self.paths;
        let mut inserted = String::new();
        let concern = paths.concern(place.node);
        if concern.before.is_empty() || !self.is_in_array(place) {
            return inserted;
        }
        for edit in &concern.before {
            let leads = paths
                .edit(*edit)
                .is_some_and(|(path, _)| self.leads_to(place, path, path.depth()));
            if !leads || !self.makes(*edit) {
                continue;
            }
            let value = self.document.get(place.value.clone());
            if let Some(text) = self.texts.text(*edit, value) {
                if !inserted.is_empty() {
                    inserted.push(',');
                }
                inserted.push_str(&text);
            }
        }
        inserted
    }

    /// Takes a member or element away with the comma that goes with it. What is `inserted` before it
    /// takes its place.
    fn remove(&mut self, place: &Place, inserted: String) -> Result<(), PatchError> {
        let (start, end) = (place.start, place.value.end);
        let Some(container) = place.container.and_then(|at| self.marks.get(at).copied()) else {
            return Ok(());
        };
        let comma = self.before(start);
        let is_first = container.removed_up_to == Some(start) || self.byte(comma) != Some(b',');
        if !is_first {
            if !inserted.is_empty() {
                self.splice(comma..comma, format!(",{inserted}"))?;
            }
            return self.splice(comma..end, "");
        }
        if !inserted.is_empty() {
            return self.splice(start..end, inserted);
        }
        let after = self.after(end);
        let follows = self.byte(after) == Some(b',');
        let next = self.after(after.saturating_add(1));
        let marks = place.container.and_then(|at| self.marks.get_mut(at));
        if let Some(marks) = marks {
            if follows {
                marks.removed_up_to = Some(next);
            } else {
                marks.removed = true;
            }
        }
        self.splice(start..if follows { next } else { end }, "")
    }

    fn splice(
        &mut self,
        old: Range<usize>,
        new: impl Into<Cow<'t, str>>,
    ) -> Result<(), PatchError> {
        let new = new.into();
        self.room = self
            .room
            .checked_sub(new.len())
            .ok_or(PatchError::TooMuch)?;
        self.plan.splices.push(Splice { old, new });
        Ok(())
    }

    /// Whether an edit makes what is missing. Half of what it would make is none: a parser could take
    /// the other half.
    fn makes(&self, edit: EditId) -> bool {
        !self.unmade.contains(edit)
    }

    fn leads_to(&self, place: &Place, path: &Path, steps: usize) -> bool {
        self.places.is_led_to(place, path, steps)
    }

    fn is_in_array(&self, place: &Place) -> bool {
        let container = place.container.and_then(|at| self.places.get(at));
        container.is_some_and(|container| container.kind == Kind::Array)
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

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    push_quoted(text, &mut quoted);
    quoted
}

/// Adds a text as a JSON string.
pub fn push_quoted(text: &str, out: &mut String) {
    let is_escaped = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    let bytes = text.as_bytes();
    if json_blocks::plain(bytes).is_none() && bytes.iter().any(is_escaped) {
        out.push_str(&serde_json::Value::from(text).to_string());
        return;
    }
    out.reserve(text.len().saturating_add(2));
    out.push('"');
    out.push_str(text);
    out.push('"');
}
