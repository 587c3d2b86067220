//! A pass going on.

mod patch;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use bodies::json::DocumentError;
use diagnostics::header;
use minijinja::Value;

use crate::config::ParseAs;
use crate::exchange::Exchange;
use crate::failure::{Outcome, Reason, Reply};
use crate::headers::{self, Snapshot};
use crate::jinja::{self, RenderError, Template};
use crate::ops::{Direction, TransformationOps};
use crate::patch::Events;

use super::expressions::{Findings, Phase, Seen, Values};
use super::pass::{Body, Ended, Extent, Formula, Header, Metadata, Pass, Running, Turn};
use super::view::View;

/// kgateway's response code details.
const JSON_INVALID: &str = "json parsing error in transformation template";
const UNDECLARED_VARIABLE: &str = "undeclared json variables in transformation template";

/// A pass going on.
pub(super) struct Run<'r> {
    pass: &'r Pass,
    ops: &'r mut dyn TransformationOps,
    pub(super) outcome: Outcome,
}

impl<'r> Run<'r> {
    pub(super) fn new(pass: &'r Pass, ops: &'r mut dyn TransformationOps) -> Self {
        Self {
            pass,
            ops,
            outcome: Outcome::default(),
        }
    }

    /// What the condition has to say before the body arrives, if it does not hold.
    pub(super) fn ruled_out(mut self, exchange: &Exchange) -> Option<Outcome> {
        let when = self.pass.when?;
        let message = self.snapshot(exchange);
        let findings = Findings::default();
        let values = self.values(Phase::Condition, exchange, &message, false, &findings);
        (!self.holds(when, &values)).then_some(self.outcome)
    }

    /// Runs the pass, step by step.
    ///
    /// # Errors
    ///
    /// The answer in place of the message.
    pub(super) fn steps(
        &mut self,
        exchange: &mut Exchange,
        running: &mut Running,
        ended: &mut Ended,
    ) -> Result<(), Box<Reply>> {
        let pass = self.pass;
        let findings = Findings::default();
        // Before any change: templates see the message as it arrived.
        let edits = pass.edits();
        let message = if edits || !pass.expressions.is_empty() {
            if running.extent == Extent::TooLong {
                self.too_long();
            }
            let message = self.snapshot(exchange);
            if !self.applies(exchange, running, &message, &findings) {
                running.reading = None;
                return Ok(());
            }
            message
        } else {
            None
        };
        if running.turn == Turn::First && !pass.extraction.is_empty() {
            self.extract(exchange, running, &message, &findings)?;
        }
        if edits {
            ended.events = self.edit(exchange, running.extent, message, &findings)?;
        }
        ended.chooses_route = pass.clear_route_cache && running.turn == Turn::First;
        Ok(())
    }

    /// Whether the condition of the pass holds.
    #[inline(never)]
    fn applies(
        &mut self,
        exchange: &Exchange,
        running: &Running,
        message: &Option<Rc<Snapshot>>,
        findings: &Findings,
    ) -> bool {
        let Some(when) = self.pass.when else {
            return true;
        };
        match running.extent {
            _ if running.condition_holds => true,
            Extent::TooLong => false, // it reads the body, or it would be known
            extent => {
                let whole = extent == Extent::Whole;
                let values = self.values(Phase::Condition, exchange, message, whole, findings);
                self.holds(when, &values)
            }
        }
    }

    fn extract(
        &mut self,
        exchange: &mut Exchange,
        running: &mut Running,
        message: &Option<Rc<Snapshot>>,
        findings: &Findings,
    ) -> Result<(), Box<Reply>> {
        let whole = running.extent == Extent::Whole;
        let values = self.values(Phase::Extraction, exchange, message, whole, findings);
        let extracted = self.pass.extraction.run(
            self.ops,
            &mut running.reading,
            &exchange.content,
            running.extent,
            &values,
            &mut self.outcome,
        )?;
        exchange.extracted = Some(extracted);
        Ok(())
    }

