//! Names that nothing gives, and fields that nothing uses.

use diagnostics::{Code, Diagnostic};

use super::Compiler;
use crate::config::{self, Config, OnFailure, ParseAs};
use crate::edits::{self, Formula};
use crate::languages::jinja::{Template, instead_of_name};
use crate::languages::{NamedBy, NamedField, extracted};
use crate::metrics::Meters;
use crate::ops::Direction;
use crate::program::Pass;

impl Compiler<'_> {
    /// Finds templates that no message can satisfy: they name members of a body that is not parsed.
    pub(super) fn undeclared(&mut self, pass: &Pass) {
        for edit in pass.edits.patch.iter().flat_map(|patch| &patch.edits) {
            let names = edit
                .template()
                .map(Template::undeclared)
                .unwrap_or_default();
            if !names.is_empty() {
                self.error(
                    Code::UnknownName,
                    &edit.path,
                    format!("a template in a patch cannot read `{}`", names.join("`, `")),
                    "add a field to `request.extract`, and write `extracted.` and its name",
                );
            }
        }
        let rules = pass.edits.reject.iter();
        let rules = rules.filter(|_| pass.edits.parse_as != ParseAs::AsJson);
        for rule in rules {
            let mut names: Vec<&str> = rule
                .templates()
                .flat_map(Template::undeclared)
                .map(String::as_str)
                .collect();
            names.dedup();
            if !names.is_empty() {
                self.error(
                    Code::UnknownName,
                    &rule.path,
                    format!(
                        "a template of `reject` cannot read `{}`",
                        names.join("`, `")
                    ),
                    "add a field to `request.extract`, and write `extracted.` and its name",
                );
            }
        }
        if pass.edits.parse_as == ParseAs::AsJson {
            self.forgeable(pass);
            return;
        }
        let edits = pass
            .edits
            .put_headers()
            .map(|header| (&header.path, header.formula.as_ref()));
        let entries = pass
            .edits
            .metadata
            .iter()
            .map(|entry| (&entry.path, Some(&entry.formula)));
        let body = pass.edits.body.iter();
        let body = body.map(|body| (&body.path, Some(&body.formula), true));
        let others = edits.chain(entries);
        let others = others.map(|(path, formula)| (path, formula, false));
        for (path, formula, is_body) in others.chain(body) {
            let template = formula.and_then(Formula::template);
            let Some((name, position)) = template.and_then(Template::first_undeclared) else {
                continue;
            };
            let all: Vec<&str> = template
                .map(Template::undeclared)
                .unwrap_or_default()
                .iter()
                .map(String::as_str)
                .collect();
            // What fails is left out, or the message is answered.
            let left_out = is_body || pass.on_failure == Some(OnFailure::Continue);
            let outcome = match left_out {
                true => "this template fails for every message",
                false => "every message is answered 400",
            };
            let message = format!(
                "{outcome}, because no body is parsed to read `{}` from",
                all.join("`, `")
            );
            // `header(x-model)`: a difference of two names.
            let unquoted = all.len() > 1 && all.contains(&"x");
            let quoted = "put the header's name in quotes, such as `header('x-model')`";
            let help = match unquoted {
                true => Some(quoted.to_owned()),
                false => instead_of_name(name),
            };
            let warning = Diagnostic::warning(Code::UnknownName, path, message).at(position);
            self.diagnostics.push(
                warning.help(help.unwrap_or_else(|| "set `body.parseAs` to `AsJson`".to_owned())),
            );
        }
    }

    /// Finds templates that take a member of the body for what the host knows of the connection.
    fn forgeable(&mut self, pass: &Pass) {
        let body = pass
            .edits
            .body
            .iter()
            .map(|body| (&body.path, &body.formula));
        let headers = pass.edits.put_headers();
        let headers = headers.filter_map(|edit| Some((&edit.path, edit.formula.as_ref()?)));
        let metadata = pass.edits.metadata.iter();
        let metadata = metadata.map(|entry| (&entry.path, &entry.formula));
        for (path, formula) in body.chain(headers).chain(metadata) {
            let names = formula.template().map(Template::undeclared);
            let connection = |name: &String| name.split('.').next() == Some("connection");
            if names.unwrap_or_default().iter().any(connection) {
                self.warning(
                    Code::UnknownName,
                    path,
                    "`connection` is a member of the body, which its sender chooses",
                    "use `cel(\"connection.mtls\")` for what Envoy knows of the connection",
                );
            }
        }
    }

    /// Joins the fields to the templates and expressions that use them; finds names that nothing extracts,
    /// and fields that nothing uses.
    pub(super) fn extracted(
        &mut self,
        config: &Config,
        meters: Option<&Meters>,
        request: &mut Option<Pass>,
        response: &mut Option<Pass>,
    ) {
        let of_request = names(request.as_ref());
        let of_answer = names(response.as_ref());
        let of_request: Vec<&str> = of_request.iter().map(String::as_str).collect();
        let of_answer: Vec<&str> = of_answer.iter().map(String::as_str).collect();
        self.shared_names(response.as_ref(), &of_request);
        let early = self.early_names(response.as_ref(), &of_answer);
        self.unknown_fields(&of_request, &of_answer);
        for (path, when) in early {
            match when {
                Early::First => {
                    let message =
                        "the expression reads a field of the response before it is extracted";
                    let help =
                        "read what the field comes from, such as `json(response.body).model`";
                    self.error(Code::Conflict, &path, message, help);
                }
                // Events pass one by one: what is edited is at hand, and no field is.
                Early::Unheld if path.starts_with("response.patch") => {
                    let message = "the fields of a response are known only after it has gone on";
                    let help = "write `cel`, and read `document`, the JSON that is edited, such as `document.model`";
                    self.error(Code::Conflict, &path, message, help);
                }
                Early::Unheld => self.needs_held(&path),
            }
        }
        // A template that did not parse may be the one that uses a field.
        let broken = self
            .diagnostics
            .iter()
            .any(|found| matches!(found.code, Code::Template | Code::Expression));
        let [mut uses_request, mut uses_answer] = [broken; 2];
        if let Some(meters) = meters {
            let fields = meters.fields();
            uses_request |= of_request.iter().any(|name| fields.contains(name));
            uses_answer |= of_answer.iter().any(|name| fields.contains(name));
        }
        for pass in [&mut *request, &mut *response].into_iter().flatten() {
            let is_response = pass.direction == Direction::Response;
            let declared = !of_request.is_empty() || (is_response && !of_answer.is_empty());
            let mut used = false;
            for template in pass.edits.templates_mut().filter(|_| declared) {
                used |= template.names_extracted();
                template.declare_extracted();
            }
            let (names, all) = extracted(&pass.expressions);
            used |= all || !names.is_empty();
            uses_request |= used;
            uses_answer |= used && is_response;
        }
        if let Some(pass) = response {
            let Pass {
                edits, expressions, ..
            } = pass;
            for edit in edits.set.iter_mut().chain(&mut edits.add) {
                let formula = edit.formula.as_ref();
                edit.awaits_answer =
                    formula.is_some_and(|formula| formula.names_field(expressions, &of_answer));
            }
            for entry in &mut edits.metadata {
                entry.awaits_answer = entry.formula.names_field(expressions, &of_answer);
            }
        }
        let passes = [
            ("request", &config.request, uses_request),
            ("response", &config.response, uses_answer),
        ];
        for (direction, transformation, used) in passes {
            if let Some(transformation) = transformation
                && !used
            {
                self.unused_fields(direction, &transformation.extract);
            }
        }
    }

    /// Finds names that both messages' fields have.
    fn shared_names(&mut self, response: Option<&Pass>, of_request: &[&str]) {
        let fields = response
            .into_iter()
            .flat_map(|pass| pass.extraction.names());
        for (index, name) in fields.enumerate() {
            if !name.is_empty() && of_request.contains(&name) {
                self.error(
                    Code::Conflict,
                    &format!("response.extract[{index}].name"),
                    format!("`{name}` is already the name of a field of the request"),
                    "give each field its own name",
                );
            }
        }
    }

    /// Finds expressions and templates that name fields that nothing extracts.
    fn unknown_fields(&mut self, of_request: &[&str], of_answer: &[&str]) {
        for NamedField {
            name,
            by,
            path,
            position,
        } in &self.extracted
        {
            let is_request = path.starts_with("request");
            let answers = if is_request { &[][..] } else { of_answer };
            let mut known = of_request.iter().chain(answers).copied().peekable();
            // Without `extract`, a template's `extracted` is a member of the body.
            let of_body = *by == NamedBy::Template && known.peek().is_none();
            if of_body || known.any(|known| known == name) {
                continue;
            }
            let error = if of_answer.contains(&name.as_str()) {
                let message = format!("`{name}` is a field of the response, which has not arrived");
                Diagnostic::error(Code::UnknownName, path, message).help("read it in `response`")
            } else {
                let by = match by {
                    NamedBy::Expression => "an expression",
                    NamedBy::Template => "a template",
                };
                let message = format!("{by} reads `extracted.{name}`, but no field has this name");
                let error = Diagnostic::error(Code::UnknownName, path, message)
                    .help("add the field to `request.extract`");
                error.suggest(name, of_request.iter().chain(answers).copied())
            };
            self.diagnostics.push(error.at(*position));
        }
    }

    /// The places of expressions and templates that name a field of the answer and are made before it
    /// is known.
    fn early_names(&self, response: Option<&Pass>, of_answer: &[&str]) -> Vec<(String, Early)> {
        let Some(pass) = response else {
            return Vec::new();
        };
        let mut early = Vec::new();
        let of_expressions = |named: &&NamedField| named.by == NamedBy::Expression;
        for NamedField { name, path, .. } in self.extracted.iter().filter(of_expressions) {
            let asked_first = path == "response.when" || path.starts_with("response.extract[");
            let waits = path.starts_with("response.dynamicMetadata[")
                || path.starts_with("response.set[")
                || path.starts_with("response.add[");
            if !path.starts_with("response") || !of_answer.contains(&name.as_str()) {
                continue;
            }
            if asked_first {
                early.push((path.clone(), Early::First));
            } else if !waits && !pass.knows_fields() {
                early.push((path.clone(), Early::Unheld));
            }
        }
        if pass.knows_fields() {
            return early;
        }
        let body = pass.edits.body.iter();
        let body = body.filter_map(|body| Some((&body.path, body.formula.template()?)));
        let patch = pass.edits.patch.iter().flat_map(|patch| &patch.edits);
        let patch = patch.filter_map(|edit| Some((&edit.path, edit.template()?)));
        let rules = pass.edits.reject.iter();
        let rules = rules.flat_map(|rule| rule.templates().map(|template| (&rule.path, template)));
        for (path, template) in body.chain(patch).chain(rules) {
            let mut named = template.undeclared().iter();
            let field = |name: &String| {
                let name = name.strip_prefix("extracted.");
                name.is_some_and(|name| edits::is_below(of_answer, name))
            };
            if named.any(field) {
                early.push((path.clone(), Early::Unheld));
            }
        }
        early
    }

    /// Finds fields whose values go nowhere, where no template or expression uses any.
    fn unused_fields(&mut self, direction: &str, extracts: &[config::Extract]) {
        for (index, extract) in extracts.iter().enumerate() {
            let rejects = extract.on_missing == config::OnFailure::Reject
                || extract.on_invalid == config::OnFailure::Reject;
            let unused = extract.header.is_none()
                && extract.lookup.is_none()
                && extract.metadata.is_none()
                && !rejects;
            if unused {
                self.error(
                    Code::Conflict,
                    &format!("{direction}.extract[{index}]"),
                    "nothing uses this field",
                    "add `header` or `metadata`, or use `extracted` in a template or expression",
                );
            }
        }
    }
}

/// When a value is made that names a field of the answer, and cannot have it.
enum Early {
    /// Before any field is extracted.
    First,
    /// When the answer goes on, which is not held.
    Unheld,
}

/// How the fields of a pass are called.
fn names(pass: Option<&Pass>) -> Vec<String> {
    let names = pass.into_iter().flat_map(|pass| pass.extraction.names());
    names.map(str::to_owned).collect()
}
