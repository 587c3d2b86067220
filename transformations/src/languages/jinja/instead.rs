//! What those who know Inja, Python, Liquid or CEL write in templates, and what does the same here.

use super::environment::{FILTERS, FUNCTIONS, TESTS};

/// Functions.
const CALLS: &[(&str, &str)] = &[
    ("at", "list[0]"),
    ("clusterMetadata", "cel(\"metadata['namespace'].key\")"),
    ("contains", "'text' in value"),
    ("dynamic_metadata", "cel(\"metadata['namespace'].key\")"),
    ("endsWith", "value is endingwith('text')"),
    ("exists", "value is defined"),
    ("existsIn", "'key' in object"),
    ("extraction", "extracted.name"),
    ("has", "value is defined"),
    ("isArray", "value is sequence"),
    ("isBoolean", "value is boolean"),
    ("isNumber", "value is number"),
    ("isObject", "value is mapping"),
    ("isString", "value is string"),
    ("len", "value | length"),
    ("request_headers", "request_header('x-model')"),
    ("response_header", "header('x-model')"),
    ("size", "value | length"),
    ("startsWith", "value is startingwith('text')"),
    ("str", "value | string"),
    ("json", "cel(\"json(request.body).model\")"),
    ("sha256", "cel(\"sha256.encode(request.path)\")"),
    ("uuid", "cel(\"uuid()\")"),
    ("toJson", "cel(\"toJson(json(request.body).model)\")"),
];

/// Filters.
const FILTERED: &[(&str, &str)] = &[
    ("b64decode", "base64_decode(value)"),
    ("b64encode", "base64_encode(value)"),
    ("downcase", "value | lower"),
    ("from_json", "cel(\"json(request.body).model\")"),
    ("json", "cel(\"toJson(json(request.body).model)\")"),
    ("size", "value | length"),
    ("strip", "value | trim"),
    ("to_json", "cel(\"toJson(json(request.body).model)\")"),
    ("tojson", "cel(\"toJson(json(request.body).model)\")"),
    ("upcase", "value | upper"),
    ("urlencode", "cel(\"url.encode(request.path)\")"),
];

/// Tests.
const TESTED: &[(&str, &str)] = &[
    ("contains", "'text' in value"),
    ("containing", "'text' in value"),
    ("dict", "value is mapping"),
    ("empty", "not value"),
    ("endswith", "value is endingwith('text')"),
    ("list", "value is sequence"),
    ("match", "cel(\"request.path.matches('...')\")"),
    ("matching", "cel(\"request.path.matches('...')\")"),
    ("null", "value is none"),
    ("startswith", "value is startingwith('text')"),
];

/// Methods: values have none.
const METHODS: &[(&str, &str)] = &[
    ("append", "list + [item]"),
    ("capitalize", "value | capitalize"),
    ("contains", "'text' in value"),
    ("count", "value | length"),
    ("endsWith", "value is endingwith('text')"),
    ("endswith", "value is endingwith('text')"),
    ("find", "'text' in value"),
    ("format", "'text' ~ value"),
    ("get", "value['key'] | default('')"),
    ("has_key", "'key' in object"),
    ("index", "'text' in value"),
    ("items", "value | items"),
    ("join", "list | join(',')"),
    ("keys", "value | list"),
    ("length", "value | length"),
    ("lower", "value | lower"),
    ("lowerAscii", "value | lower"),
    ("lstrip", "value | trim"),
    ("matches", "cel(\"request.path.matches('...')\")"),
    ("replace", "value | replace('a', 'b')"),
    ("rstrip", "value | trim"),
    ("size", "value | length"),
    ("split", "value | split(',')"),
    ("splitlines", "value | lines"),
    ("startsWith", "value is startingwith('text')"),
    ("startswith", "value is startingwith('text')"),
    ("strip", "value | trim"),
    ("title", "value | title"),
    ("toLowerCase", "value | lower"),
    ("toUpperCase", "value | upper"),
    ("trim", "value | trim"),
    ("upper", "value | upper"),
    ("upperAscii", "value | upper"),
    ("values", "value | items"),
];

/// Names that are no members of a body to those who write them.
const NAMES: &[(&str, &str)] = &[
    ("body", "body()"),
    ("connection", "cel(\"connection.mtls\")"),
    ("context", "context()"),
    ("cookies", "get_cookie('name')"),
    ("destination", "cel(\"destination.port\")"),
    ("env", "env('NAME')"),
    ("headers", "header('x-model')"),
    ("jwt", "cel(\"unvalidatedJwtPayload(token).sub\")"),
    ("metadata", "cel(\"metadata['namespace'].key\")"),
    ("query", "get_query(header(':path'), 'name')"),
    ("request.body", "body()"),
    ("request.headers", "header('x-model')"),
    ("request", "cel(\"request.path\")"),
    ("request_headers", "request_header('x-model')"),
    ("response.body", "body()"),
    ("response.headers", "header('x-model')"),
    ("response", "cel(\"response.code\")"),
    ("source", "cel(\"source.address\")"),
];

