//! Names that nothing gives, and fields that nothing uses.

use diagnostics::{Code, Diagnostic};

use super::Compiler;
use crate::config::{self, Config, ParseAs};
use crate::edits::Formula;
use crate::languages::jinja::Template;
use crate::languages::{NamedBy, NamedField, extracted};
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
                    format!("a patch does not see `{}`", names.join("`, `")),
                    "take the field out with `extract`, and write `extracted.` and its name",
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
                    "write `cel(\"connection.mtls\")` for what Envoy knows of the connection",
                );
            }
        }
    }

    /// Finds expressions and templates that name fields that nothing extracts.
    pub(super) fn unknown_fields(&mut self, request: Option<&Pass>) {
        let known: Vec<&str> =
            request.map_or_else(Vec::new, |pass| pass.extraction.names().collect());
        for NamedField {
            name,
            by,
            path,
            position,
        } in &self.extracted
        {
            // Without `extract`, a template's `extracted` is a member of the body.
            let of_body = *by == NamedBy::Template && known.is_empty();
            if of_body || known.contains(&name.as_str()) {
                continue;
            }
            let by = match by {
                NamedBy::Expression => "an expression",
                NamedBy::Template => "a template",
            };
            let message = format!("nothing extracts `{name}`, which {by} names");
            let error = Diagnostic::error(Code::UnknownName, path, message)
                .at(*position)
                .help("take it out of the request with `extract`");
            self.diagnostics
                .push(error.suggest(name, known.iter().copied()));
        }
    }

    /// Joins the fields to the templates that use them, and finds fields that nothing uses.
    pub(super) fn extracted(
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
            for template in pass.edits.templates_mut() {
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
                    "add `header` or `metadata`, or use `extracted` in a template or expression",
                );
            }
        }
    }
}
