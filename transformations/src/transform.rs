//! One pass over one message, in the order that kgateway fixed:
//! extract, body, `set`, `add`, `remove`, `dynamicMetadata`, route cache.

use std::rc::Rc;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::config::{DynamicMetadata, ParseAs};
use crate::exchange::Exchange;
use crate::extract::Extraction;
use crate::failure::{Outcome, Reason, Reply};
use crate::headers::{self, Snapshot};
use crate::jinja::{RenderError, Scope, Template, Variables};
use crate::json::{self, DocumentError, Wanted};
use crate::limits::Limits;
use crate::needs::Needs;
use crate::ops::{Direction, TransformationOps};

/// How much of a message there is to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The headers, and the whole body in the host's buffer.
    Whole,
    /// The headers alone: the body is not read and not touched.
    Headers,
}

/// What to do to one message, compiled.
#[derive(Debug)]
pub struct Pass {
    pub(crate) direction: Direction,
    pub(crate) extraction: Extraction,
    pub(crate) parse_as: ParseAs,
    pub(crate) body: Option<Body>,
    pub(crate) set: Vec<Header>,
    pub(crate) add: Vec<Header>,
    pub(crate) remove: Vec<String>,
    pub(crate) metadata: Vec<Metadata>,
    pub(crate) clear_route_cache: bool,
    pub(crate) needs: Needs,
    /// What templates name of a JSON body.
    pub(crate) document: Wanted,
    pub(crate) limits: Limits,
}

/// The body template.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) path: String,
    pub(crate) template: Template,
    /// Whether the text says `body()`: only then does the function return anything.
    pub(crate) reads_text: bool,
    /// Whether the text says `context()`: only then does the function return anything.
    pub(crate) reads_context: bool,
}

/// A header edit.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) path: String,
    /// In lower case.
    pub(crate) name: String,
    /// `None`: an empty value.
    pub(crate) template: Option<Template>,
}

/// A dynamic metadata entry.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) path: String,
    pub(crate) namespace: String,
    pub(crate) key: String,
    pub(crate) template: Template,
}

/// kgateway's response code details.
const JSON_INVALID: &str = "json parsing error in transformation template";
const UNDECLARED_VARIABLE: &str = "undeclared json variables in transformation template";

impl Pass {
    /// Whether the pass does nothing to any message.
    pub(crate) fn is_empty(&self) -> bool {
        self.extraction.is_empty()
            && self.parse_as == ParseAs::AsString
            && self.body.is_none()
            && self.set.is_empty()
            && self.add.is_empty()
            && self.remove.is_empty()
            && self.metadata.is_empty()
            && !self.clear_route_cache
    }

    /// Whether the message has to be held until its body has arrived whole.
    pub fn reads_body(&self) -> bool {
        match self.parse_as {
            ParseAs::None => false,
            ParseAs::AsJson => true,
            ParseAs::AsString => self.body.is_some() || self.extraction.reads_body(),
        }
    }

    /// Whether a template makes a new body.
    pub(crate) fn replaces_body(&self) -> bool {
        self.body.is_some()
    }

    /// Transforms one message.
    pub fn run(
        &self,
        ops: &mut dyn TransformationOps,
        exchange: &mut Exchange,
        extent: Extent,
    ) -> Outcome {
        let mut run = Run {
            pass: self,
            ops,
            outcome: Outcome::default(),
        };
        run.outcome.reply = run.all(exchange, extent).err();
        run.outcome
    }
}

/// A pass going on.
struct Run<'r> {
    pass: &'r Pass,
    ops: &'r mut dyn TransformationOps,
    outcome: Outcome,
}

/// What the templates of a pass see.
struct View {
    scope: Rc<Scope>,
    variables: Variables,
    /// Whether the body was parsed as JSON: if not, names that only JSON could give are an error.
    parsed: bool,
}

