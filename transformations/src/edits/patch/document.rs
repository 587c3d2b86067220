//! The edits of one JSON document.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bodies::json::{self, DocumentError, EditId, PatchError, Plans, Searches, Texts};
use bodies::multipart::{self, Delimiter, File};
use bodies::{Splices, begins_as_json, spliced};

use super::{Condition, Patch, Ready, Stream, Text};
use crate::config::Limits;
use crate::failure::{Failure, Outcome, Reason, Unusable};
use crate::languages::{Document, ExpressionId, Failed, Seen};
use crate::ops::Direction;

/// What the walks through the documents of one stream have learned, each for the next.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    plans: Plans,
    searches: RefCell<Searches>,
}

/// Makes the edits of one message in its documents.
pub(crate) struct Editor<'p> {
    patch: &'p Patch,
    ready: &'p Ready,
    seen: &'p Seen<'p>,
    limits: &'p Limits,
    plans: &'p mut Plans,
    searches: &'p RefCell<Searches>,
    /// How many bytes may still be put into all documents of the message; `None`: as many into each.
    room: Option<&'p Cell<usize>>,
    /// No expression decides what is put.
    are_fixed: bool,
    pub(crate) outcome: Outcome,
}

impl<'p> Editor<'p> {
    pub(crate) fn new(
        patch: &'p Patch,
        ready: &'p Ready,
        walks: &'p mut Walks,
        seen: &'p Seen<'p>,
        limits: &'p Limits,
    ) -> Self {
        Self {
            patch,
            ready,
            seen,
            limits,
            plans: &mut walks.plans,
            searches: &walks.searches,
            room: None,
            are_fixed: ready.are_fixed(),
            outcome: Outcome::default(),
        }
    }

    /// All documents of the message are edited at once, and have this room together.
    pub(super) fn within(self, room: Option<&'p Cell<usize>>) -> Self {
        Self { room, ..self }
    }

    /// A whole body with the edits made; `None` when they change nothing.
    pub(crate) fn edited(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let document = Document::new(self.seen, body, self.searches);
        let splices = self.splices(body, &document, Other::Fails);
        (!splices.is_empty()).then(|| spliced(body, &splices))
    }

    /// A body that is called a form in parts, with the edits made; `None` when they change nothing. One
    /// that begins as JSON is no such form, and read as JSON by those who do not go by its name.
    pub(crate) fn edited_form(
        &mut self,
        body: &[u8],
        delimiter: Option<&Delimiter>,
    ) -> Option<Vec<u8>> {
        if begins_as_json(body) == Some(true) {
            return self.edited(body);
        }
        let Some(delimiter) = delimiter else {
            let detail = "the content-type has no boundary that all would read in the same way";
            self.outcome
                .fail(Reason::MultipartInvalid, &self.patch.path, detail);
            return None;
        };
        self.edited_parts(body, delimiter)
    }

