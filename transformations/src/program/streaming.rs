//! What cannot be done to a message that goes on before its body has arrived.

use diagnostics::{Code, Diagnostic};

use crate::config::{BodyMode, Duplicates, ParseAs, Source, Transformation};
use crate::languages::jinja::Template;
use crate::ops::Direction;
use crate::program::Pass;

/// Everything of `transformation`, compiled to `pass`, that its `bodyMode` rules out.
pub(super) fn conflicts(transformation: &Transformation, pass: &Pass) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if transformation.body_mode != Some(BodyMode::Streamed) {
        return found;
    }
    let mut conflict = |path: &str, message: &str, help: &str| {
        let path = format!("{}.{path}", pass.direction.as_str());
        found.push(Diagnostic::error(Code::Conflict, path, message).help(help));
    };
    if pass.direction == Direction::Response {
        conflict(
            "bodyMode",
            "only a request can be `streamed`",
            "remove it: a response whose body is not read is never held",
        );
        return found;
    }
    for (index, extract) in transformation.extract.iter().enumerate() {
        let in_body = |source: &Source| {
            matches!(
                source,
                Source::Json(_) | Source::Multipart(_) | Source::Form(_)
            )
        };
        if extract.duplicates == Duplicates::Last && extract.from.iter().any(in_body) {
            conflict(
                &format!("extract[{index}].duplicates"),
                "the last of several values is known only at the end of the body, and a streamed body goes on before",
                "use `reject` or `first`, or `bodyMode: buffered`",
            );
        }
    }
    let help = "remove it, or use `bodyMode: buffered`";
    if pass.edits.parse_as == ParseAs::AsJson {
        conflict("body.parseAs", "`AsJson` needs the whole body", help);
    }
    if let Some(body) = &pass.edits.body {
        let key = if body.formula.template().is_some() {
            "body.value"
        } else {
            "body.cel"
        };
        conflict(key, "a new body needs the whole old body", help);
    }
    if pass.edits.patch.is_some() {
        conflict("patch", "a patch needs the whole body", help);
    }
    for (index, extract) in transformation.extract.iter().enumerate() {
        if extract
            .from
            .iter()
            .any(|source| matches!(source, Source::Cel(_)))
        {
            let path = format!("extract[{index}].from");
            conflict(
                &path,
                "an expression is evaluated only after the whole body has arrived",
                help,
            );
        }
    }
    if pass.expressions.reads_body(pass.direction) {
        let message = "an expression reads the body, which has not arrived by then";
        conflict(
            "bodyMode",
            message,
            "use `buffered`, or `extracted` in the expression",
        );
    }
    let edits = pass.edits.put_headers();
    let edits = edits.filter_map(|edit| Some((&edit.path, edit.formula.as_ref()?)));
    let entries = pass
        .edits
        .metadata
        .iter()
        .map(|entry| (&entry.path, &entry.formula));
    for (path, formula) in edits.chain(entries) {
        let mut calls = formula.template().into_iter().flat_map(Template::calls);
        if calls.any(|name| ["body", "context"].contains(&name)) {
            let message = "the template reads the body, which has not arrived by then";
            found.push(Diagnostic::error(Code::Conflict, path, message).help(help));
        }
    }
    found
}
