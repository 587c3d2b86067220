//! Edits of one message, going on.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use minijinja::Value;

use super::patch::{Declared, Stream};
use super::presence::Presence;
use super::view::{BodyText, RenderedBody, View};
use super::{Edits, Formula, HeaderEdit, NewBody};
use crate::config::{Limits, OnFailure, ParseAs};
use crate::extent::Extent;
use crate::failure::{Outcome, Reason, Unusable};
use crate::headers::Snapshot;
use crate::languages::jinja::{self, RenderError, Template};
use crate::languages::{BodyCache, Expressions, Extracted, Values};
use crate::note::Note;
use crate::ops::{Direction, TransformationOps};
use crate::rejection::Rejection;

/// kgateway's response code details.
const JSON_INVALID: &str = "json parsing error in transformation template";
const UNDECLARED_VARIABLE: &str = "undeclared json variables in transformation template";

/// Edits of one message, going on.
pub(crate) struct Editing<'r> {
    pub(crate) direction: Direction,
    pub(crate) edits: &'r Edits,
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) expressions: &'r Expressions,
    pub(crate) limits: &'r Limits,
    /// What has been read of the body.
    pub(crate) cache: &'r BodyCache,
    pub(crate) ops: &'r mut dyn TransformationOps,
    pub(crate) outcome: &'r mut Outcome,
}

/// The exchange as it was before the edits.
pub(crate) struct Before<'e> {
    /// The headers of the request, if a template looks at any.
    pub(crate) request: Option<&'e Rc<Snapshot>>,
    /// Those of the message.
    pub(crate) message: Option<Rc<Snapshot>>,
    pub(crate) extracted: Option<&'e Extracted>,
    /// What the expressions give.
    pub(crate) values: Values,
    /// Whether the request is HEAD.
    pub(crate) head: bool,
    /// Whether the fields of the answer are still to come: what names one is left out.
    pub(crate) awaits_answer: bool,
}

impl<'r> Editing<'r> {
    /// Makes the edits; `declared` is what was made of the headers before, if anything was. Of a stream of events that is to come, what is done to each.
    ///
    /// # Errors
    ///
    /// The answer in place of the message.
    pub(crate) fn run(
        &mut self,
        before: Before<'_>,
        extent: Extent,
        declared: Option<Declared>,
    ) -> Result<Option<Box<Stream>>, Box<Rejection>> {
        let edits = self.edits;
        let presence = self.presence(before.head, declared.as_ref());
        let extent = match presence {
            Presence::Part if self.refuse_part(declared.as_ref()) => Extent::TooLong,
            Presence::Described => {
                self.describe_nothing(declared.as_ref());
                Extent::TooLong
            }
            _ => extent,
        };
        let whole = extent == Extent::Whole;
        // What needs a body that is too long, or not there, is left out.
        let (direction, expressions) = (self.direction, self.expressions);
        let made = |formula: &Formula| {
            extent != Extent::TooLong || !formula.needs_body(expressions, direction)
        };
        let awaits_answer = before.awaits_answer;
        let view = self.view(before, whole)?;
        if let Some(body) = edits
            .body
            .as_ref()
            .filter(|_| whole && edits.parse_as != ParseAs::None)
            && presence == Presence::Whole
        {
            self.body(body, &view);
        }
        let patch = edits.patch.as_ref();
        let stream = match patch {
            Some(patch) => {
                let before = self.outcome.failures.len();
                let stream = self.patch(patch, extent, declared, &view)?;
                let failed = self.outcome.failures.get(before..).unwrap_or_default();
                if let Some(reply) = Rejection::over_limit(direction, failed) {
                    return Err(reply);
                }
                stream
            }
            None => None,
        };
        for name in edits.remove.matched(self.ops, direction) {
            self.ops.remove_header(direction, &name);
        }
        let made_now = |header: &&HeaderEdit| {
            !(awaits_answer && header.awaits_answer) && header.formula.as_ref().is_none_or(made)
        };
        for header in edits.set.iter().filter(made_now) {
            self.set(header, &view)?;
        }
        for header in edits.add.iter().filter(made_now) {
            self.add(header, &view)?;
        }
        for name in &edits.remove.names {
            self.ops.remove_header(direction, name);
        }
        for metadata in &edits.metadata {
            if !(awaits_answer && metadata.awaits_answer) && made(&metadata.formula) {
                self.metadata(metadata, &view)?;
            }
        }
        Ok(stream.map(Box::new))
    }

