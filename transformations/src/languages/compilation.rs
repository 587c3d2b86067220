//! The expressions of a pass, compiled, with everything that is wrong with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use diagnostics::{Code, Diagnostic, Position};

use super::{ExpressionId, Expressions, FieldTypes, Phase};
use crate::config::Limits;
use crate::languages::cel::{Expression, Needs};
use crate::languages::jinja::Template;
use crate::ops::Direction;
use crate::settings::Settings;

/// What to write in place of a body in the edits of one.
const IN_DOCUMENT: &str = "write `cel` instead of `value` or `json`: there, `document` is the JSON that is edited, \
     such as `document.choices[0]`, and `value` is the value at the place";

/// The expressions of one pass on their way.
pub(crate) struct Compilation {
    direction: Direction,
    settings: Arc<Settings>,
    limits: Limits,
    pub(crate) expressions: Expressions,
    /// Those of the fields of both passes.
    types: Arc<FieldTypes>,
    /// The fields that expressions and templates name.
    pub(crate) extracted: Vec<NamedField>,
}

/// What names a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Expression,
    Template,
}

/// A field that is named, and where.
pub(crate) struct NamedField {
    pub(crate) name: String,
    pub(crate) by: NamedBy,
    /// The place of that in the configuration.
    pub(crate) path: String,
    /// The place in it, where it is known.
    pub(crate) position: Option<Position>,
}

impl Compilation {
    pub(crate) fn new(
        direction: Direction,
        limits: &Limits,
        settings: &Arc<Settings>,
        types: &Arc<FieldTypes>,
    ) -> Self {
        Self {
            direction,
            types: Arc::clone(types),
            settings: Arc::clone(settings),
            limits: *limits,
            expressions: Expressions::new(limits, settings),
            extracted: Vec::new(),
        }
    }

