//! What those who know templates, or other gateways, write, and what says the same here.

use crate::languages::jinja;

const INSTEAD: &[(&str, &str)] = &[
    ("at", "list[0]"),
    ("existsIn", "has(map.key)"),
    ("get", "default(map.key, otherwise)"),
    ("get_header", "request.headers[\"name\"]"),
    ("strip", "text.trim()"),
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
    ("includes", "text.contains(part)` or `value in list"),
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
    ("None", "null"),
    ("nil", "null"),
    ("False", "false"),
    ("True", "true"),
    ("not", "!(condition)"),
    ("=~", "text.matches(pattern)"),
    ("or", "||"),
    ("status", "response.code"),
    ("uri", "request.pathAndQuery"),
    ("url", "request.pathAndQuery"),
    ("version", "request.protocol"),
    ("=", "=="),
    ("&", "&&"),
    ("|", "||"),
];

/// Names of other gateways and policies, and how to get there.
const ELSEWHERE: &[(&str, &str)] = &[
    ("llm", FIELD),
    (
        "mcp",
        "write a member of the body, such as `json(request.body).params.name`",
    ),
    ("object", DOCUMENT),
    ("oldObject", DOCUMENT),
    ("params", DOCUMENT),
    ("self", DOCUMENT),
    ("variables", DOCUMENT),
    ("auth", CLAIMS),
    ("claims", CLAIMS),
    ("apiKey", CLAIMS),
    ("basicAuth", CLAIMS),
    ("cookies", "write `request.headers.cookie(\"name\")`"),
    ("messages", DOCUMENT),
    ("model", FIELD),
    ("prompt", DOCUMENT),
    ("referer", "write `request.headers[\"referer\"]`"),
    ("size", "write `size(request.body)`"),
    ("total_size", "write `size(request.body)`"),
    ("url_path", "write `request.path`"),
    ("useragent", "write `request.headers[\"user-agent\"]`"),
];

const FIELD: &str =
    "write `json(request.body).model`, or a field of `request.extract`, as `extracted.model`";
const DOCUMENT: &str =
    "write `json(request.body)` and the member; in `patch`, `document` is the JSON that is edited";
const CLAIMS: &str =
    "have `jwt_authn` or `ext_authz` put it into metadata, and write `metadata[\"namespace\"].key`";

/// What to write in place of a name or operator that others know.
pub(super) fn instead_of_name(name: &str) -> Option<String> {
    if let Some((_, help)) = ELSEWHERE.iter().find(|(there, _)| *there == name) {
        return Some((*help).to_owned());
    }
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

/// What a template was meant to do where an expression does not parse.
pub(super) fn instead_of_template(path: &str, text: &str) -> Option<String> {
    let is_condition = path.ends_with("when") || path.contains("dropEvents");
    if text.contains("{{") || text.contains("{%") {
        let inner = text.trim().strip_prefix("{{");
        let inner = inner.and_then(|rest| rest.strip_suffix("}}"));
        let without = match inner.map(str::trim) {
            Some(inner) if !inner.contains(['{', '|']) => {
                format!("write `{inner}`, without braces")
            }
            _ => {
                "write the expression without braces, such as `request.method == 'POST'`".to_owned()
            }
        };
        return Some(match is_condition {
            true => without,
            false => format!("{without}, or the template as `value`"),
        });
    }
    // A filter.
    let (_, after) = text.split_once('|')?;
    let name = after.trim_start();
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let name = name.get(..end.unwrap_or(name.len()))?;
    jinja::FILTERS
        .contains(&name)
        .then(|| instead_of_function(name))
        .flatten()
}
