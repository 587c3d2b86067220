//! Configuration to [`Program`], with everything that is wrong with its meaning.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::Environment;

use super::expressions::{Compilation, extracted};
use super::{Program, streaming};
use crate::cel::Expression;
use crate::config::{self, Config, HeaderTemplate, Limits, ParseAs, Transformation};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Engine, Settings};
use crate::extract;
use crate::headers;
use crate::jinja::{self, Template};
use crate::json::Wanted;
use crate::limits;
use crate::needs::{Headers, Needs};
use crate::ops::Direction;
use crate::patch::{self, Patch};
use crate::transform::{Body, Expressions, Formula, Header, Metadata, Pass, Phase};

/// Compiles `config` for `engine`; what is wrong with it comes along.
pub(super) fn compile(engine: &Engine, config: &Config) -> (Program, Vec<Diagnostic>) {
    let mut compiler = Compiler::new(engine, config);
    (compiler.program(config), compiler.diagnostics)
}

/// What is done to a header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    Set,
    Add,
    Remove,
}

struct Compiler<'c> {
    settings: &'c Arc<Settings>,
    environment: Arc<Environment<'static>>,
    /// Whether templates include each other: what they name together is not known then.
    includes: bool,
    limits: &'c Limits,
    /// The expressions of the pass in hand.
    compilation: Compilation,
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
        Self {
            settings: engine.settings(),
            environment,
            includes,
            limits: &config.limits,
            compilation: Compilation::new(Direction::Request, &config.limits, engine.settings()),
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
        self.extracted(config, &mut request, &mut response);
        for pass in [&request, &response].into_iter().flatten() {
            self.unknown_fields(pass, request.as_ref());
        }
        for pass in [&request, &response].into_iter().flatten() {
            self.undeclared(pass);
        }
        let mut request_headers = Headers::default();
        if let Some(pass) = &request {
            request_headers.merge(&pass.needs.message);
        }
        for pass in [&request, &response].into_iter().flatten() {
            request_headers.merge(&pass.needs.request);
        }
        Program {
            request,
            response,
            request_headers,
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
            ("jsonDepth", json_depth, 1, limits::JSON_DEPTH),
            ("valueBytes", value_bytes, 1, 65_536),
            ("headerBytes", header_bytes, 1, 65_536),
            ("renderedBytes", rendered_bytes, 1, usize::MAX),
            ("decodedBytes", decoded_bytes, 1, usize::MAX),
            ("decodedRatio", decoded_ratio, 1, usize::MAX),
            ("maxHeldBytes", max_held_bytes.unwrap_or(1), 1, usize::MAX),
            ("eventBytes", event_bytes, 1, 16 << 20),
        ] {
            if !(least..=most).contains(&value) {
                let help = format!("from {least} to {most}");
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
                "at least 1",
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
        self.compilation = Compilation::new(direction, self.limits, self.settings);
        let when = transformation.when.as_ref();
        let when =
            when.and_then(|text| self.expression(Phase::Condition, &format!("{path}.when"), text));
        let extraction = extract::compile(
            &transformation.extract,
            &format!("{path}.extract"),
            self.limits,
            &mut self.compilation,
            &mut self.diagnostics,
        );
        let parse_as = transformation
            .body
            .as_ref()
            .map(|body| body.parse_as)
            .unwrap_or_default();
        if parse_as == ParseAs::None && extraction.reads_body() {
            self.error(
                Code::Conflict,
                &format!("{path}.body.parseAs"),
                "`extract` reads the body, and `None` forbids it",
                "leave `body` out, or take the `json` sources out of `extract`",
            );
        }
        let mut pass = Pass {
            direction,
            when,
            parse_as,
            body: self.body(&format!("{path}.body"), transformation.body.as_ref()),
            patch: self.patch(path, transformation),
            set: self.headers(
                direction,
                Edit::Set,
                &format!("{path}.set"),
                &transformation.set,
            ),
            add: self.headers(
                direction,
                Edit::Add,
                &format!("{path}.add"),
                &transformation.add,
            ),
            remove: self.removals(direction, &format!("{path}.remove"), &transformation.remove),
            metadata: self.metadata(
                &format!("{path}.dynamicMetadata"),
                &transformation.dynamic_metadata,
            ),
            clear_route_cache: false,
            body_mode: transformation.body_mode,
            extraction,
            needs: Needs::default(),
            document: Wanted::Whole,
            expressions: Expressions::default(),
            limits: *self.limits,
        };
        let compilation = Compilation::new(direction, self.limits, self.settings);
        pass.expressions = std::mem::replace(&mut self.compilation, compilation).expressions;
        if parse_as == ParseAs::None && pass.expressions.reads_body(direction) {
            self.error(
                Code::Conflict,
                &format!("{path}.body.parseAs"),
                "an expression reads the body, and `None` forbids it",
                "leave `body` out, or do without the body in expressions",
            );
        }
        pass.clear_route_cache = transformation
            .clear_route_cache
            .unwrap_or_else(|| pass.changes_route(self.settings));
        let mut needs = Needs::default();
        for template in pass.templates() {
            if let Some(template) = template.needs() {
                needs.merge(template);
            }
        }
        for expression in pass.expressions.iter().map(Expression::needs) {
            needs.message.merge(&expression.of(direction).headers);
            needs.request.merge(&expression.request.headers);
        }
        if self.includes {
            needs.message.all();
            needs.request.all();
        }
        pass.needs = needs;
        pass.document = self.wanted(&pass);
        let conflicts = streaming::conflicts(transformation, &pass);
        self.diagnostics.extend(conflicts);
        (!pass.is_empty()).then_some(pass)
    }

    /// Finds templates that no message can satisfy: they name members of a body that is not parsed.
    fn undeclared(&mut self, pass: &Pass) {
        for edit in pass.patch.iter().flat_map(|patch| &patch.edits) {
            let names = edit
                .template()
                .map(Template::undeclared)
                .unwrap_or_default();
            if !names.is_empty() {
                self.error(
                    Code::UnknownName,
                    &edit.path,
                    format!("a patch does not see `{}`", names.join("`, `")),
                    "take the field out with `extract`, and write `extracted.` and its name",
                );
            }
        }
        if pass.parse_as == ParseAs::AsJson {
            return;
        }
        let edits = pass
            .set
            .iter()
            .chain(&pass.add)
            .map(|header| (&header.path, header.formula.as_ref()));
        let entries = pass
            .metadata
            .iter()
            .map(|entry| (&entry.path, Some(&entry.formula)));
        for (path, formula) in edits.chain(entries) {
            let template = formula.and_then(Formula::template);
            let names = template.map(Template::undeclared).unwrap_or_default();
            if !names.is_empty() {
                let message = format!(
                    "no body gives `{}`: every message is answered 400",
                    names.join("`, `")
                );
                self.warning(
                    Code::UnknownName,
                    path,
                    message,
                    "set body.parseAs to `AsJson`",
                );
            }
        }
    }

    /// What a JSON body has to give the templates of a pass.
    fn wanted(&self, pass: &Pass) -> Wanted {
        let reads_context = pass.body.as_ref().is_some_and(|body| body.reads_context);
        if reads_context || self.includes {
            return Wanted::Whole;
        }
        Wanted::Members(
            pass.templates()
                .flat_map(Template::names)
                .cloned()
                .collect(),
        )
    }

    fn request_only(&mut self, direction: Direction, transformation: &Transformation) {
        if direction == Direction::Request {
            return;
        }
        let help = "move it to `request`";
        if !transformation.extract.is_empty() {
            self.error(
                Code::Conflict,
                "response.extract",
                "only requests are extracted from",
                help,
            );
        }
        if transformation.clear_route_cache.is_some() {
            self.error(
                Code::Conflict,
                "response.clearRouteCache",
                "only requests have a route to choose",
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

    fn expression(&mut self, phase: Phase, path: &str, text: &str) -> Option<usize> {
        self.compilation
            .compile(phase, path, text, &mut self.diagnostics)
    }

    /// A value made by a template or an expression; `None` when neither is given, or one is wrong.
    fn formula(&mut self, path: &str, template: &str, cel: Option<&str>) -> Option<Formula> {
        match (template, cel) {
            ("", Some(cel)) => {
                let number = self.expression(Phase::Edits, path, cel)?;
                Some(Formula::Expression(number))
            }
            ("", None) => None,
            (template, None) => self.template(path, template).map(Formula::Template),
            (_, Some(_)) => {
                let help = "leave one of them out";
                self.error(Code::Conflict, path, "both a template and `cel`", help);
                None
            }
        }
    }

    fn body(&mut self, path: &str, body: Option<&config::Body>) -> Option<Body> {
        let body = body.filter(|body| !body.value.is_empty() || body.cel.is_some())?;
        let path = match body.cel {
            Some(_) => format!("{path}.cel"),
            None => format!("{path}.value"),
        };
        if body.parse_as == ParseAs::None {
            let help = "set parseAs to `AsString` or `AsJson`, or remove the value";
            self.warning(
                Code::Conflict,
                &path,
                "ignored, because parseAs is `None`",
                help,
            );
            return None;
        }
        Some(Body {
            formula: self.formula(&path, &body.value, body.cel.as_deref())?,
            path,
            reads_text: body.value.contains("body()"),
            reads_context: body.value.contains("context()"),
        })
    }

    fn patch(&mut self, path: &str, transformation: &Transformation) -> Option<Patch> {
        if !transformation.patch.is_empty() && transformation.body.is_some() {
            self.error(
                Code::Conflict,
                &format!("{path}.patch"),
                "`body` makes a new body, and `patch` edits the one there is",
                "leave one of them out",
            );
        }
        let Self {
            settings,
            environment,
            limits,
            compilation,
            diagnostics,
            ..
        } = self;
        let mut template = |path: &str, text: &str, diagnostics: &mut Vec<Diagnostic>| {
            let template =
                Template::compile(path, text, environment, settings, limits, diagnostics)?;
            compilation.of_template(path, &template, diagnostics);
            Ok(template)
        };
        patch::compile(
            &transformation.patch,
            &format!("{path}.patch"),
            limits,
            &mut template,
            diagnostics,
        )
    }

    fn headers(
        &mut self,
        direction: Direction,
        edit: Edit,
        list: &str,
        headers: &[HeaderTemplate],
    ) -> Vec<Header> {
        let compile = |(index, header): (usize, &HeaderTemplate)| {
            let path = format!("{list}[{index}] `{}`", header.name);
            let name = self.header_name(&path, &header.name)?;
            let formula = match (header.value.as_str(), header.cel.as_deref()) {
                ("", None) => None,
                (text, cel) => Some(self.formula(&path, text, cel)?),
            };
            // An empty value in `set` removes.
            let edit = match edit {
                Edit::Set if formula.is_none() => Edit::Remove,
                edit => edit,
            };
            self.may_edit(direction, &path, &name, edit)
                .then_some(Header {
                    path,
                    name,
                    formula,
                })
        };
        headers.iter().enumerate().filter_map(compile).collect()
    }

    fn removals(&mut self, direction: Direction, list: &str, names: &[String]) -> Vec<String> {
        let check = |(index, name): (usize, &String)| {
            let path = format!("{list}[{index}]");
            let name = self.header_name(&path, name)?;
            self.may_edit(direction, &path, &name, Edit::Remove)
                .then_some(name)
        };
        names.iter().enumerate().filter_map(check).collect()
    }

    /// Whether an edit of a header does any good. One that does harm is ignored, as kgateway's
    /// control plane may send it.
    fn may_edit(&mut self, direction: Direction, path: &str, name: &str, edit: Edit) -> bool {
        let puts = edit != Edit::Remove;
        let (message, help) = if puts && headers::CONNECTION.contains(&name) {
            (
                "ignored, because a wrong value breaks the connection or lets requests be smuggled",
                "leave it out: Envoy sees to it",
            )
        } else if name.starts_with(':') && !headers::known_pseudo_header(direction, name) {
            (
                "ignored, because this message has no such pseudo header",
                "leave it out",
            )
        } else if name.starts_with(':') && edit != Edit::Set {
            (
                "ignored, because a message has each pseudo header once",
                "use `set` with a value",
            )
        } else {
            return true;
        };
        self.warning(Code::Conflict, path, message, help);
        false
    }

    fn header_name(&mut self, path: &str, name: &str) -> Option<String> {
        if headers::valid_name(name) {
            return Some(name.to_ascii_lowercase());
        }
        let help = "use letters, digits and `-`";
        self.error(
            Code::HeaderName,
            path,
            format!("`{name}` is not a header name"),
            help,
        );
        None
    }

    fn metadata(&mut self, list: &str, entries: &[config::DynamicMetadata]) -> Vec<Metadata> {
        let compile = |(index, entry): (usize, &config::DynamicMetadata)| {
            let path = format!("{list}[{index}] `{}`", entry.key);
            let cel = entry.value.cel.as_deref();
            let text = Metadata::text(entry).unwrap_or_default();
            let named = !entry.namespace.is_empty() && !entry.key.is_empty();
            if !named || (text.is_empty() && cel.is_none()) {
                let help = "give it a namespace, a key and a stringValue";
                self.warning(
                    Code::Conflict,
                    &path,
                    "skipped, because a part of it is empty",
                    help,
                );
                return None;
            }
            Some(Metadata {
                formula: self.formula(&path, text, cel)?,
                path,
                namespace: entry.namespace.clone(),
                key: entry.key.clone(),
            })
        };
        entries.iter().enumerate().filter_map(compile).collect()
    }

    /// Finds expressions that name fields that nothing extracts.
    fn unknown_fields(&mut self, pass: &Pass, request: Option<&Pass>) {
        let known: Vec<&str> =
            request.map_or_else(Vec::new, |pass| pass.extraction.names().collect());
        let (names, _) = extracted(&pass.expressions);
        for name in names.iter().filter(|name| !known.contains(name)) {
            let path = pass.direction.as_str();
            let message = format!("nothing extracts `{name}`, which an expression names");
            let error = Diagnostic::error(Code::UnknownName, path, message);
            self.diagnostics
                .push(error.suggest(name, known.iter().copied()));
        }
    }

    /// Joins the fields to the templates that use them, and finds fields that nothing uses.
    fn extracted(
        &mut self,
        config: &Config,
        request: &mut Option<Pass>,
        response: &mut Option<Pass>,
    ) {
        let Some(transformation) = &config.request else {
            return;
        };
        if transformation.extract.is_empty() {
            return;
        }
        // A template that did not parse may be the one that uses it.
        let broken = self
            .diagnostics
            .iter()
            .any(|found| matches!(found.code, Code::Template | Code::Expression));
        let mut used = false;
        for pass in [request, response].into_iter().flatten() {
            for template in pass.templates_mut() {
                used |= template.names_extracted();
                template.declare_extracted();
            }
            let (names, all) = extracted(&pass.expressions);
            used |= all || !names.is_empty();
        }
        for (index, extract) in transformation.extract.iter().enumerate() {
            let rejects = extract.on_missing == config::OnFailure::Reject
                || extract.on_invalid == config::OnFailure::Reject;
            let unused = extract.header.is_none()
                && extract.lookup.is_none()
                && extract.metadata.is_none()
                && !rejects;
            if unused && !used && !broken {
                self.error(
                    Code::Conflict,
                    &format!("request.extract[{index}]"),
                    "the value goes nowhere",
                    "add `header` or `metadata`, or use `extracted` in a template",
                );
            }
        }
    }
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
                Some((name.into(), Metadata::text(entry)?))
            });
        headers.chain(body).chain(patch).chain(metadata)
    })
}