    /// A multipart body with the edits made to its parts, and to each line of its files of JSON Lines;
    /// `None` when they change nothing.
    fn edited_parts(&mut self, body: &[u8], delimiter: &Delimiter) -> Option<Vec<u8>> {
        let patch = self.patch;
        let ready = self.ready.in_form(self.seen);
        let (named, numbers) = ready.of_parts(patch, &mut self.outcome);
        let changes: Vec<_> = named.iter().map(|(name, change)| (*name, change)).collect();
        let of_files = ready.of_files(patch);
        let limits = self.limits.of_bodies();
        let (mut has_lines, mut has_other) = (false, false);
        let room = Rc::new(Cell::new(self.limits.rendered_bytes));
        let mut edit = |file: File<'_>| match file {
            File::Lines(content) => {
                has_lines = true;
                self.edited_lines(content, of_files.clone(), &room)
            }
            File::Other => {
                has_other = true;
                None
            }
        };
        let plan = match multipart::plan(body, delimiter, &changes, &mut edit, &limits) {
            Ok(plan) => plan,
            Err(error) => {
                let Unusable(reason, detail) = error.into();
                self.outcome.fail(reason, &patch.path, detail);
                return None;
            }
        };
        for misfit in plan.misfits {
            let edit = numbers
                .get(misfit)
                .and_then(|number| patch.edits.get(*number));
            let path = edit.map_or(&patch.path, |edit| &edit.path);
            let detail = "the value holds the boundary of the body's parts";
            self.outcome.fail(Reason::MultipartInvalid, path, detail);
        }
        for conflict in plan.conflicts {
            let edit = numbers
                .get(conflict)
                .and_then(|number| patch.edits.get(*number));
            let path = edit.map_or(&patch.path, |edit| &edit.path);
            self.outcome.fail(Reason::PlaceTaken, path, PLACE_TAKEN);
        }
        // A server may take any of the files.
        let left = match (has_lines, has_other) {
            (false, _) => Some(
                "the body is a form, whose fields have no members, without a file of JSON Lines",
            ),
            (true, true) => Some("a file of the form is not one of JSON Lines, and is not edited"),
            (true, false) => None,
        };
        let edits = patch.edits.iter().zip(&of_files.edits);
        let edits = edits.filter(|(_, ready)| ready.condition != Condition::Never);
        for ((edit, _), detail) in edits.flat_map(|edit| left.map(|detail| (edit, detail))) {
            self.outcome
                .fail(Reason::MultipartInvalid, &edit.path, detail);
        }
        (!plan.splices.is_empty()).then(|| spliced(body, &plan.splices))
    }

    /// The lines of a file, edited; `None` when that changes nothing.
    fn edited_lines(
        &mut self,
        content: &[u8],
        ready: Ready,
        room: &Rc<Cell<usize>>,
    ) -> Option<String> {
        let mut stream = Stream::lines(ready, self.limits).within(Rc::clone(room));
        let (edited, outcome) = stream.edit(&[content], true, self.patch, self.seen, self.limits);
        for Failure {
            reason,
            path,
            detail,
        } in outcome.failures
        {
            self.outcome.fail_once(reason, &path, detail);
        }
        if edited == content {
            return None;
        }
        match String::from_utf8(edited) {
            Ok(edited) => Some(edited),
            Err(_) => {
                let detail = "a file of JSON Lines is not UTF-8";
                self.outcome
                    .fail_once(Reason::JsonInvalid, &self.patch.path, detail);
                None
            }
        }
    }

    /// Whether a request is edited: what cannot be edited of it matters.
    pub(super) fn is_request(&self) -> bool {
        self.seen.direction == Direction::Request
    }

    /// Whether a request is not edited any further: a limit was reached, and it is answered.
    pub(super) fn is_refused(&self) -> bool {
        self.is_request()
            && self
                .outcome
                .failures
                .iter()
                .any(|failure| failure.reason == Reason::Limit)
    }

    /// The longest document of a stream that is held, in bytes.
    pub(super) fn most(&self) -> usize {
        self.limits.event_bytes
    }

    /// Whether a text is one JSON document, perhaps one nested too deep.
    pub(super) fn is_document(&self, text: &[u8]) -> bool {
        let checked = json::check(text, &self.limits.of_bodies());
        !matches!(checked, Err(DocumentError::Invalid(_)))
    }

    /// Counts what is no JSON document and has to be one.
    pub(super) fn fail_as_no_document(&mut self) {
        cannot_edit(PatchError::Invalid, &self.patch.path, &mut self.outcome);
    }

    /// The splices of a document of a stream; `None` when it is left out. What is not JSON may be
    /// anything in an answer, such as `[DONE]`, and goes on.
    pub(super) fn in_stream(&mut self, text: &[u8]) -> Option<Splices<'_>> {
        let document = Document::new(self.seen, text, self.searches);
        if self.is_dropped(text, &document) {
            return None;
        }
        if self.patch.edits.is_empty() {
            return Some(Splices::new());
        }
        let other = if self.is_request() {
            Other::Fails
        } else {
            Other::Passes
        };
        Some(self.splices(text, &document, other))
    }

    /// Counts a document that reaches a limit.
    pub(super) fn fail_as_whole(&mut self, detail: &str) {
        self.outcome
            .fail_once(Reason::Limit, &self.patch.path, detail);
    }

    /// Whether a document of a stream is left out.
    fn is_dropped(&mut self, text: &[u8], document: &Document<'_>) -> bool {
        let mut failed = Vec::new();
        let mut conditions = self.ready.drops.iter().enumerate();
        let holds = conditions.any(|(number, condition)| match condition {
            Condition::Always => true,
            Condition::Never => false,
            Condition::Asked(id) => document.holds(*id, None).unwrap_or_else(|error| {
                failed.push((number, error));
                false
            }),
        });
        if (holds || !failed.is_empty()) && json::check(text, &self.limits.of_bodies()).is_err() {
            return false;
        }
        for (number, (reason, detail)) in failed {
            if let Some(drop) = self.patch.drops.get(number) {
                self.outcome.fail_once(reason, &drop.path, detail);
            }
        }
        holds
    }

    /// The splices of a document. Edits that do not fit are told to the outcome.
    fn splices(&mut self, text: &[u8], document: &Document<'_>, other: Other) -> Splices<'_> {
        let patch = self.patch;
        let mut texts = InDocument {
            ready: self.ready,
            are_fixed: self.are_fixed,
            document,
            seen: self.seen,
            known: Vec::new(),
            made: Vec::new(),
            failed: Vec::new(),
        };
        let mut limits = self.limits.of_bodies();
        if let Some(room) = self.room {
            limits.edit_bytes = room.get();
        }
        let planned = self.plans.plan(text, &patch.paths, &mut texts, &limits);
        let failed = texts.failed;
        let plan = match planned {
            Ok(plan) => plan,
            Err(PatchError::Invalid) if other == Other::Passes => return Splices::new(),
            Err(error) => {
                cannot_edit(error, &patch.path, &mut self.outcome);
                return Splices::new();
            }
        };
        let path = |edit: EditId| {
            let edit = patch.edits.get(edit.index());
            edit.map_or(&patch.path, |edit| &edit.path)
        };
        for (edit, (reason, detail)) in failed {
            self.outcome.fail_once(reason, path(edit), detail);
        }
        for misfit in plan.misfits.iter() {
            let detail = "the body has no place for it: beyond an array, or inside a value";
            self.outcome
                .fail_once(Reason::PlaceMissing, path(misfit), detail);
        }
        for conflict in plan.conflicts.iter() {
            self.outcome
                .fail_once(Reason::PlaceTaken, path(conflict), PLACE_TAKEN);
        }
        if let Some(room) = self.room {
            let put = plan.splices.iter().map(|splice| splice.new.len());
            room.set(put.fold(room.get(), usize::saturating_sub));
        }
        plan.splices
    }
}

