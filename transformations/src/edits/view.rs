//! What the templates of a pass see.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::headers::Snapshot;
use crate::languages::jinja::{RenderError, Scope, Template, Variables};
use crate::languages::{Expressions, Extracted, FieldValue, Values};

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
    pub(super) text: Option<Value>,
    /// Whether `context()` returns the document.
    pub(super) reads_context: bool,
    pub(super) shown: OnceCell<(Rc<Scope>, Variables)>,
}

impl View<'_> {
    /// Renders a template.
    ///
    /// # Errors
    ///
    /// The template failed or reached a bound.
    pub(super) fn render(&self, template: &Template) -> Result<String, RenderError> {
        if let Template::Text(text) = template {
            return Ok(text.clone());
        }
        let (scope, variables) = self.shown.get_or_init(|| self.show());
        template.render(scope, variables)
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
            body: self.text.clone().unwrap_or_else(|| Value::from("")),
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
        FieldValue::Number(spelling) => {
            let whole = spelling.parse::<i64>().map(Value::from);
            let whole = whole.or_else(|_| spelling.parse::<u64>().map(Value::from));
            whole.unwrap_or_else(|_| Value::from(spelling.parse::<f64>().unwrap_or(f64::NAN)))
        }
    };
    let fields = fields.iter().map(|(name, field)| (name, value(field)));
    fields.collect()
}
