//! Configuration to [`Program`], with everything that is wrong with its meaning.

mod answers;
mod headers;
mod metadata;
mod meters;
mod names;
mod reject;

use std::borrow::Cow;
use std::sync::Arc;

use bodies::JSON_DEPTH;
use bodies::json::Selection;
use diagnostics::{Code, Diagnostic};
use minijinja::Environment;

use headers::HeaderVerb;

use super::{Pass, Program, Turn, streaming};
use crate::config::{self, BodyMode, Config, Limits, OnFailure, ParseAs, Transformation};
use crate::edits::patch::{self, Patch};
use crate::edits::{Edits, Formula, MetadataEdit, NewBody};
use crate::fields;
use crate::headers::HeaderNames;
use crate::languages::cel::Expression;
use crate::languages::jinja::HeaderNeeds;
use crate::languages::jinja::{self, Template, unescaped};
use crate::languages::{Compilation, ExpressionId, Expressions, FieldTypes, NamedField, Phase};
use crate::ops::Direction;
use crate::program::Engine;
use crate::settings::Settings;

/// Compiles `config` for `engine`; what is wrong with it comes along.
pub(super) fn compile(engine: &Engine, config: &Config) -> (Program, Vec<Diagnostic>) {
    let mut compiler = Compiler::new(engine, config);
    (compiler.program(config), compiler.diagnostics)
}

struct Compiler<'c> {
    engine: &'c Engine,
    settings: &'c Arc<Settings>,
    environment: Arc<Environment<'static>>,
    /// Whether templates include each other: what they name together is not known then.
    includes: bool,
    limits: &'c Limits,
    /// Those of the fields that either pass extracts.
    types: Arc<FieldTypes>,
    /// The expressions of the pass in hand.
    compilation: Compilation,
    /// The fields that expressions and templates of either pass name.
    extracted: Vec<NamedField>,
    diagnostics: Vec<Diagnostic>,
}

