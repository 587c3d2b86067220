//! What the parser of JSON reports, in the words of the people who write configurations, and what to
//! write instead.

use crate::diagnostic::closest;

/// Words of the parser, and ours.
const WORDS: [(&str, &str); 14] = [
    ("missing field", "missing key"),
    ("duplicate field", "duplicate key"),
    ("unknown variant", "unknown name"),
    ("map with a single key", "an object with one key"),
    ("value: map", "value: an object"),
    ("type: map", "type: an object"),
    ("type: sequence", "type: a list"),
    ("expected a sequence", "expected a list"),
    ("expected string or map", "expected a name"),
    ("expected usize", "expected a whole number"),
    ("expected u16", "expected a whole number"),
    ("expected u32", "expected a whole number"),
    ("expected u64", "expected a whole number"),
    ("expected a map", "expected an object"),
];

/// The message without the position that `serde_json` appends.
pub(crate) fn bare(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    }
}

/// What is wrong with the shape of a value.
pub(crate) fn shape(error: &serde_json::Error) -> String {
    let mut message = bare(error);
    for (theirs, ours) in WORDS {
        message = message.replace(theirs, ours);
    }
    message
}

/// What to write in place of the very value that a message names.
pub(crate) fn instead_of_value(message: &str) -> Option<String> {
    if let Some(rest) = message.strip_prefix("unknown name ") {
        let mut names = rest.split('`').skip(1).step_by(2);
        let written = names.next()?;
        return closest(written, names).map(|name| format!("did you mean `{name}`?"));
    }
    if message.starts_with("duplicate key") {
        return Some("remove one of the two".to_owned());
    }
    let given = message.strip_prefix("invalid type: ")?;
    if let Some(text) = given.strip_suffix(", expected a whole number") {
        let number = text.strip_prefix("string \"")?.strip_suffix('"')?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        return digits.then(|| format!("write the number without quotes: `{number}`"));
    }
    let given = given.strip_suffix(", expected a string")?;
    match given.split('`').nth(1) {
        Some(value) if given.starts_with("boolean") => Some(format!(
            "put the value in quotes, such as `\"{value}\"`: `yes`, `no`, `on` and `off` are booleans in YAML too"
        )),
        Some(value) => Some(format!("put the number in quotes: `\"{value}\"`")),
        None => None,
    }
}

/// The key that an object lacks, by a message.
pub(crate) fn missing_key(message: &str) -> Option<&str> {
    message.strip_prefix("missing key `")?.strip_suffix('`')
}

/// What to write where a value of this kind is expected.
pub(crate) fn kind(message: &str) -> Option<&'static str> {
    let (_, expected) = message.split_once(", expected ")?;
    match expected {
        "a list" => Some("write a list: in YAML `- ` before each item"),
        "a whole number" => Some("write a number without a unit or a sign"),
        "a string" => Some("write a text in quotes"),
        _ => None,
    }
}

/// What to write in place of a text that is not JSON.
pub(crate) fn instead_of_text(text: &str) -> &'static str {
    if text.contains("type.googleapis.com/") && !text.trim_ascii_start().starts_with('{') {
        return "this is the encoding of another type, which Envoy hands over as it is: give it a \
                google.protobuf.Struct (before Envoy 1.40, a TypedStruct arrives like this)";
    }
    if looks_like_yaml(text) {
        return "this is YAML, and a google.protobuf.StringValue takes JSON text: give Envoy a \
                google.protobuf.Struct, which takes YAML";
    }
    "write JSON text, or give Envoy a google.protobuf.Struct"
}

/// Whether the first line with something in it begins a list, or is a key.
fn looks_like_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let is_key = |line: &str| {
        let key = line.split_once(':').map(|(key, _)| key.trim_matches('"'));
        key.is_some_and(|key| !key.is_empty() && key.chars().all(char::is_alphanumeric))
    };
    first.is_some_and(|line| line == "---" || line.starts_with("- ") || is_key(line))
}
