//! The edits of one message, as far as they are known before any document of it.

use bodies::Change;

use super::Patch;
use crate::failure::{Outcome, Reason};
use crate::languages::ExpressionId;

/// The edits of one message.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// By the numbers of the edits.
    pub(crate) edits: Vec<ReadyEdit>,
    /// The conditions that leave a document out, by the numbers of `dropEvents`.
    pub(crate) drops: Vec<Condition>,
}

/// One edit.
#[derive(Debug)]
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
#[derive(Debug)]
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
    /// The changes of the parts of a form, by their names, with the numbers of the edits. What a form
    /// cannot have is told to `outcome`.
    pub(crate) fn of_parts<'p>(
        &self,
        patch: &'p Patch,
        outcome: &mut Outcome,
    ) -> (Vec<(&'p str, Change)>, Vec<usize>) {
        let mut named = Vec::new();
        let mut numbers = Vec::new();
        for (number, (edit, ready)) in patch.edits.iter().zip(&self.edits).enumerate() {
            let detail = match (ready.condition, &ready.text) {
                (Condition::Never, _) => continue,
                (Condition::Asked(_), _) | (_, Text::Asked(_)) => {
                    "the body is a form: there is no `document` and no `value`"
                }
                (Condition::Always, Text::Known(text)) => {
                    match (&edit.name, edit.verb.change(text.clone())) {
                        (Some(name), Some(change)) => {
                            named.push((name.as_str(), change));
                            numbers.push(number);
                            continue;
                        }
                        _ if edit.verb.puts() => {
                            "the body is a form, and its fields have no members"
                        }
                        _ => continue,
                    }
                }
            };
            outcome.fail(Reason::MultipartInvalid, &edit.path, detail);
        }
        (named, numbers)
    }
}