    /// Counts a body that is longer than may be held.
    fn too_long(&mut self) {
        let pass = self.pass;
        let patch = pass.patch.as_ref().map(|patch| patch.path.as_str());
        let body = pass.body.as_ref().map(|body| body.path.as_str());
        let path = patch.or(body).unwrap_or(pass.direction.as_str());
        let detail = "the body is longer than may be held; raise limits.maxHeldBytes";
        self.outcome.fail(Reason::Limit, path, detail);
    }

    /// Makes the edits. Apart from the rest: a pass that only extracts is the common one, and is
    /// through before the processor has fetched all this.
    #[inline(never)]
    fn edit(
        &mut self,
        exchange: &mut Exchange,
        extent: Extent,
        message: Option<Rc<Snapshot>>,
        findings: &Findings,
    ) -> Result<Option<Box<Events>>, Box<Reply>> {
        let pass = self.pass;
        let whole = extent == Extent::Whole;
        // What needs a body that is too long is left out.
        let made = |formula: &Formula| extent != Extent::TooLong || !pass.needs_body(formula);
        let values = self.values(Phase::Edits, exchange, &message, whole, findings);
        let view = self.view(exchange, message, values, whole)?;
        if let Some(body) = pass
            .body
            .as_ref()
            .filter(|_| whole && pass.parse_as != ParseAs::None)
            && self.may_have_body(exchange)
        {
            self.body(body, &view);
        }
        let patch = pass.patch.as_ref();
        let events = match patch {
            Some(patch) => self.patch(patch, extent, &view)?,
            None => None,
        };
        for header in &pass.set {
            if header.formula.as_ref().is_none_or(made) {
                self.set(header, &view)?;
            }
        }
        for header in &pass.add {
            if header.formula.as_ref().is_none_or(made) {
                self.add(header, &view)?;
            }
        }
        for name in &pass.remove {
            self.ops.remove_header(pass.direction, name);
        }
        for metadata in &pass.metadata {
            if made(&metadata.formula) {
                self.metadata(metadata, &view)?;
            }
        }
        Ok(events.map(Box::new))
    }

    /// Whether the message may have a body at all (RFC 9110 sections 9.3.2 and 15.3.5): one where
    /// none may be would be taken for the next message.
    fn may_have_body(&self, exchange: &Exchange) -> bool {
        if self.pass.direction == Direction::Request {
            return true;
        }
        let status = self.ops.header_values(Direction::Response, ":status");
        let bodiless: [&[u8]; 3] = [b"204", b"205", b"304"];
        !exchange.head && !status.iter().any(|status| bodiless.contains(status))
    }

    /// The values of the expressions of a phase.
    #[inline]
    fn values(
        &self,
        phase: Phase,
        exchange: &Exchange,
        message: &Option<Rc<Snapshot>>,
        whole: bool,
        findings: &Findings,
    ) -> Values {
        if self.pass.expressions.has(phase) {
            self.evaluated(phase, exchange, message, whole, findings)
        } else {
            Values::default()
        }
    }

    #[inline(never)]
    fn evaluated(
        &self,
        phase: Phase,
        exchange: &Exchange,
        message: &Option<Rc<Snapshot>>,
        whole: bool,
        findings: &Findings,
    ) -> Values {
        let expressions = &self.pass.expressions;
        let none = Snapshot::default();
        let request = exchange.request();
        let message = message.as_deref().unwrap_or(&none);
        let seen = Seen {
            ops: self.ops,
            direction: self.pass.direction,
            whole,
            request: request.as_deref().unwrap_or(&none),
            response: message,
            extracted: exchange.extracted.as_ref(),
            expressions,
            findings,
        };
        seen.evaluate(phase)
    }

    /// Whether the pass does anything. A condition that fails does not hold.
    fn holds(&mut self, when: usize, values: &Values) -> bool {
        values.holds(when).unwrap_or_else(|(reason, detail)| {
            let path = format!("{}.when", self.pass.direction.as_str());
            self.outcome.fail(reason, &path, detail);
            false
        })
    }

