//! `patch`, compiled: edits of a JSON body, or of the JSON in each event of a stream.

mod compile;
mod declared;
mod events;

pub(crate) use compile::compile;
pub(crate) use declared::{BodyKind, Declared};
pub(crate) use events::{Events, Passage};

use bodies::json::{self, DocumentError, PatchError, Pointers};
use bodies::multipart::{self, Delimiter};
use bodies::{Change, Splice, spliced};

use crate::config::Limits;
use crate::failure::{Outcome, Reason, Unusable};
use crate::languages::jinja::Template;

/// Whether the edits can apply to an answer, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits,
    /// It is something else, or JSON in which no place is.
    Other,
    /// It is called JSON and cannot be.
    Broken,
}

/// What is wrong with an answer that is called JSON.
pub(crate) const NOT_JSON: &str = "the body is not a JSON document";

/// The edits of one configuration.
#[derive(Debug)]
pub(crate) struct Patch {
    /// The place in the configuration, for failures of the whole.
    pub(crate) path: String,
    pointers: Pointers,
    /// Whether a place may be in a document that is an array.
    in_arrays: bool,
    /// By the numbers of the pointers.
    pub(crate) edits: Vec<Edit>,
}

/// One edit.
#[derive(Debug)]
pub(crate) struct Edit {
    /// The place in the configuration, for failures.
    pub(crate) path: String,
    /// The only token of its pointer, which in a multipart body is the name of a part.
    name: Option<String>,
    operation: Operation,
}

#[derive(Debug)]
enum Operation {
    Set(NewValue),
    Replace(NewValue),
    Default(NewValue),
    Remove,
}

/// What an edit puts.
#[derive(Debug)]
struct NewValue {
    template: Template,
    /// Whether the template renders JSON text; otherwise a string.
    json: bool,
}

impl Edit {
    /// The template of what it puts.
    pub(crate) fn template(&self) -> Option<&Template> {
        match &self.operation {
            Operation::Set(source) | Operation::Replace(source) | Operation::Default(source) => {
                Some(&source.template)
            }
            Operation::Remove => None,
        }
    }

    /// The template of what it puts.
    pub(crate) fn template_mut(&mut self) -> Option<&mut Template> {
        match &mut self.operation {
            Operation::Set(source) | Operation::Replace(source) | Operation::Default(source) => {
                Some(&mut source.template)
            }
            Operation::Remove => None,
        }
    }

    /// What to do to a message for which the template renders `rendered`.
    ///
    /// # Errors
    ///
    /// It is not the JSON text it has to be.
    pub(crate) fn change(
        &self,
        rendered: String,
        limits: &Limits,
    ) -> Result<Change, DocumentError> {
        let (source, change): (_, fn(String) -> Change) = match &self.operation {
            Operation::Set(source) => (source, Change::Set),
            Operation::Replace(source) => (source, Change::Replace),
            Operation::Default(source) => (source, Change::Default),
            Operation::Remove => return Ok(Change::Remove),
        };
        let constant = matches!(source.template, Template::Text(_));
        if rendered.is_empty() && !constant {
            return Ok(Change::Nothing);
        }
        let text = if source.json {
            json_text(&rendered, limits)?
        } else {
            json::quoted(&rendered)
        };
        Ok(change(text))
    }
}

/// Checks JSON text. Line breaks in it, which can only be white space, become spaces: a line of an
/// event cannot hold them.
fn json_text(text: &str, limits: &Limits) -> Result<String, DocumentError> {
    json::check(text.as_bytes(), &limits.of_bodies())?;
    Ok(text.trim_ascii().replace(['\r', '\n'], " "))
}

impl Patch {
    /// Whether the edits can apply to an answer that is called so and begins with this byte.
    pub(crate) fn fit(&self, kind: &BodyKind, first: u8) -> Fit {
        match first {
            b'{' => Fit::Fits,
            b'[' if self.in_arrays => Fit::Fits,
            b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Fit::Other,
            _ if *kind == BodyKind::Json => Fit::Broken,
            _ => Fit::Other,
        }
    }

    /// The document with `changes` made; `None` when that changes nothing. What cannot be made is
    /// told to `outcome`.
    pub(crate) fn edited(
        &self,
        document: &[u8],
        changes: &[Change],
        limits: &Limits,
        outcome: &mut Outcome,
    ) -> Option<Vec<u8>> {
        match self.splices(document, changes, limits, outcome) {
            Ok(splices) => (!splices.is_empty()).then(|| spliced(document, &splices)),
            Err(error) => {
                let reason = match error {
                    PatchError::Invalid => Reason::JsonInvalid,
                    PatchError::TooDeep | PatchError::TooMuch => Reason::Limit,
                };
                outcome.fail(reason, &self.path, error.to_string());
                None
            }
        }
    }

    /// A multipart body with `changes` made to its parts; `None` when that changes nothing. What
    /// cannot be made is told to `outcome`.
    pub(crate) fn edited_parts(
        &self,
        body: &[u8],
        delimiter: &Delimiter,
        changes: &[Change],
        limits: &Limits,
        outcome: &mut Outcome,
    ) -> Option<Vec<u8>> {
        let mut named = Vec::new();
        let mut numbers = Vec::new();
        for (number, (edit, change)) in self.edits.iter().zip(changes).enumerate() {
            if let Some(name) = &edit.name {
                named.push((name.as_str(), change));
                numbers.push(number);
            } else if matches!(change, Change::Set(_) | Change::Default(_)) {
                let detail = "the body is a form, and its fields have no members";
                outcome.fail(Reason::MultipartInvalid, &edit.path, detail);
            }
        }
        match multipart::plan(body, delimiter, &named, &limits.of_bodies()) {
            Ok(plan) => {
                for misfit in plan.misfits {
                    let edit = numbers
                        .get(misfit)
                        .and_then(|number| self.edits.get(*number));
                    let path = edit.map_or(&self.path, |edit| &edit.path);
                    let detail = "the value holds the boundary of the body's parts";
                    outcome.fail(Reason::MultipartInvalid, path, detail);
                }
                (!plan.splices.is_empty()).then(|| spliced(body, &plan.splices))
            }
            Err(error) => {
                let Unusable(reason, detail) = error.into();
                outcome.fail(reason, &self.path, detail);
                None
            }
        }
    }

    /// The splices that make `changes` to a document. Edits that do not fit are told to `outcome`.
    ///
    /// # Errors
    ///
    /// The document is not JSON, or a limit is reached.
    fn splices(
        &self,
        document: &[u8],
        changes: &[Change],
        limits: &Limits,
        outcome: &mut Outcome,
    ) -> Result<Vec<Splice>, PatchError> {
        let plan = json::plan(document, &self.pointers, changes, &limits.of_bodies())?;
        for misfit in plan.misfits {
            let path = self.edits.get(misfit).map_or(&self.path, |edit| &edit.path);
            let detail = "the body has no place for it: beyond an array, or inside a value";
            outcome.fail(Reason::JsonInvalid, path, detail);
        }
        Ok(plan.splices)
    }
}