impl<'c> Compiler<'c> {
    fn new(engine: &'c Engine, config: &'c Config) -> Self {
        let mut environment = engine.environment(config.limits.template_fuel);
        let includes = named_templates(config).any(|(_, text)| names_templates(text));
        if includes {
            let templates = named_templates(config)
                .map(|(name, text)| (name.into_owned(), text.to_owned()))
                .collect();
            environment = Arc::new(jinja::with_templates(&environment, templates));
        }
        let passes = [&config.request, &config.response].into_iter().flatten();
        let types = Arc::new(fields::types(passes.flat_map(|pass| &pass.extract)));
        let settings = engine.settings();
        Self {
            engine,
            settings,
            environment,
            includes,
            limits: &config.limits,
            compilation: Compilation::new(Direction::Request, &config.limits, settings, &types),
            types,
            extracted: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    fn error(&mut self, code: Code, path: &str, message: impl Into<String>, help: &str) {
        self.diagnostics
            .push(Diagnostic::error(code, path, message).help(help));
    }

    fn warning(&mut self, code: Code, path: &str, message: impl Into<String>, help: &str) {
        self.diagnostics
            .push(Diagnostic::warning(code, path, message).help(help));
    }

    fn program(&mut self, config: &Config) -> Program {
        self.limits();
        let mut request = self.pass(Direction::Request, config.request.as_ref());
        let mut response = self.pass(Direction::Response, config.response.as_ref());
        let meters = self.meters(config, &[&request, &response]);
        self.extracted(config, meters.as_deref(), &mut request, &mut response);
        for pass in [&request, &response].into_iter().flatten() {
            self.undeclared(pass);
        }
        if let (Some(transformation), Some(pass)) = (&config.response, &response) {
            self.needs_fields(transformation, pass);
        }
        let mut request_headers = HeaderNames::default();
        if let Some(pass) = &request {
            request_headers.merge(&pass.needs.message);
        }
        for pass in [&request, &response].into_iter().flatten() {
            request_headers.merge(&pass.needs.request);
        }
        let counts_attempts = [&request, &response].into_iter().flatten().any(|pass| {
            let mut expressions = pass.expressions.iter();
            expressions.any(|expression| expression.needs().attempt)
        });
        let own_headers = request
            .iter()
            .flat_map(|pass| pass.own_headers(self.settings));
        let changes_path = request
            .iter()
            .flat_map(Pass::changed_headers)
            .any(|name| name == ":path");
        Program {
            meters,
            has_metrics: config.metrics.is_some(),
            own_headers: own_headers.collect(),
            request,
            response,
            request_headers,
            counts_usage: false,
            counts_attempts,
            limits: *self.limits,
            error_format: config.error_format,
            changes_path,
            settings: Arc::clone(self.settings),
        }
    }

    fn limits(&mut self) {
        let Limits {
            json_depth,
            value_bytes,
            header_bytes,
            template_fuel,
            rendered_bytes,
            max_held_bytes,
            decoded_bytes,
            decoded_ratio,
            event_bytes,
        } = *self.limits;
        for (name, value, least, most) in [
            ("jsonDepth", json_depth, 1, JSON_DEPTH),
            ("valueBytes", value_bytes, 1, 65_536),
            ("headerBytes", header_bytes, 1, 65_536),
            ("renderedBytes", rendered_bytes, 1, usize::MAX),
            ("decodedBytes", decoded_bytes, 1, usize::MAX),
            ("decodedRatio", decoded_ratio.unwrap_or(1), 1, usize::MAX),
            ("maxHeldBytes", max_held_bytes.unwrap_or(1), 1, usize::MAX),
            ("eventBytes", event_bytes, 1, 16 << 20),
        ] {
            if !(least..=most).contains(&value) {
                let help = match most {
                    usize::MAX => format!("write a number from {least}"),
                    _ => format!("write a number from {least} to {most}"),
                };
                self.error(
                    Code::Range,
                    &format!("limits.{name}"),
                    format!("{value} is out of range"),
                    &help,
                );
            }
        }
        if template_fuel == 0 {
            self.error(
                Code::Range,
                "limits.templateFuel",
                "0 is out of range",
                "write a number from 1",
            );
        }
    }

    fn pass(
        &mut self,
        direction: Direction,
        transformation: Option<&Transformation>,
    ) -> Option<Pass> {
        let transformation = transformation?;
        let path = direction.as_str();
        self.request_only(direction, transformation);
        self.compilation = Compilation::new(direction, self.limits, self.settings, &self.types);
        let when = transformation.when.as_ref();
        let when =
            when.and_then(|text| self.condition(Phase::Condition, &format!("{path}.when"), text));
        let extraction = fields::compile(
            direction,
            &transformation.extract,
            rejects_invalid(direction, transformation),
            self.limits,
            &mut self.compilation,
            &mut self.diagnostics,
        );
        let parse_as = transformation
            .body
            .as_ref()
            .map(|body| body.parse_as)
            .unwrap_or_default();
        let waits =
            direction == Direction::Request || transformation.body_mode == Some(BodyMode::Buffered);
        if parse_as == ParseAs::None && waits && extraction.reads_body() {
            self.error(
                Code::Conflict,
                &format!("{path}.body.parseAs"),
                "`extract` reads the body, but `parseAs: None` turns that off",
                "remove `body`, or the sources in the body from `extract`",
            );
        }
        let mut pass = Pass {
            direction,
            when,
            on_failure: transformation.on_failure,
            edits: Edits {
                parse_as,
                reject: self.rules(direction, &transformation.reject),
                body: self.body(&format!("{path}.body"), transformation.body.as_ref()),
                patch: self.patch(path, transformation),
                set: self.headers(
                    direction,
                    HeaderVerb::Set,
                    &format!("{path}.set"),
                    &transformation.set,
                ),
                add: self.headers(
                    direction,
                    HeaderVerb::Add,
                    &format!("{path}.add"),
                    &transformation.add,
                ),
                remove: self.removals(
                    direction,
                    &format!("{path}.remove"),
                    &transformation.remove,
                    extraction.headers().map(str::to_owned).collect(),
                ),
                metadata: self.metadata(
                    &format!("{path}.dynamicMetadata"),
                    &transformation.dynamic_metadata,
                ),
                document: Selection::Whole,
            },
            clear_route_cache: false,
            body_mode: transformation.body_mode,
            extraction,
            needs: HeaderNeeds::default(),
            expressions: Expressions::default(),
            limits: *self.limits,
        };
        if direction == Direction::Request && pass.streams(Turn::First) {
            pass.extraction.stream();
        }
        let compilation = Compilation::new(direction, self.limits, self.settings, &self.types);
        let compiled = std::mem::replace(&mut self.compilation, compilation);
        pass.expressions = compiled.expressions;
        self.extracted.extend(compiled.extracted);
        if parse_as == ParseAs::None && pass.expressions.reads_body(direction) {
            self.error(
                Code::Conflict,
                &format!("{path}.body.parseAs"),
                "an expression reads the body, but `parseAs: None` turns that off",
                "remove `body`, or use no body in expressions",
            );
        }
        pass.clear_route_cache = transformation
            .clear_route_cache
            .unwrap_or_else(|| pass.changes_route(self.settings));
        let mut needs = HeaderNeeds::default();
        for template in pass.edits.templates() {
            if let Some(template) = template.needs() {
                needs.merge(template);
            }
        }
        for expression in pass.expressions.iter().map(Expression::needs) {
            needs.message.merge(&expression.of(direction).headers);
            needs.request.merge(&expression.request.headers);
        }
        if direction == Direction::Response {
            pass.extraction.source_headers(&mut needs.message);
        }
        if self.includes {
            needs.message.all();
            needs.request.all();
        }
        pass.needs = needs;
        pass.edits.document = self.selection(&pass);
        let conflicts = streaming::conflicts(transformation, &pass);
        self.diagnostics.extend(conflicts);
        self.held_answers(transformation, &pass);
        self.undecided(transformation, &pass);
        self.emptied(&pass);
        self.unseen(transformation, &pass);
        if pass.is_empty() && pass.when.is_some() {
            let help = "add an edit to it, or remove `when`";
            let path = format!("{path}.when");
            self.warning(Code::Conflict, &path, "`when` guards no action", help);
        }
        (!pass.is_empty()).then_some(pass)
    }

    /// What a JSON body has to give the templates of a pass.
    fn selection(&self, pass: &Pass) -> Selection {
        let reads_context = pass
            .edits
            .body
            .as_ref()
            .is_some_and(|body| body.reads_context);
        if reads_context || self.includes {
            return Selection::Whole;
        }
        Selection::Members(
            pass.edits
                .templates()
                .flat_map(Template::names)
                .cloned()
                .collect(),
        )
    }

    fn request_only(&mut self, direction: Direction, transformation: &Transformation) {
        if direction == Direction::Request {
            if !transformation.drop_events.is_empty() {
                let help = "move it to `response`";
                let message = "only a response is a stream of events";
                self.error(Code::Conflict, "request.dropEvents", message, help);
            }
            return;
        }
        let help = "move it to `request`";
        if transformation.clear_route_cache.is_some() {
            self.error(
                Code::Conflict,
                "response.clearRouteCache",
                "only the route of a request can be chosen again",
                help,
            );
        }
    }

    fn template(&mut self, path: &str, text: &str) -> Option<Template> {
        let compiled = Template::compile(
            path,
            text,
            &self.environment,
            self.settings,
            self.limits,
            &mut self.diagnostics,
        );
        let template = compiled
            .map_err(|diagnostic| self.diagnostics.push(diagnostic))
            .ok()?;
        self.compilation
            .of_template(path, &template, &mut self.diagnostics);
        Some(template)
    }

    fn expression(&mut self, phase: Phase, path: &str, text: &str) -> Option<ExpressionId> {
        self.compilation
            .compile(phase, path, text, &mut self.diagnostics)
    }

    fn condition(&mut self, phase: Phase, path: &str, text: &str) -> Option<ExpressionId> {
        let condition = self.expression(phase, path, text)?;
        if let Some(name) = self.compilation.expressions.type_name(condition)
            && name != "bool"
        {
            let message = format!("a condition is a bool, and this is of type {name}");
            let help = "compare it with a value, as in `request.method == 'POST'`";
            self.error(Code::Expression, path, message, help);
        }
        Some(condition)
    }

    /// Warns of an expression that can only give what no header and no metadata holds.
    fn worthless(&mut self, path: &str, formula: &Formula) {
        let Formula::Expression(id) = formula else {
            return;
        };
        if let Some((message, help)) = self.compilation.expressions.worthless(*id) {
            self.warning(Code::Conflict, path, message, help);
        }
    }

    /// A value made by a template or an expression; `None` when neither is given, or one is wrong.
    fn formula(&mut self, path: &str, template: &str, cel: Option<&str>) -> Option<Formula> {
        match (template, cel) {
            ("", Some(cel)) => {
                let id = self.expression(Phase::Edits, path, cel)?;
                Some(Formula::Expression(id))
            }
            ("", None) => None,
            (template, None) => self.template(path, template).map(Formula::Template),
            (_, Some(_)) => {
                let help = "remove one of them";
                self.error(
                    Code::Conflict,
                    path,
                    "both a template and `cel` are given",
                    help,
                );
                None
            }
        }
    }

    fn body(&mut self, path: &str, body: Option<&config::Body>) -> Option<NewBody> {
        let body = body.filter(|body| !body.value.is_empty() || body.cel.is_some())?;
        let path = match body.cel {
            Some(_) => format!("{path}.cel"),
            None => format!("{path}.value"),
        };
        if body.parse_as == ParseAs::None {
            let help = "set `parseAs` to `AsString` or `AsJson`, or remove this value";
            self.warning(
                Code::Conflict,
                &path,
                "this value is ignored, because `parseAs` is `None`",
                help,
            );
            return None;
        }
        let formula = self.formula(&path, &body.value, body.cel.as_deref())?;
        self.diagnostics
            .extend(unescaped::warning(&path, &body.value));
        Some(NewBody {
            formula,
            path,
            reads_text: body.value.contains("body()"),
            reads_context: body.value.contains("context()"),
        })
    }

    fn patch(&mut self, path: &str, transformation: &Transformation) -> Option<Patch> {
        let edits = [
            ("patch", !transformation.patch.is_empty()),
            ("dropEvents", !transformation.drop_events.is_empty()),
        ];
        for (key, _) in edits.into_iter().filter(|(_, given)| *given) {
            if transformation.body.is_some() {
                self.error(
                    Code::Conflict,
                    &format!("{path}.{key}"),
                    format!("`body` replaces the body that `{key}` edits"),
                    "remove one of them",
                );
            }
        }
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        let patch = patch::compile(
            &transformation.patch,
            &transformation.drop_events,
            path,
            self.limits,
            self,
            &mut diagnostics,
        );
        self.diagnostics.append(&mut diagnostics);
        patch
    }
}

impl patch::Language for Compiler<'_> {
    fn template(
        &mut self,
        path: &str,
        text: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Template> {
        let template = Template::compile(
            path,
            text,
            &self.environment,
            self.settings,
            self.limits,
            diagnostics,
        );
        let mut template = template
            .map_err(|diagnostic| diagnostics.push(diagnostic))
            .ok()?;
        template.refuse_gaps();
        self.compilation
            .of_edit_template(path, &template, diagnostics);
        Some(template)
    }

    fn expression(
        &mut self,
        path: &str,
        text: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<ExpressionId> {
        self.compilation.in_document(path, text, diagnostics)
    }

    fn type_name(&self, expression: ExpressionId) -> Option<&'static str> {
        self.compilation.expressions.type_name(expression)
    }
}

/// Whether `onFailure` rejects messages with an invalid field: a response that goes on before its fields
/// are known cannot be rejected for them.
fn rejects_invalid(direction: Direction, transformation: &Transformation) -> bool {
    let held = transformation.body_mode == Some(BodyMode::Buffered);
    transformation.on_failure == Some(OnFailure::Reject)
        && (direction == Direction::Request || held)
}

/// The templates of a configuration, by the names kgateway gives them: templates can include each
/// other by these.
fn named_templates(config: &Config) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let passes = [("request", &config.request), ("response", &config.response)];
    let passes = passes
        .into_iter()
        .filter_map(|(direction, transformation)| Some((direction, transformation.as_ref()?)));
    passes.flat_map(|(direction, transformation)| {
        let headers = transformation.add.iter().chain(&transformation.set);
        let headers = headers.map(|header| {
            let text = header.value.as_str();
            (Cow::Borrowed(text), text)
        });
        let body = transformation.body.as_ref();
        let body = body
            .filter(|body| body.parse_as != ParseAs::None)
            .map(move |body| (format!("{direction}_body_0").into(), body.value.as_str()));
        let patch = transformation.patch.iter().enumerate();
        let patch = patch.flat_map(move |(index, edit)| {
            let json = edit.json.as_ref().and_then(|json| json.as_str());
            let texts = edit.value.as_deref().into_iter().chain(json);
            texts.map(move |text| (format!("{direction}.patch[{index}]").into(), text))
        });
        let metadata = transformation
            .dynamic_metadata
            .iter()
            .filter_map(move |entry| {
                let (namespace, key) = (&entry.namespace, &entry.key);
                let name = format!("{direction}.dynamicMetadata[{namespace}.{key}]");
                Some((name.into(), MetadataEdit::text(entry)?))
            });
        let rules = transformation.reject.iter().enumerate();
        let rules = rules.flat_map(move |(index, rule)| {
            let body = rule.body.as_ref().map(|body| body.value.as_str());
            let texts = body.into_iter().chain([rule.message.as_str()]);
            texts.map(move |text| (format!("{direction}.reject[{index}]").into(), text))
        });
        headers
            .chain(body)
            .chain(patch)
            .chain(rules)
            .chain(metadata)
    })
}

/// Whether a template may name another.
fn names_templates(text: &str) -> bool {
    ["include", "import", "extends"]
        .iter()
        .any(|word| text.contains(word))
}