/// What becomes of a text that is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    /// It is counted.
    Fails,
    Passes,
}

fn cannot_edit(error: PatchError, path: &str, outcome: &mut Outcome) {
    let reason = match error {
        PatchError::Invalid => Reason::JsonInvalid,
        PatchError::TooDeep | PatchError::TooMuch => Reason::Limit,
    };
    outcome.fail_once(reason, path, error.to_string());
}

const PLACE_TAKEN: &str = "an edit before it has changed the same place";

/// What the edits put into one document.
struct InDocument<'d, 'p> {
    ready: &'p Ready,
    are_fixed: bool,
    document: &'d Document<'d>,
    seen: &'p Seen<'p>,
    /// What conditions that do not look at the place have said.
    known: Vec<(ExpressionId, bool)>,
    /// What expressions that do not look at the place have made.
    made: Vec<(ExpressionId, Option<String>)>,
    /// Why edits are left out, each once.
    failed: Vec<(EditId, Failed)>,
}

impl InDocument<'_, '_> {
    fn fail(&mut self, edit: EditId, error: Failed) {
        if !self.failed.iter().any(|(known, _)| *known == edit) {
            self.failed.push((edit, error));
        }
    }

    fn holds(&mut self, edit: EditId, condition: Condition, value: Option<&[u8]>) -> bool {
        let id = match condition {
            Condition::Always => return true,
            Condition::Never => return false,
            Condition::Asked(id) => id,
        };
        let anywhere = !self.seen.expressions.reads_value(id);
        if let Some((_, holds)) = self.known.iter().find(|(known, _)| *known == id) {
            return *holds;
        }
        let holds = self.document.holds(id, value).unwrap_or_else(|error| {
            self.fail(edit, error);
            false
        });
        if anywhere {
            self.known.push((id, holds));
        }
        holds
    }
}

impl InDocument<'_, '_> {
    /// What an expression makes at a place where `value` stands.
    fn made(&mut self, edit: EditId, id: ExpressionId, value: Option<&[u8]>) -> Option<String> {
        if let Some((_, made)) = self.made.iter().find(|(known, _)| *known == id) {
            return made.clone();
        }
        let made = self.document.json(id, value).unwrap_or_else(|error| {
            self.fail(edit, error);
            None
        });
        if !self.seen.expressions.reads_value(id) {
            self.made.push((id, made.clone()));
        }
        made
    }
}

impl<'t, 'p: 't> Texts<'t> for InDocument<'_, 'p> {
    fn text(&mut self, edit: EditId, value: Option<&[u8]>) -> Option<Cow<'t, str>> {
        let ready = self.ready.edits.get(edit.index())?;
        if !self.holds(edit, ready.condition, value) {
            return None;
        }
        match &ready.text {
            Text::Known(text) => Some(Cow::Borrowed(text)),
            Text::Asked(id) => self.made(edit, *id, value).map(Cow::Owned),
        }
    }
    fn are_fixed(&self) -> bool {
        self.are_fixed
    }
}