fn found(table: &[(&str, &'static str)], name: &str) -> Option<String> {
    let (_, here) = table.iter().find(|(there, _)| *there == name)?;
    Some(format!("write `{{{{ {here} }}}}`"))
}

/// What to write in place of a function that does not exist.
pub(super) fn of_function(name: &str) -> Option<String> {
    found(CALLS, name).or_else(|| {
        if FILTERS.contains(&name) {
            return Some(format!("it is a filter: write `{{{{ value | {name} }}}}`"));
        }
        let test = TESTS.contains(&name);
        test.then(|| format!("it is a test: write `{{{{ value is {name} }}}}`"))
    })
}

/// What to write in place of a filter that does not exist.
pub(super) fn of_filter(name: &str) -> Option<String> {
    found(FILTERED, name).or_else(|| {
        let function = FUNCTIONS.contains(&name);
        function.then(|| format!("it is a function: write `{{{{ {name}(value) }}}}`"))
    })
}

/// What to write in place of a test that does not exist.
pub(super) fn of_test(name: &str) -> Option<String> {
    found(TESTED, name)
}

/// What to write in place of a method.
pub(super) fn of_method(name: &str) -> Option<String> {
    found(METHODS, name).or_else(|| {
        let filter = FILTERS.contains(&name);
        filter.then(|| format!("write `{{{{ value | {name} }}}}`"))
    })
}

/// What to write in place of a name that no body is parsed to give.
pub(crate) fn of_name(name: &str) -> Option<String> {
    let [first, second] = {
        let mut parts = name.split('.');
        [parts.next(), parts.next()].map(Option::unwrap_or_default)
    };
    if ["extracted", "llm"].contains(&first) {
        let help = "add a field to `request.extract`, and write `extracted.` and its name";
        return Some(help.to_owned());
    }
    let both = format!("{first}.{second}");
    found(NAMES, &both).or_else(|| found(NAMES, first))
}

/// What a text without a template was meant to be: the statement of Inja that it has, or an expression.
pub(super) fn of_text(text: &str) -> Option<(String, &'static str)> {
    const STATEMENTS: [&str; 6] = ["if ", "else", "endif", "for ", "endfor", "set "];
    let mut lines = text.lines().map(str::trim_start);
    let statement = lines.find_map(|line| {
        let line = line.strip_prefix("##")?.trim_start();
        STATEMENTS.iter().find(|known| line.starts_with(*known))
    });
    if let Some(statement) = statement {
        let message = format!(
            "`## {}` is a line of the text: it is a statement of Inja, not of Jinja",
            statement.trim()
        );
        return Some((message, "write `{% if ... %}` and `{% endif %}`"));
    }
    looks_like_expression(text).then(|| {
        let message =
            "this is an expression, and `value` takes a template: the text itself is the value";
        (message.to_owned(), "write `cel` in place of `value`")
    })
}

/// How expressions begin, and no text that is meant: `source.example.com` is one.
const EXPRESSIONS: [&str; 28] = [
    "coalesce(",
    "connection.mtls",
    "default(",
    "destination.address",
    "extracted.",
    "has(",
    "json(request.",
    "json(response.",
    "jwt.sub",
    "llm.input",
    "llm.output",
    "llm.provider",
    "llm.request",
    "llm.response",
    "llm.total",
    "metadata[",
    "request.body",
    "request.headers",
    "request.host",
    "request.method",
    "request.path",
    "request.query",
    "response.body",
    "response.code",
    "response.headers",
    "size(",
    "source.address",
    "string(",
];

fn looks_like_expression(text: &str) -> bool {
    let text = text.trim().trim_start_matches('!');
    let mut beginnings = EXPRESSIONS.iter();
    beginnings.any(|beginning| {
        let rest = text.strip_prefix(beginning);
        // A sentence goes on after the word.
        rest.is_some_and(|rest| !beginning.ends_with('(') || rest.contains(')'))
    })
}

/// What to write in place of an operator of expressions, where a template does not parse.
pub(super) fn of_syntax(text: &str, message: &str) -> Option<&'static str> {
    const OPERATORS: [(&str, &str); 4] = [
        (
            "&&",
            "write `and` for `&&`, or the expression as `{{ cel(\"...\") }}`",
        ),
        (
            "||",
            "write `or` for `||`, or the expression as `{{ cel(\"...\") }}`",
        ),
        (
            " ? ",
            "write `{{ a if condition else b }}`, or the expression as `{{ cel(\"...\") }}`",
        ),
        (
            "{{ !",
            "write `not`, or the expression as `{{ cel(\"...\") }}`",
        ),
    ];
    let mut operators = OPERATORS.iter();
    let operator = operators.find_map(|(operator, help)| text.contains(operator).then_some(*help));
    let statement = message.strip_prefix("unknown statement ").map(str::trim);
    let statement = statement.and_then(|name| match name {
        "elseif" | "elsif" => Some("write `{% elif condition %}`"),
        "end" | "fi" => Some("write `{% endif %}` or `{% endfor %}`"),
        "unless" => Some("write `{% if not condition %}`"),
        "assign" => Some("write `{% set name = value %}`"),
        _ => None,
    });
    let dot = message.ends_with("unexpected `.`") && text.contains("{{ .");
    let dot = dot.then_some("write the name without a dot before it, such as `{{ model }}`");
    statement.or(dot).or(operator).or_else(|| {
        let ends = message.contains("end of input");
        ends.then_some(
            "end each `{{` with `}}`, each `{%` with `%}`, and each `{% if %}` with `{% endif %}`",
        )
    })
}