    fn snapshot(&self, exchange: &Exchange) -> Option<Rc<Snapshot>> {
        let direction = self.pass.direction;
        if direction == Direction::Request {
            return exchange.request();
        }
        let needed = &self.pass.needs.message;
        (!needed.is_empty()).then(|| Rc::new(Snapshot::take(self.ops, direction, needed)))
    }

    fn view<'e>(
        &mut self,
        exchange: &'e Exchange,
        message: Option<Rc<Snapshot>>,
        values: Values,
        whole: bool,
    ) -> Result<View<'e>, Box<Reply>>
    where
        'r: 'e,
    {
        let direction = self.pass.direction;
        let document = if whole && self.pass.parse_as == ParseAs::AsJson {
            self.document()?
        } else {
            None
        };
        let body = self.pass.body.as_ref().filter(|_| whole);
        let text = body.filter(|body| body.reads_text).map(|_| {
            let bytes = self.ops.body(direction);
            Value::from(String::from_utf8_lossy(&bytes).into_owned())
        });
        Ok(View {
            exchange,
            message,
            expressions: &self.pass.expressions,
            values,
            document,
            text,
            reads_context: body.is_some_and(|body| body.reads_context),
            shown: OnceCell::new(),
        })
    }

    /// The body as JSON; `None` when it is empty or `null`.
    fn document(&mut self) -> Result<Option<Value>, Box<Reply>> {
        let direction = self.pass.direction;
        let chunks = self.ops.body_chunks(direction);
        match jinja::document(&chunks, &self.pass.document, &self.pass.limits) {
            Ok(document) => Ok(document.filter(|value| !value.is_none())),
            Err(error) => {
                let path = format!("{}.body", direction.as_str());
                let reason = match error {
                    DocumentError::Invalid(_) => Reason::JsonInvalid,
                    DocumentError::TooDeep => Reason::Limit,
                };
                self.outcome.fail(reason, &path, error.to_string());
                Err(Reply::bad_request(JSON_INVALID))
            }
        }
    }

    fn body(&mut self, body: &Body, view: &View<'_>) {
        let direction = self.pass.direction;
        let rendered = match &body.formula {
            Formula::Template(template) => self.rendered_body(template, &body.path, view),
            Formula::Expression(number) => {
                match view.values.body(*number, &self.pass.limits) {
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
    fn put_body(&mut self, body: &[u8]) -> bool {
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if let Some(limit) = self.ops.buffer_limit()
            && (1..size).contains(&limit)
        {
            self.ops.set_buffer_limit(size);
        }
        self.ops.replace_body(self.pass.direction, body)
    }

    /// Whether the body of the message is these bytes.
    fn is_body(&self, bytes: &[u8]) -> bool {
        let direction = self.pass.direction;
        let mut rest = bytes;
        self.ops.body_size(direction) == bytes.len()
            && self.ops.body_chunks(direction).iter().all(|chunk| {
                let after = rest.strip_prefix(*chunk);
                rest = after.unwrap_or_default();
                after.is_some()
            })
    }

    fn rendered_body(&mut self, template: &Template, path: &str, view: &View<'_>) -> Vec<u8> {
        if let Some(names) = view.undeclared(template) {
            self.outcome.fail(Reason::UndeclaredVariable, path, names);
            return Vec::new();
        }
        let rendered = self.rendered(template, path, view);
        rendered.unwrap_or_default().into_bytes()
    }

    fn set(&mut self, header: &Header, view: &View<'_>) -> Result<(), Box<Reply>> {
        let direction = self.pass.direction;
        if let Some(value) = self.header_value(header, view)? {
            if header.name == ":method" && !self.keeps_framing(&value) {
                let detail = "the method cannot become HEAD or CONNECT, nor stop being it";
                self.outcome.fail(Reason::HeaderValue, &header.path, detail);
                return Ok(());
            }
            if self
                .ops
                .set_header(direction, &header.name, value.as_bytes())
            {
                return Ok(());
            }
            self.refused(&header.path);
        }
        // A message without its pseudo headers is none.
        if !header.name.starts_with(':') {
            self.ops.remove_header(direction, &header.name);
        }
        Ok(())
    }

    /// Whether a request of this method has an answer that is framed as it was going to be: after
    /// HEAD and CONNECT no body follows, whatever the headers say (RFC 9110 sections 9.3.2, 9.3.6).
    fn keeps_framing(&self, method: &str) -> bool {
        let frames = |method: &[u8]| {
            let of_its_own = |name: &[u8]| method.eq_ignore_ascii_case(name);
            of_its_own(b"HEAD") || of_its_own(b"CONNECT")
        };
        let before = self.ops.header_values(Direction::Request, ":method");
        before == [method.as_bytes()]
            || !(frames(method.as_bytes()) || before.iter().any(|method| frames(method)))
    }

    fn add(&mut self, header: &Header, view: &View<'_>) -> Result<(), Box<Reply>> {
        if let Some(value) = self.header_value(header, view)?
            && !self
                .ops
                .add_header(self.pass.direction, &header.name, value.as_bytes())
        {
            self.refused(&header.path);
        }
        Ok(())
    }

    fn refused(&mut self, path: &str) {
        self.outcome
            .fail(Reason::HeaderValue, path, "the host refused the header");
    }

    /// A value that is not empty and that a header can carry.
    fn header_value(
        &mut self,
        header: &Header,
        view: &View<'_>,
    ) -> Result<Option<String>, Box<Reply>> {
        let Some(formula) = &header.formula else {
            return Ok(None);
        };
        let Some(value) = self.value(formula, &header.path, view)? else {
            return Ok(None);
        };
        let (reason, detail) = if value.len() > self.pass.limits.header_bytes {
            (Reason::Limit, "the value is too long")
        } else if headers::valid_value_of(&header.name, &value) {
            return Ok(Some(value));
        } else {
            (Reason::HeaderValue, "the value cannot stand in this header")
        };
        self.outcome.fail(reason, &header.path, detail);
        Ok(None)
    }

    fn metadata(&mut self, metadata: &Metadata, view: &View<'_>) -> Result<(), Box<Reply>> {
        let Some(value) = self.value(&metadata.formula, &metadata.path, view)? else {
            return Ok(());
        };
        if header::valid_value(value.as_bytes()) {
            self.ops
                .set_dynamic_metadata(&metadata.namespace, &metadata.key, &value);
        } else {
            // A line break would write lines of its own into a text access log.
            let detail = "the value holds a control character";
            self.outcome
                .fail(Reason::HeaderValue, &metadata.path, detail);
        }
        Ok(())
    }

    /// What a template or expression gives, if it is not empty. A name that only JSON could give, without
    /// JSON, ends the pass.
    fn value(
        &mut self,
        formula: &Formula,
        path: &str,
        view: &View<'_>,
    ) -> Result<Option<String>, Box<Reply>> {
        let template = match formula {
            Formula::Template(template) => template,
            Formula::Expression(number) => {
                let text = view
                    .values
                    .text(*number)
                    .unwrap_or_else(|(reason, detail)| {
                        self.outcome.fail(reason, path, detail);
                        None
                    });
                return Ok(text.map(Cow::into_owned).filter(|text| !text.is_empty()));
            }
        };
        if let Some(names) = view.undeclared(template) {
            self.outcome.fail(Reason::UndeclaredVariable, path, names);
            return Err(Reply::bad_request(UNDECLARED_VARIABLE));
        }
        Ok(self
            .rendered(template, path, view)
            .filter(|value| !value.is_empty()))
    }

    fn rendered(&mut self, template: &Template, path: &str, view: &View<'_>) -> Option<String> {
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
