//! The edits of one message, as far as they are known before any document of it.

use bodies::Change;

use super::Patch;
use crate::failure::{Outcome, Reason};
use crate::languages::{Document, ExpressionId, Seen};

/// The edits of one message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ready {
    /// By the numbers of the edits.
    pub(crate) edits: Vec<ReadyEdit>,
    /// The conditions that leave a document out, by the numbers of `dropEvents`.
    pub(crate) drops: Vec<Condition>,
}

/// One edit.
#[derive(Clone, Debug)]
pub(crate) struct ReadyEdit {
    pub(crate) condition: Condition,
    pub(crate) text: Text,
}

/// Whether an edit is made, or a document left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Always,
    Never,
    /// The expression says so of each document.
    Asked(ExpressionId),
}

/// What an edit puts.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// This JSON text.
    Known(String),
    /// What the expression gives in each document.
    Asked(ExpressionId),
}

impl ReadyEdit {
    /// One that does nothing.
    pub(crate) const NONE: Self = Self {
        condition: Condition::Never,
        text: Text::Known(String::new()),
    };
}

impl Ready {
    /// Whether nothing is edited or left out, whatever the documents are.
    pub(crate) fn is_idle(&self) -> bool {
        let edits = self.edits.iter().map(|edit| edit.condition);
        let mut conditions = edits.chain(self.drops.iter().copied());
        conditions.all(|condition| condition == Condition::Never)
    }

    /// Whether no expression decides what the edits put.
    pub(super) fn are_fixed(&self) -> bool {
        self.edits.iter().all(|edit| {
            !matches!(edit.condition, Condition::Asked(_)) && !matches!(edit.text, Text::Asked(_))
        })
    }

    /// The same in a form, whose parts are no documents: with the conditions that are known without one.
    pub(super) fn in_form(&self, seen: &Seen<'_>) -> Self {
        let form = Document::absent(seen);
        let known = |condition| match condition {
            Condition::Asked(id) => match form.holds(id, None) {
                Ok(true) => Condition::Always,
                Ok(false) => Condition::Never,
                Err(_) => condition,
            },
            condition => condition,
        };
        let mut ready = self.clone();
        for edit in &mut ready.edits {
            edit.condition = known(edit.condition);
        }
        ready
    }

    /// The changes of the parts of a form, by their names, with the numbers of the edits. An edit that
    /// a part cannot have is told to `outcome`.
    pub(super) fn of_parts<'p>(
        &self,
        patch: &'p Patch,
        outcome: &mut Outcome,
    ) -> (Vec<(&'p str, Change)>, Vec<usize>) {
        let mut named = Vec::new();
        let mut numbers = Vec::new();
        for (number, (edit, ready)) in patch.edits.iter().zip(&self.edits).enumerate() {
            let Some(name) = &edit.name else { continue };
            match (ready.condition, &ready.text) {
                (Condition::Never, _) => {}
                (Condition::Asked(_), _) | (_, Text::Asked(_)) => {
                    let detail =
                        "the part of a form is no JSON: there is no `document` and no `value`";
                    outcome.fail(Reason::MultipartInvalid, &edit.path, detail);
                }
                (Condition::Always, Text::Known(text)) => {
                    if let Some(change) = edit.verb.change(text.clone()) {
                        named.push((name.as_str(), change));
                        numbers.push(number);
                    }
                }
            }
        }
        (named, numbers)
    }

    /// The edits of the lines in the files of a form: those that are of no part.
    pub(super) fn of_files(&self, patch: &Patch) -> Self {
        let edits = patch.edits.iter().zip(&self.edits);
        let edits = edits.map(|(edit, ready)| match edit.name {
            Some(_) => ReadyEdit::NONE,
            None => ready.clone(),
        });
        Self {
            edits: edits.collect(),
            drops: Vec::new(),
        }
    }
}