/// Whether a template may name another.
fn names_templates(text: &str) -> bool {
    ["include", "import", "extends"]
        .iter()
        .any(|word| text.contains(word))
}

impl Pass {
    /// Whether the pass sets a header that the route is chosen by.
    fn changes_route(&self, settings: &Settings) -> bool {
        let mut set = self.set.iter().chain(&self.add);
        self.direction == Direction::Request
            && (self.extraction.sets_headers()
                || set.any(|header| settings.routing_headers.contains(&header.name)))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let edits = self.set.iter().chain(&self.add);
        let patch = self.patch.iter().flat_map(|patch| &patch.edits);
        self.body
            .iter()
            .filter_map(|body| body.formula.template())
            .chain(patch.filter_map(patch::Edit::template))
            .chain(edits.filter_map(|header| header.formula.as_ref()?.template()))
            .chain(
                self.metadata
                    .iter()
                    .filter_map(|metadata| metadata.formula.template()),
            )
    }

    fn templates_mut(&mut self) -> impl Iterator<Item = &mut Template> {
        let edits = self.set.iter_mut().chain(&mut self.add);
        let patch = self.patch.iter_mut().flat_map(|patch| &mut patch.edits);
        self.body
            .iter_mut()
            .filter_map(|body| body.formula.template_mut())
            .chain(patch.filter_map(patch::Edit::template_mut))
            .chain(edits.filter_map(|header| header.formula.as_mut()?.template_mut()))
            .chain(
                self.metadata
                    .iter_mut()
                    .filter_map(|metadata| metadata.formula.template_mut()),
            )
    }
}