    /// The expression that stands at `path`; `None` when something is wrong with it.
    pub(crate) fn compile(
        &mut self,
        phase: Phase,
        path: &str,
        text: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<ExpressionId> {
        if let Some(known) = self.expressions.find(phase, text) {
            return Some(known);
        }
        let expression = self.compiled(path, text, false, diagnostics)?;
        Some(self.add(phase, path, text, expression, diagnostics))
    }

    /// The expression of an edit of a document, that stands at `path`; `None` when something is wrong
    /// with it. One that reads nothing of the document is evaluated once for the message.
    pub(crate) fn in_document(
        &mut self,
        path: &str,
        text: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<ExpressionId> {
        let expressions = &self.expressions;
        let known = expressions.find(Phase::Document, text);
        if let Some(known) = known.or_else(|| expressions.find(Phase::Edits, text)) {
            if let Some(expression) = expressions.get(known) {
                self.reads_no_body(path, expression.needs(), diagnostics);
            }
            return Some(known);
        }
        let expression = self.compiled(path, text, true, diagnostics)?;
        let needs = expression.needs();
        let phase = if needs.value || !needs.document.is_empty() {
            Phase::Document
        } else {
            Phase::Edits
        };
        self.reads_no_body(path, needs, diagnostics);
        Some(self.add(phase, path, text, expression, diagnostics))
    }

    fn compiled(
        &self,
        path: &str,
        text: &str,
        in_documents: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Expression> {
        Expression::compile(path, text, &self.limits, &self.types, in_documents)
            .map_err(|mut errors| diagnostics.append(&mut errors))
            .ok()
    }

    fn add(
        &mut self,
        phase: Phase,
        path: &str,
        text: &str,
        expression: Expression,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> ExpressionId {
        self.check(phase, path, expression.needs(), diagnostics);
        let names = expression.needs().extracted.iter();
        self.extracted.extend(names.map(|name| NamedField {
            name: name.clone(),
            by: NamedBy::Expression,
            path: path.to_owned(),
            position: None,
        }));
        self.expressions
            .add(self.direction, phase, text, expression)
    }

    /// Compiles the expressions that a template of an edit evaluates.
    pub(crate) fn of_edit_template(
        &mut self,
        path: &str,
        template: &Template,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        self.of_template(path, template, diagnostics);
        if template
            .calls()
            .any(|name| ["body", "context"].contains(&name))
        {
            diagnostics.push(
                Diagnostic::error(
                    Code::Conflict,
                    path,
                    "a template of an edit cannot read the body",
                )
                .help(IN_DOCUMENT),
            );
        }
        for (text, _) in template.expressions() {
            let id = self.expressions.find(Phase::Edits, text);
            if let Some(expression) = id.and_then(|id| self.expressions.get(id)) {
                self.reads_no_body(path, expression.needs(), diagnostics);
            }
        }
    }

    /// An answer is edited event by event as it passes: there never is a whole body. Of a request, what
    /// is asked at a place sees the document alone.
    fn reads_no_body(&self, path: &str, needs: &Needs, diagnostics: &mut Vec<Diagnostic>) {
        let in_document = needs.value || !needs.document.is_empty();
        if self.direction == Direction::Request && in_document && needs.request.reads_body() {
            let message = "an edit that reads `document` or `value` cannot read the body too";
            let help = "`document` is the body as JSON: write `document.a` instead of `json(request.body).a`";
            diagnostics.push(Diagnostic::error(Code::Conflict, path, message).help(help));
        }
        if self.direction == Direction::Response && needs.response.reads_body() {
            let message =
                "an edit of a response cannot read the whole body, because events pass one by one";
            diagnostics.push(Diagnostic::error(Code::Conflict, path, message).help(IN_DOCUMENT));
        }
    }

    /// Compiles the expressions that a template evaluates.
    pub(crate) fn of_template(
        &mut self,
        path: &str,
        template: &Template,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let fields = template.fields().iter();
        self.extracted
            .extend(fields.map(|(name, position)| NamedField {
                name: name.clone(),
                by: NamedBy::Template,
                path: path.to_owned(),
                position: *position,
            }));
        for (text, position) in template.expressions() {
            let before = diagnostics.len();
            if let Some(id) = self.compile(Phase::Edits, path, text, diagnostics) {
                self.expressions.call(id);
            }
            // Where the call stands, not where the error stands inside it.
            for error in diagnostics.iter_mut().skip(before) {
                error.position = *position;
            }
        }
    }

    /// Finds what an expression names that is not there when it is evaluated.
    fn check(&self, phase: Phase, path: &str, needs: &Needs, diagnostics: &mut Vec<Diagnostic>) {
        let mut conflict = |message: &str, help: &str| {
            diagnostics.push(Diagnostic::error(Code::Conflict, path, message).help(help));
        };
        match self.direction {
            Direction::Request if !needs.response.is_empty() => {
                conflict(
                    "the expression reads the response, which has not arrived",
                    "move it to `response`",
                );
            }
            Direction::Response if needs.request.reads_body() => conflict(
                "the request's body is gone when the response arrives",
                "add a field to `request.extract`, and read `extracted.` and its name",
            ),
            _ => {}
        }
        let early = self.direction == Direction::Request
            && matches!(phase, Phase::Condition | Phase::Extraction);
        if early && (needs.all_extracted || !needs.extracted.is_empty()) {
            conflict(
                "the expression reads `extracted` before anything is extracted",
                "read what the field comes from, such as `json(request.body).model`",
            );
        }
        if self.settings.lacks_booleans {
            for name in &needs.booleans {
                let message = format!("this Envoy does not report `{name}`, so it has no value");
                diagnostics.push(
                    Diagnostic::warning(Code::Conflict, path, message).help(
                        "use Envoy 1.37.1 or later, or write `default(..., false)` around it",
                    ),
                );
            }
        }
        if self.settings.lacks_cluster_name && needs.cluster_name {
            let message = "this Envoy does not report `xds.cluster_name`, so it has no value";
            diagnostics.push(
                Diagnostic::warning(Code::Conflict, path, message)
                    .help("use Envoy 1.38 or later, or write `default(..., '')` around it"),
            );
        }
        for name in needs
            .env
            .iter()
            .filter(|name| !self.settings.readable(name))
        {
            let message =
                format!("the environment variable `{name}` may not be read, so it has no value");
            diagnostics.push(
                Diagnostic::warning(Code::Conflict, path, message)
                    .help("add it to RUSTFORMATIONS_ENV_ALLOW"),
            );
        }
    }
}

/// The fields that expressions name, and whether one may look at any.
pub(crate) fn extracted(expressions: &Expressions) -> (BTreeSet<&str>, bool) {
    let needs = || expressions.iter().map(Expression::needs);
    let names = needs().flat_map(|needs| needs.extracted.iter().map(String::as_str));
    (names.collect(), needs().any(|needs| needs.all_extracted))
}
