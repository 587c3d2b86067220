//! Routes that deny, by headers that a body decides.

use serde_json::Value;
use transformations::{Code, Diagnostic, Program};

/// The request headers, in lower case, by which a route of an Envoy configuration leads to an answer that denies.
pub(crate) fn headers(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let either =
                |name: &str, json_name: &str| fields.get(name).or_else(|| fields.get(json_name));
            let answer = either("direct_response", "directResponse");
            let status = answer.and_then(|answer| answer.get("status")?.as_u64());
            if status.is_some_and(|status| status >= 400) {
                let matched = fields
                    .get("match")
                    .and_then(|matched| matched.get("headers")?.as_array());
                let names = matched.into_iter().flatten();
                let names = names.filter_map(|header| header.get("name")?.as_str());
                found.extend(names.map(str::to_ascii_lowercase));
            }
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Warns of a route that a request gets past whose body cannot be read.
pub(crate) fn past(program: &Program, denied: &[String]) -> Option<Diagnostic> {
    let mut unsure = program.unsure_headers();
    let header = unsure.find(|header| denied.iter().any(|denied| denied == header))?;
    let message =
        format!("a route denies by `{header}`, but a request with an invalid field passes");
    let warning = Diagnostic::warning(Code::FailsOpen, "request.extract", message);
    Some(warning.help("set `onFailure: reject`, or `onInvalid: reject` of the field"))
}
