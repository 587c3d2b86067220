//! What those who know templates, or other gateways, write, and what says the same here.

use crate::languages::jinja;

const INSTEAD: &[(&str, &str)] = &[
    ("abs", "math.abs(number)"),
    ("body", "request.body` or `response.body"),
    ("ceil", "math.ceil(number)"),
    ("context", "json(request.body)"),
    ("cookie", "request.headers.cookie(\"name\")"),
    ("count", "size(value)"),
    ("d", "default(value, otherwise)"),
    ("env", "env.NAME"),
    ("float", "double(value)"),
    ("floor", "math.floor(number)"),
    ("add_query", "path.addQuery(name, value)"),
    ("get_cookie", "request.headers.cookie(\"name\")"),
    ("get_query", "path.getQuery(name)"),
    ("header", "request.headers[\"name\"]"),
    ("len", "size(value)"),
    ("length", "size(value)"),
    ("lower", "text.lowerAscii()"),
    ("range", "lists.range(count)"),
    ("raw", "request.headers.values(\"name\")"),
    ("redacted", "request.headers[\"name\"]"),
    ("reject", "list.filter(name, condition)"),
    ("query", "path.getQuery(name)"),
    ("remove_query", "path.removeQuery(name)"),
    ("request_header", "request.headers[\"name\"]"),
    ("round", "math.round(number)"),
    ("select", "list.filter(name, condition)"),
    ("set_query", "path.setQuery(name, value)"),
    ("tojson", "toJson(value)"),
    ("unique", "list.distinct()"),
    ("upper", "text.upperAscii()"),
    ("urlencode", "url.encode(text)"),
    ("values", "request.headers.values(\"name\")"),
];

/// Names, below a root or in its place.
const NAMES: &[(&str, &str)] = &[
    ("and", "&&"),
    ("ip", "source.address"),
    ("jwt", "unvalidatedJwtPayload(token)"),
    ("not", "!"),
    ("or", "||"),
    ("status", "response.code"),
    ("uri", "request.pathAndQuery"),
    ("url", "request.pathAndQuery"),
    ("version", "request.protocol"),
    ("=", "=="),
    ("&", "&&"),
    ("|", "||"),
];

/// What to write in place of a name or operator that others know.
pub(super) fn instead_of_name(name: &str) -> Option<String> {
    let known = NAMES.iter().find(|(there, _)| *there == name);
    known.map(|(_, here)| format!("write `{here}`"))
}

/// How to say what an unknown function says elsewhere; `None` when it is known nowhere.
pub(super) fn instead_of_function(name: &str) -> Option<String> {
    if let Some((_, here)) = INSTEAD.iter().find(|(there, _)| *there == name) {
        return Some(format!("write `{here}`"));
    }
    if jinja::FILTERS.contains(&name) {
        return Some(format!(
            "only templates have it: `{{{{ cel(\"...\") | {name} }}}}`"
        ));
    }
    let called = jinja::FUNCTIONS.contains(&name);
    called.then(|| format!("only templates have it: `{{{{ {name}(...) }}}}`"))
}
