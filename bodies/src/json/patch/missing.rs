//! What edits put where nothing stands, and those that cannot.

use smallvec::SmallVec;

use super::places::{Kind, Place};
use super::{EditId, Marks, PatchError, Planner, Texts, Verb, push_quoted};
use crate::json::path::{Path, Selector};
use crate::json::pointer::ROOT;

/// What is put into an array or object takes no more bytes than this, as a rule.
const MADE_BYTES: usize = 64;

/// An edit that puts a value into one that is missing, and the step of its path that leads on.
type Made = (EditId, usize);

/// Whether objects can be made for the steps of a path from this one on.
fn is_makeable(path: &Path, step: usize) -> bool {
    let mut steps = path.steps.get(step..).unwrap_or_default().iter();
    steps.all(|step| step.selector.makes_member())
}

/// Whether a place never can have what this step of an edit's path leads on to.
fn cannot_have(place: &Place, nth: usize, path: &Path, step: usize, verb: Verb) -> bool {
    let Some(selector) = path.selector(step) else {
        return false;
    };
    let next = step.saturating_add(1);
    let is_last = next == path.depth();
    let inserts = is_last && verb == Verb::Insert;
    match place.kind {
        Kind::Object if inserts || selector.name().is_none() => true,
        Kind::Object => !place.has(nth) && !is_makeable(path, next),
        Kind::Array if selector.is_after_last() => !is_last,
        Kind::Array => match selector {
            Selector::FromEnd(number) => *number > place.elements,
            selector => selector.index().is_none_or(|index| {
                index > place.elements || (index == place.elements && !inserts)
            }),
        },
        // As good as missing, but for a document that is nothing else.
        Kind::Null if place.node != ROOT => !is_makeable(path, step),
        Kind::Null | Kind::Scalar => true,
    }
}

impl<'t, T: Texts<'t>> Planner<'_, 't, T> {
    /// Finds the edits that the document has no place for. One that selects what is there is none.
    pub(super) fn find_misfits(&mut self) {
        let paths = self.paths;
        for place in self.places.iter() {
            for (nth, inside) in paths.concern(place.node).inside.iter().enumerate() {
                let Some((path, verb)) = paths.edit(inside.edit) else {
                    continue;
                };
                if !path.is_selective()
                    && cannot_have(place, nth, path, inside.step, verb)
                    && self.leads_to(place, path, inside.step)
                {
                    self.unmade.insert(inside.edit);
                }
            }
        }
        if self.unmade.is_empty() {
            return;
        }
        for edit in (0..paths.len()).map(EditId::nth) {
            if !self.makes(edit) && self.texts.text(edit, None).is_some() {
                self.plan.misfits.insert(edit);
            }
        }
    }

    /// The edits that put something into a place, each with the step that leads on from there.
    fn inside(&self, place: &Place) -> SmallVec<[Made; 4]> {
        let paths = self.paths;
        let inside = paths.concern(place.node).inside.iter().enumerate();
        inside
            .filter(|(nth, inside)| {
                self.makes(inside.edit)
                    && paths.edit(inside.edit).is_some_and(|(path, verb)| {
                        !place.has(*nth)
                            && !cannot_have(place, *nth, path, inside.step, verb)
                            && self.leads_to(place, path, inside.step)
                    })
            })
            .map(|(_, inside)| (inside.edit, inside.step))
            .collect()
    }

    /// Puts what an array or object lacks at its end.
    pub(super) fn put_missing(&mut self, place: &Place, marks: Marks) -> Result<(), PatchError> {
        let is_container = matches!(place.kind, Kind::Object | Kind::Array);
        if !is_container || self.paths.concern(place.node).inside.is_empty() {
            return Ok(());
        }
        let inside = self.inside(place);
        if inside.is_empty() {
            return Ok(());
        }
        let last = self.before(place.value.end.saturating_sub(1));
        let at = last.saturating_add(1);
        let is_empty = last == place.value.start || marks.removed;
        let mut items = String::with_capacity(MADE_BYTES);
        let mut out = Items {
            text: &mut items,
            is_first: is_empty,
        };
        if place.kind == Kind::Object {
            self.put_members(&inside, &mut out);
        } else {
            self.put_elements(place, &inside, &mut out);
        }
        if items.is_empty() {
            return Ok(());
        }
        self.splice(at..at, items)
    }

    /// Puts what stands at an array's end.
    fn put_elements(&mut self, place: &Place, inside: &[Made], out: &mut Items<'_>) {
        for (edit, step) in inside {
            let path = self.paths.edit(*edit).map(|(path, _)| path);
            let selector = path.and_then(|path| path.selector(*step));
            let is_end = selector.is_some_and(|selector| {
                selector.is_after_last() || selector.index() == Some(place.elements)
            });
            if is_end && let Some(text) = self.texts.text(*edit, None) {
                out.begin();
                out.text.push_str(&text);
            }
        }
    }

    /// The object that takes the place of `null`.
    pub(super) fn made_in_null(&mut self, place: &Place) -> Option<String> {
        let inside = self.inside(place);
        let mut made = String::new();
        self.put_object(&inside, &mut made);
        (!made.is_empty()).then_some(made)
    }

    /// Puts the members that edits make in an object which has none of them.
    fn put_members(&mut self, inside: &[Made], out: &mut Items<'_>) {
        let paths = self.paths;
        let name = |(edit, step): &Made| paths.edit(*edit)?.0.selector(*step)?.name();
        for (nth, made) in inside.iter().enumerate() {
            let Some(known) = name(made) else { continue };
            let mut before = inside.iter().take(nth);
            if before.any(|other| name(other) == Some(known)) {
                continue;
            }
            let same = inside.iter().filter(|made| name(made) == Some(known));
            let next: SmallVec<[Made; 4]> = same
                .map(|(edit, step)| (*edit, step.saturating_add(1)))
                .collect();
            let (length, was_first) = (out.text.len(), out.is_first);
            out.begin();
            push_quoted(known, out.text);
            out.text.push(':');
            if !self.put_value(&next, out.text) {
                out.text.truncate(length);
                out.is_first = was_first;
            }
        }
    }

    /// Puts a value that is missing, if there is one: what the first edit of this very value puts, or the
    /// object that those inside it make.
    fn put_value(&mut self, edits: &[Made], out: &mut String) -> bool {
        let mut is_put = false;
        for (edit, step) in edits {
            let path = self.paths.edit(*edit).map(|(path, _)| path);
            if path.is_none_or(|path| path.depth() != *step) {
                continue;
            }
            let Some(text) = self.texts.text(*edit, None) else {
                continue;
            };
            if is_put {
                self.plan.conflicts.insert(*edit);
            } else {
                out.push_str(&text);
                is_put = true;
            }
        }
        is_put || self.put_object(edits, out)
    }

    /// Puts an object of what is missing in it, if there is anything.
    fn put_object(&mut self, inside: &[Made], out: &mut String) -> bool {
        let length = out.len();
        out.push('{');
        let mut members = Items {
            text: out,
            is_first: true,
        };
        self.put_members(inside, &mut members);
        let is_empty = members.is_first;
        if is_empty {
            out.truncate(length);
        } else {
            out.push('}');
        }
        !is_empty
    }
}

/// Members or elements on their way.
struct Items<'o> {
    text: &'o mut String,
    /// Whether none stands before the next.
    is_first: bool,
}

impl Items<'_> {
    /// Begins the next one.
    fn begin(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(',');
        }
    }
}
