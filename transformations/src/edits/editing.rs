//! Edits of one message, going on.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use bodies::json::DocumentError;
use minijinja::Value;

use super::patch::{Declared, Stream};
use super::view::View;
use super::{Edits, Formula, HeaderEdit, NewBody};
use crate::config::{Limits, OnFailure, ParseAs};
use crate::extent::Extent;
use crate::failure::{Outcome, Reason};
use crate::headers::Snapshot;
use crate::languages::jinja::{self, RenderError, Template};
use crate::languages::{Expressions, Extracted, Values};
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
        let whole = extent == Extent::Whole;
        // What needs a body that is too long is left out.
        let (direction, expressions) = (self.direction, self.expressions);
        let made = |formula: &Formula| {
            extent != Extent::TooLong || !formula.needs_body(expressions, direction)
        };
        let (head, awaits_answer) = (before.head, before.awaits_answer);
        let view = self.view(before, whole)?;
        if let Some(body) = edits
            .body
            .as_ref()
            .filter(|_| whole && edits.parse_as != ParseAs::None)
            && self.may_have_body(head)
        {
            self.body(body, &view);
        }
        let patch = edits.patch.as_ref();
        let stream = match patch {
            Some(patch) => self.patch(patch, extent, declared, &view)?,
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

    /// Whether the message may have a body at all (RFC 9110 sections 9.3.2 and 15.3.5): one where
    /// none may be would be taken for the next message.
    fn may_have_body(&self, head: bool) -> bool {
        if self.direction == Direction::Request {
            return true;
        }
        let status = self.ops.header_values(Direction::Response, ":status");
        let bodiless: [&[u8]; 3] = [b"204", b"205", b"304"];
        !head && !status.iter().any(|status| bodiless.contains(status))
    }

    pub(super) fn view<'e>(
        &mut self,
        before: Before<'e>,
        whole: bool,
    ) -> Result<View<'e>, Box<Rejection>>
    where
        'r: 'e,
    {
        let direction = self.direction;
        let document = if whole && self.edits.parse_as == ParseAs::AsJson {
            self.document()?
        } else {
            None
        };
        let body = self.edits.body.as_ref().filter(|_| whole);
        let text = body.filter(|body| body.reads_text).map(|_| {
            let bytes = self.ops.body(direction);
            Value::from(String::from_utf8_lossy(&bytes).into_owned())
        });
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

    /// The body as JSON; `None` when it is empty or `null`.
    fn document(&mut self) -> Result<Option<Value>, Box<Rejection>> {
        let direction = self.direction;
        let chunks = self.ops.body_chunks(direction);
        match jinja::document(&chunks, &self.edits.document, self.limits) {
            Ok(document) => Ok(document.filter(|value| !value.is_none())),
            Err(error) => {
                let path = format!("{}.body", direction.as_str());
                let reason = match error {
                    DocumentError::Invalid(_) => Reason::JsonInvalid,
                    DocumentError::TooDeep => Reason::Limit,
                };
                self.outcome.fail(reason, &path, error.to_string());
                self.unreadable(JSON_INVALID, reason).map(|()| None)
            }
        }
    }

    fn body(&mut self, body: &NewBody, view: &View<'_>) {
        let direction = self.direction;
        let rendered = match &body.formula {
            Formula::Template(template) => {
                match self.rendered_body(template, &body.path, view) {
                    Some(rendered) => rendered,
                    // As in kgateway: what the template was to hide does not get out.
                    None if self.on_failure.is_none() => Vec::new(),
                    None => return,
                }
            }
            Formula::Expression(id) => {
                match view.values.body(*id, self.limits) {
                    Ok(value) if self.is_body(&value) => return,
                    Ok(value) => {
                        // What the old one was encoded as, the new one is not.
                        self.ops.remove_header(direction, "content-encoding");
                        value
                    }
                    // Not the body's end: it stays as it is.
                    Err((reason, detail)) => {
                        return self.outcome.fail(reason, &body.path, detail);
                    }
                }
            }
        };
        if !self.put_body(&rendered) {
            return self
                .outcome
                .fail(Reason::Render, &body.path, "the host refused the body");
        }
        let length = rendered.len().to_string();
        self.ops
            .set_header(direction, "content-length", length.as_bytes());
        if rendered.is_empty() {
            self.ops.remove_header(direction, "content-type");
        }
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
        let direction = self.direction;
        let mut rest = bytes;
        self.ops.body_size(direction) == bytes.len()
            && self.ops.body_chunks(direction).iter().all(|chunk| {
                let after = rest.strip_prefix(*chunk);
                rest = after.unwrap_or_default();
                after.is_some()
            })
    }

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
        let rendered = self.rendered(template, path, view)?;
        Some(rendered.into_bytes())
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
                let reason = match error {
                    RenderError::Limit(_) => Reason::Limit,
                    RenderError::Failed(_) => Reason::Render,
                };
                self.outcome.fail(reason, path, error.to_string());
                None
            }
        }
    }
}
