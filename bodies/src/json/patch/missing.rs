//! What edits put where nothing stands, and those that cannot.

use super::places::{Kind, Place};
use super::{EditId, Marks, PatchError, Planner, Texts, Verb, bit, quoted};
use crate::json::path::{Path, Selector};
use crate::json::pointer::ROOT;

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
                    self.unmade |= bit(inside.edit);
                }
            }
        }
        if self.unmade == 0 {
            return;
        }
        for edit in (0..paths.len()).map(EditId::nth) {
            if !self.is_made(edit) && self.texts.text(edit, None).is_some() {
                self.plan.misfits.insert(edit);
            }
        }
    }

    /// The edits that put something into a place, each with the step that leads on from there.
    fn inside(&self, place: &Place) -> Vec<Made> {
        let paths = self.paths;
        let inside = paths.concern(place.node).inside.iter().enumerate();
        inside
            .filter(|(nth, inside)| {
                self.is_made(inside.edit)
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
        if self.paths.concern(place.node).inside.is_empty() {
            return Ok(());
        }
        let items = match place.kind {
            Kind::Object => {
                let inside = self.inside(place);
                self.members(&inside)
            }
            Kind::Array => self.appended(place),
            Kind::Null | Kind::Scalar => return Ok(()),
        };
        if items.is_empty() {
            return Ok(());
        }
        let last = self.before(place.value.end.saturating_sub(1));
        let at = last.saturating_add(1);
        let is_empty = last == place.value.start;
        let comma = if is_empty || marks.removed { "" } else { "," };
        self.splice(at..at, format!("{comma}{}", items.join(",")))
    }

    /// What is put at an array's end.
    fn appended(&mut self, place: &Place) -> Vec<String> {
        let mut items = Vec::new();
        for (edit, step) in self.inside(place) {
            let selector = self
                .paths
                .edit(edit)
                .and_then(|(path, _)| path.selector(step));
            let is_end = selector.is_some_and(|selector| {
                selector.is_after_last() || selector.index() == Some(place.elements)
            });
            if is_end && let Some(text) = self.texts.text(edit, None) {
                items.push(text.into_owned());
            }
        }
        items
    }

    /// The object that takes the place of `null`.
    pub(super) fn made_in_null(&mut self, place: &Place) -> Option<String> {
        let inside = self.inside(place);
        let members = self.members(&inside);
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }

    /// The members that edits put into an object which has none of them.
    fn members(&mut self, inside: &[Made]) -> Vec<String> {
        let paths = self.paths;
        let name = |(edit, step): &Made| paths.edit(*edit)?.0.selector(*step)?.name();
        let mut names: Vec<&str> = Vec::new();
        for named in inside.iter().filter_map(name) {
            if !names.contains(&named) {
                names.push(named);
            }
        }
        let mut members = Vec::new();
        for known in names {
            let same = inside.iter().filter(|made| name(made) == Some(known));
            let next: Vec<Made> = same
                .map(|(edit, step)| (*edit, step.saturating_add(1)))
                .collect();
            if let Some(value) = self.made(&next) {
                members.push(format!("{}:{value}", quoted(known)));
            }
        }
        members
    }

    /// A value that is missing: what the first edit of this very value puts, or the object that those
    /// inside it make.
    fn made(&mut self, edits: &[Made]) -> Option<String> {
        let mut value: Option<String> = None;
        for (edit, step) in edits {
            if self
                .paths
                .edit(*edit)
                .is_none_or(|(path, _)| path.depth() != *step)
            {
                continue;
            }
            let Some(text) = self.texts.text(*edit, None) else {
                continue;
            };
            match value {
                None => value = Some(text.into_owned()),
                Some(_) => {
                    self.plan.conflicts.insert(*edit);
                }
            }
        }
        if value.is_some() {
            return value;
        }
        let members = self.members(edits);
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }
}