    /// Makes the edits that waited for the fields of the answer, which has gone on.
    pub(crate) fn settle(&mut self, before: Before<'_>) {
        let edits = self.edits;
        let Ok(view) = self.view(before, false) else {
            return;
        };
        let (direction, expressions) = (self.direction, self.expressions);
        for metadata in edits.metadata.iter().filter(|edit| edit.awaits_answer) {
            // One that needs the body was left out with it, and no other can ask for an answer.
            if !metadata.formula.needs_body(expressions, direction)
                && self.metadata(metadata, &view).is_err()
            {
                return;
            }
        }
    }

    pub(super) fn view<'e>(
        &mut self,
        before: Before<'e>,
        whole: bool,
    ) -> Result<View<'e>, Box<Rejection>>
    where
        'r: 'e,
    {
        let document = if whole && self.edits.parse_as == ParseAs::AsJson {
            self.document()?
        } else {
            None
        };
        let body = self.edits.body.as_ref().filter(|_| whole);
        let reads_text = body.is_some_and(|body| body.reads_text);
        let text = if reads_text {
            self.body_text()
        } else {
            BodyText::default()
        };
        Ok(View {
            request: before.request,
            message: before.message,
            extracted: before.extracted,
            expressions: self.expressions,
            values: before.values,
            document,
            text,
            reads_context: body.is_some_and(|body| body.reads_context),
            shown: OnceCell::new(),
        })
    }

    /// The body as `body()` returns it. One that cannot be decoded is what arrived.
    fn body_text(&self) -> BodyText {
        let body = &self.cache.body;
        match body.chunks(self.ops, self.direction, self.limits) {
            Ok(chunks) => BodyText::new(chunks.concat(), None),
            Err(error) => BodyText::new(self.ops.body(self.direction), Some(error.into())),
        }
    }

    /// The body as JSON; `None` when it is empty or `null`.
    fn document(&mut self) -> Result<Option<Value>, Box<Rejection>> {
        let direction = self.direction;
        let chunks = self.cache.body.chunks(self.ops, direction, self.limits);
        let read = match chunks {
            Ok(chunks) => jinja::document(&chunks, &self.edits.document, self.limits)
                .map_err(|error| (Reason::from(&error), error.to_string())),
            Err(error) => {
                let Unusable(reason, detail) = error.into();
                Err((reason, detail.to_owned()))
            }
        };
        match read {
            Ok(document) => Ok(document.filter(|value| !value.is_none())),
            Err((reason, detail)) => {
                let path = format!("{}.body", direction.as_str());
                self.outcome.fail(reason, &path, detail);
                self.unreadable(JSON_INVALID, reason).map(|()| None)
            }
        }
    }

    fn body(&mut self, body: &NewBody, view: &View<'_>) {
        let direction = self.direction;
        let made = match &body.formula {
            Formula::Template(template) => {
                match self.rendered_body(template, &body.path, view) {
                    Some(rendered) => rendered,
                    // As in kgateway: what the template was to hide does not get out.
                    None if self.on_failure.is_none() => Vec::new(),
                    None => return,
                }
            }
            Formula::Expression(id) => match view.values.body(*id, self.limits) {
                Ok(made) if self.is_body(&made) => return,
                Ok(made) => made,
                // Not the body's end: it stays as it is.
                Err((reason, detail)) => {
                    return self.outcome.fail(reason, &body.path, detail);
                }
            },
        };
        // A body that is given back keeps its bytes, encoded as they are.
        if !self.is_body(&made) {
            if !self.put_body(&made) {
                return self
                    .outcome
                    .fail(Reason::Render, &body.path, "the host refused the body");
            }
            self.remove_untrue();
            self.done(&body.path);
        }
        let length = self.ops.body_size(direction);
        // With a length HTTP/1 sends no trailers.
        let announced = self.ops.first_header_value(direction, "content-length");
        if announced.is_some() || !self.ops.has_trailers(direction) {
            self.ops
                .set_header(direction, "content-length", length.to_string().as_bytes());
        }
        if length == 0 {
            self.ops.remove_header(direction, "content-type");
        }
    }

    /// Notes that an edit was made.
    pub(super) fn done(&mut self, path: &str) {
        self.outcome.note(|| Note::Edit(path.to_owned()));
    }

    /// Puts a new body in the place of the old one. One that is longer than the host holds would be
    /// answered by the host, whatever the client sent.
    pub(super) fn put_body(&mut self, body: &[u8]) -> bool {
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if let Some(limit) = self.ops.buffer_limit()
            && (1..size).contains(&limit)
        {
            self.ops.set_buffer_limit(size);
        }
        self.ops.replace_body(self.direction, body)
    }

    /// Whether the body of the message is these bytes.
    fn is_body(&self, bytes: &[u8]) -> bool {
        self.cache.body.is(self.ops, self.direction, bytes)
    }

    /// What a body template gives; `None` when it fails. One that reads a body that cannot be decoded
    /// fails, but may give it back.
    fn rendered_body(
        &mut self,
        template: &Template,
        path: &str,
        view: &View<'_>,
    ) -> Option<Vec<u8>> {
        if let Some(names) = view.undeclared(template) {
            self.outcome.fail(Reason::UndeclaredVariable, path, names);
            return None;
        }
        let RenderedBody { bytes, encoded } = match view.render_body(template) {
            Ok(rendered) => rendered,
            Err(error) => {
                self.render_failed(path, &error);
                return None;
            }
        };
        if let Some(why) = encoded {
            self.render_failed(path, &RenderError::Encoded(why));
            if !self.is_body(&bytes) {
                return None;
            }
        }
        Some(bytes)
    }

    /// What a template or expression gives, if it is not empty. A name that only JSON could give, without
    /// JSON, ends the pass.
    pub(super) fn value(
        &mut self,
        formula: &Formula,
        path: &str,
        view: &View<'_>,
    ) -> Result<Option<String>, Box<Rejection>> {
        let template = match formula {
            Formula::Template(template) => template,
            Formula::Expression(id) => {
                let text = view.values.text(*id).unwrap_or_else(|(reason, detail)| {
                    self.outcome.fail(reason, path, detail);
                    None
                });
                return Ok(text.map(Cow::into_owned).filter(|text| !text.is_empty()));
            }
        };
        if let Some(names) = view.undeclared(template) {
            self.outcome.fail(Reason::UndeclaredVariable, path, names);
            self.unreadable(UNDECLARED_VARIABLE, Reason::UndeclaredVariable)?;
            return Ok(None);
        }
        Ok(self
            .rendered(template, path, view)
            .filter(|value| !value.is_empty()))
    }

    /// What becomes of a message whose body cannot be read, or lacks what is named: in kgateway it is
    /// answered.
    fn unreadable(&self, details: &'static str, reason: Reason) -> Result<(), Box<Rejection>> {
        match self.on_failure {
            None => Err(Rejection::kgateway(details, reason)),
            Some(OnFailure::Continue) => Ok(()),
            Some(OnFailure::Reject) => Err(Rejection::failed(self.direction, reason)),
        }
    }

    pub(super) fn rendered(
        &mut self,
        template: &Template,
        path: &str,
        view: &View<'_>,
    ) -> Option<String> {
        match view.render(template) {
            Ok(rendered) => Some(rendered),
            Err(error) => {
                self.render_failed(path, &error);
                None
            }
        }
    }

    fn render_failed(&mut self, path: &str, error: &RenderError) {
        let reason = match error {
            RenderError::Limit(_) => Reason::Limit,
            RenderError::Failed(_) => Reason::Render,
            RenderError::Encoded(Unusable(reason, _)) => *reason,
        };
        self.outcome.fail(reason, path, error.to_string());
    }
}
