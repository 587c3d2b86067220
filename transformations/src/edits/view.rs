//! What the templates of a pass see.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::failure::Unusable;
use crate::headers::Snapshot;
use crate::languages::jinja::{RenderError, Scope, Template, Variables};
use crate::languages::{Expressions, Extracted, FieldValue, Phase, Values};

/// The message as it arrived, for templates, and the values of expressions. Put together when the first of them asks: most passes
/// have none.
pub(super) struct View<'e> {
    pub(super) request: Option<&'e Rc<Snapshot>>,
    pub(super) extracted: Option<&'e Extracted>,
    /// The headers of the message of the pass, if a template looks at any.
    pub(super) message: Option<Rc<Snapshot>>,
    pub(super) expressions: &'e Expressions,
    /// What the expressions give.
    pub(super) values: Values,
    /// The body as JSON, if it was parsed.
    pub(super) document: Option<Value>,
    /// What `body()` returns.
    pub(super) text: BodyText,
    /// Whether `context()` returns the document.
    pub(super) reads_context: bool,
    pub(super) shown: OnceCell<(Rc<Scope>, Variables)>,
}

/// The body as `body()` returns it.
pub(super) struct BodyText {
    /// With replacement characters where it is no text.
    pub(super) text: Value,
    /// The bytes of one that is no text.
    pub(super) raw: Option<Rc<[u8]>>,
    /// Why it is as it arrived, and not decoded.
    pub(super) encoded: Option<Unusable>,
}

/// What a body template has rendered.
pub(super) struct RenderedBody {
    pub(super) bytes: Vec<u8>,
    /// Why the body that the template has read is not decoded.
    pub(super) encoded: Option<Unusable>,
}

impl Default for BodyText {
    fn default() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl BodyText {
    pub(super) fn new(body: Vec<u8>, encoded: Option<Unusable>) -> Self {
        let (text, raw) = match String::from_utf8(body) {
            Ok(text) => (Value::from(text), None),
            Err(error) => {
                // Shared, so that it can be told from an equal text.
                let text: Arc<str> = String::from_utf8_lossy(error.as_bytes()).into();
                (text.into(), Some(Rc::from(error.into_bytes())))
            }
        };
        Self { text, raw, encoded }
    }
}

impl View<'_> {
    /// Renders a template.
    ///
    /// # Errors
    ///
    /// The template failed, reached a bound, or has read a body that cannot be decoded.
    pub(super) fn render(&self, template: &Template) -> Result<String, RenderError> {
        if let Template::Text(text) = template {
            return Ok(text.clone());
        }
        let (scope, variables) = self.shown.get_or_init(|| self.show());
        scope.body_read.set(false);
        let text = template.render(scope, variables);
        let text = text.map_err(|error| self.cause(template, error))?;
        match self.text.encoded {
            Some(why) if scope.body_read.get() => Err(RenderError::Encoded(why)),
            _ => Ok(text),
        }
    }

    /// Renders a template of bytes.
    ///
    /// # Errors
    ///
    /// The template failed or reached a bound.
    pub(super) fn render_body(&self, template: &Template) -> Result<RenderedBody, RenderError> {
        let (scope, variables) = self.shown.get_or_init(|| self.show());
        scope.body_read.set(false);
        let bytes = template.render_bytes(scope, variables);
        let bytes = bytes.map_err(|error| self.cause(template, error))?;
        let encoded = self.text.encoded.filter(|_| scope.body_read.get());
        Ok(RenderedBody { bytes, encoded })
    }

    /// Why a template failed: a body that cannot be decoded, if an expression of its own reads it.
    fn cause(&self, template: &Template, error: RenderError) -> RenderError {
        let mut called = template.expressions().iter();
        let encoded = called.find_map(|(text, _)| {
            let id = self.expressions.find(Phase::Edits, text)?;
            self.values.encoded(id)
        });
        encoded.map_or(error, RenderError::Encoded)
    }

    /// The names a template needs JSON for, when there is none.
    pub(super) fn undeclared(&self, template: &Template) -> Option<String> {
        let names = template.undeclared();
        (self.document.is_none() && !names.is_empty()).then(|| names.join(", "))
    }

    fn show(&self) -> (Rc<Scope>, Variables) {
        let context = self.document.clone().filter(|_| self.reads_context);
        let scope = Scope {
            message: self.message.clone().unwrap_or_default(),
            request: self.request.cloned().unwrap_or_default(),
            body: self.text.text.clone(),
            raw: self.text.raw.clone(),
            body_read: Cell::default(),
            printing: RefCell::default(),
            context: context.unwrap_or(Value::UNDEFINED),
            expressions: self.values.for_templates(self.expressions),
            absent: Cell::default(),
        };
        let variables = Variables {
            document: self
                .document
                .clone()
                .filter(|value| value.kind() == ValueKind::Map)
                .unwrap_or_default(),
            extracted: self.extracted.map(shown),
            ..Variables::default()
        };
        (Rc::new(scope), variables)
    }
}

/// The fields as templates have them.
fn shown(fields: &Extracted) -> Value {
    let value = |value: &FieldValue| match value {
        FieldValue::Text(text) => Value::from(text.as_str()),
        FieldValue::Bool(value) => Value::from(*value),
        // Beyond these it is rounded.
        FieldValue::Number(spelling) => {
            let whole = spelling.parse::<i64>().map(Value::from);
            let whole = whole.or_else(|_| spelling.parse::<u64>().map(Value::from));
            let whole = whole.or_else(|_| spelling.parse::<i128>().map(Value::from));
            whole.unwrap_or_else(|_| Value::from(spelling.parse::<f64>().unwrap_or(f64::NAN)))
        }
    };
    let fields = fields.iter().map(|(name, field)| (name, value(field)));
    fields.collect()
}