impl Run<'_> {
    fn all(&mut self, exchange: &mut Exchange, extent: Extent) -> Result<(), Reply> {
        let pass = self.pass;
        let whole = extent == Extent::Whole;
        // Before any change: templates see the message as it arrived.
        let message = self.snapshot(exchange);
        if !pass.extraction.is_empty() {
            exchange.extracted = Some(pass.extraction.run(self.ops, whole, &mut self.outcome)?);
        }
        let view = self.view(exchange, message, whole)?;
        if let Some(body) = pass
            .body
            .as_ref()
            .filter(|_| whole && pass.parse_as != ParseAs::None)
            && self.may_have_body(exchange)
        {
            self.body(body, &view);
        }
        for header in &pass.set {
            self.set(header, &view)?;
        }
        for header in &pass.add {
            self.add(header, &view)?;
        }
        for name in &pass.remove {
            self.ops.remove_header(pass.direction, name);
        }
        for metadata in &pass.metadata {
            self.metadata(metadata, &view)?;
        }
        if pass.clear_route_cache {
            self.ops.clear_route_cache();
        }
        Ok(())
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

    fn snapshot(&self, exchange: &Exchange) -> Rc<Snapshot> {
        match self.pass.direction {
            Direction::Request => exchange.request(),
            Direction::Response => Rc::new(Snapshot::take(
                self.ops,
                Direction::Response,
                &self.pass.needs.message,
            )),
        }
    }

    fn view(
        &mut self,
        exchange: &Exchange,
        message: Rc<Snapshot>,
        whole: bool,
    ) -> Result<View, Reply> {
        let direction = self.pass.direction;
        let mut document = None;
        if whole && self.pass.parse_as == ParseAs::AsJson {
            let chunks = self.ops.body_chunks(direction);
            document = match json::document(&chunks, &self.pass.document, &self.pass.limits) {
                Ok(document) => document.filter(|value| !value.is_none()),
                Err(error) => {
                    let path = format!("{}.body", direction.as_str());
                    let reason = match error {
                        DocumentError::Invalid(_) => Reason::JsonInvalid,
                        DocumentError::TooDeep => Reason::Limit,
                    };
                    self.outcome.fail(reason, &path, error.to_string());
                    return Err(Reply::bad_request(JSON_INVALID));
                }
            };
        }
        let body = self.pass.body.as_ref().filter(|_| whole);
        let text = match body {
            Some(body) if body.reads_text => {
                Value::from(String::from_utf8_lossy(&self.ops.body(direction)).into_owned())
            }
            _ => Value::from(""),
        };
        let context = match (&document, body) {
            (Some(document), Some(body)) if body.reads_context => document.clone(),
            _ => Value::UNDEFINED,
        };
        let parsed = document.is_some();
        Ok(View {
            scope: Rc::new(Scope {
                message,
                request: exchange.request(),
                body: text,
                context,
            }),
            variables: Variables {
                document: document
                    .filter(|value| value.kind() == ValueKind::Map)
                    .unwrap_or_default(),
                extracted: exchange.extracted.as_ref().map(|fields| {
                    fields
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str()))
                        .collect()
                }),
                ..Variables::default()
            },
            parsed,
        })
    }

    fn body(&mut self, body: &Body, view: &View) {
        let direction = self.pass.direction;
        let rendered = match undeclared(&body.template, view) {
            Some(names) => {
                self.outcome
                    .fail(Reason::UndeclaredVariable, &body.path, names);
                String::new()
            }
            None => self
                .rendered(&body.template, &body.path, view)
                .unwrap_or_default(),
        };
        let size = self.ops.body_size(direction);
        self.ops.drain_body(direction, size);
        let length = rendered.len().to_string();
        self.ops
            .set_header(direction, "content-length", length.as_bytes());
        if rendered.is_empty() {
            self.ops.remove_header(direction, "content-type");
        } else if !self.ops.append_body(direction, rendered.as_bytes()) {
            self.ops.set_header(direction, "content-length", b"0");
            self.outcome
                .fail(Reason::Render, &body.path, "the host refused the body");
        }
    }

    fn set(&mut self, header: &Header, view: &View) -> Result<(), Reply> {
        let direction = self.pass.direction;
        if let Some(value) = self.header_value(header, view)? {
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

    fn add(&mut self, header: &Header, view: &View) -> Result<(), Reply> {
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
    fn header_value(&mut self, header: &Header, view: &View) -> Result<Option<String>, Reply> {
        let Some(template) = &header.template else {
            return Ok(None);
        };
        let Some(value) = self.value(template, &header.path, view)? else {
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

    fn metadata(&mut self, metadata: &Metadata, view: &View) -> Result<(), Reply> {
        let Some(value) = self.value(&metadata.template, &metadata.path, view)? else {
            return Ok(());
        };
        if headers::valid_value(value.as_bytes()) {
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

    /// What a template renders, if it is not empty. A name that only JSON could give, without
    /// JSON, ends the pass.
    fn value(
        &mut self,
        template: &Template,
        path: &str,
        view: &View,
    ) -> Result<Option<String>, Reply> {
        if let Some(names) = undeclared(template, view) {
            self.outcome.fail(Reason::UndeclaredVariable, path, names);
            return Err(Reply::bad_request(UNDECLARED_VARIABLE));
        }
        Ok(self
            .rendered(template, path, view)
            .filter(|value| !value.is_empty()))
    }

    fn rendered(&mut self, template: &Template, path: &str, view: &View) -> Option<String> {
        match template.render(&view.scope, &view.variables) {
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

/// The names a template needs JSON for, when there is none.
fn undeclared(template: &Template, view: &View) -> Option<String> {
    let names = template.undeclared();
    (!view.parsed && !names.is_empty()).then(|| names.join(", "))
}

impl Metadata {
    /// An entry of the configuration; `None` for one without namespace, key or value.
    pub(crate) fn text(entry: &DynamicMetadata) -> Option<&str> {
        let text = entry.value.string_value.as_deref()?;
        (!entry.namespace.is_empty() && !entry.key.is_empty() && !text.is_empty()).then_some(text)
    }
}
