//! The part of Go's `text/template` that a bootstrap needs to name the pod's data:
//!
//! | action | is |
//! |---|---|
//! | `{{.PodName}}` | a text, see [`Pod`] |
//! | `{{.PodLabels}}` | all labels, as Go prints a map: `map[a:1 b:2]` |
//! | `{{.PodLabels.app}}` | one label, `<no value>` if the pod has none such |
//! | `{{index .PodLabels "app"}}` | one label, empty if the pod has none such |
//! | `{{"{{"}}` | a string |
//! | `{{/* a comment */}}` | nothing |
//!
//! `{{- ` and ` -}}` trim white space as in Go. Everything else is an error: no condition, loop, pipeline or variable.
//! <https://pkg.go.dev/text/template>

use std::borrow::Cow;
use std::fmt;

use crate::go_string;
use crate::pod::{Datum, Map, Pod};

/// What Go trims beside a trim marker.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Where rendering stopped and why: `line:column: message`, both counting from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TemplateError {
    line: usize,
    column: usize,
    message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}: {}; the bootstrap is a template of the pod's data: write {{{{\"{{{{\"}}}} for a `{{{{` that Envoy \
             shall see, or start the image with `envoy -c FILE`, which takes the file as it is",
            self.line, self.column, self.message
        )
    }
}

/// Replaces every action of `text`.
///
/// # Errors
/// The first action that is none of those above, or that names what a pod has not.
pub(crate) fn render(text: &str, pod: &Pod) -> Result<String, TemplateError> {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    let mut trim = false;
    while let Some((before, action)) = rest.split_once("{{") {
        let (inside, trim_before) = match action.strip_prefix('-') {
            Some(inside) if inside.starts_with(SPACE) => (inside.trim_start_matches(SPACE), true),
            _ => (action, false),
        };
        output.push_str(trimmed(before, trim, trim_before));
        let read = if inside.starts_with("/*") {
            comment(inside)
        } else {
            expression(inside, pod)
        };
        let (value, after) = read.map_err(|message| {
            let consumed = text.len().saturating_sub(action.len());
            error_at(text.get(..consumed).unwrap_or_default(), message)
        })?;
        output.push_str(&value);
        (rest, trim) = (after.rest, after.trim);
    }
    output.push_str(trimmed(rest, trim, false));
    Ok(output)
}

/// `before` ends with the action's opening braces.
fn error_at(before: &str, message: String) -> TemplateError {
    let before = before.strip_suffix("{{").unwrap_or(before);
    let line = before.rsplit('\n').next().unwrap_or_default();
    TemplateError {
        line: before.split('\n').count(),
        column: line.chars().count().saturating_add(1),
        message,
    }
}

fn trimmed(text: &str, start: bool, end: bool) -> &str {
    let text = if start {
        text.trim_start_matches(SPACE)
    } else {
        text
    };
    if end {
        text.trim_end_matches(SPACE)
    } else {
        text
    }
}

/// What follows an action.
struct After<'a> {
    rest: &'a str,
    trim: bool,
}

type Read<'a> = Result<(Cow<'a, str>, After<'a>), String>;

fn comment(inside: &str) -> Read<'_> {
    let closed = inside.split_once("*/").and_then(|(_, after)| end(after));
    let after = closed.ok_or("this comment does not end with */}}")?;
    Ok((Cow::Borrowed(""), after))
}

/// The closing braces, if `text` begins with them and white space at most.
fn end(text: &str) -> Option<After<'_>> {
    let close = text.trim_start_matches(SPACE);
    if let Some(rest) = close.strip_prefix("}}") {
        return Some(After { rest, trim: false });
    }
    let rest = close.strip_prefix("-}}")?;
    let after_space = text.starts_with(SPACE);
    after_space.then_some(After { rest, trim: true })
}

fn expression<'a>(inside: &'a str, pod: &'a Pod) -> Read<'a> {
    let text = inside.trim_start_matches(SPACE);
    let (value, after) = if let Some(field) = text.strip_prefix('.') {
        field_value(field, pod)?
    } else if let Some((value, after)) = go_string::literal(text) {
        (Cow::Owned(value), after)
    } else if let ("index", arguments) = word(text) {
        index(arguments, pod)?
    } else {
        return Err(unsupported(text));
    };
    let after = end(after).ok_or_else(|| unsupported(after))?;
    Ok((value, after))
}

/// `Name` or `Name.key`, after the dot.
fn field_value<'a>(text: &'a str, pod: &'a Pod) -> Result<(Cow<'a, str>, &'a str), String> {
    let (name, rest) = word(text);
    let datum = named(name, pod)?;
    let Some(rest) = rest.strip_prefix('.') else {
        let value = match datum {
            Datum::Text(text) => Cow::Borrowed(text),
            Datum::Map(map) => Cow::Owned(printed(map)),
        };
        return Ok((value, rest));
    };
    let (key, rest) = word(rest);
    match datum {
        Datum::Map(map) if !key.is_empty() => {
            let value = map.get(key).map_or("<no value>", String::as_str);
            Ok((Cow::Borrowed(value), rest))
        }
        _ => Err(format!("`.{name}.{key}` is not in the pod's data")),
    }
}

/// `.PodLabels "key"`, after the word.
fn index<'a>(text: &'a str, pod: &'a Pod) -> Result<(Cow<'a, str>, &'a str), String> {
    const FORM: &str = "`index` takes .PodLabels or .PodAnnotations and a string";
    let field = text.trim_start_matches(SPACE).strip_prefix('.');
    let (name, rest) = field.map(word).ok_or(FORM)?;
    let Datum::Map(map) = named(name, pod)? else {
        return Err(FORM.to_owned());
    };
    let (key, rest) = go_string::literal(rest.trim_start_matches(SPACE)).ok_or(FORM)?;
    let value = map.get(&key).map_or("", String::as_str);
    Ok((Cow::Borrowed(value), rest))
}

fn named<'a>(name: &str, pod: &'a Pod) -> Result<Datum<'a>, String> {
    pod.datum(name).ok_or_else(|| {
        let known: Vec<&str> = Pod::names().collect();
        format!("unknown `.{name}`, known are .{}", known.join(", ."))
    })
}

/// The letters, digits and underscores that `text` begins with, and the rest.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|other: char| !(other.is_alphanumeric() || other == '_'));
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, ""))
}

/// As Go prints a map: sorted by key.
fn printed(map: &Map) -> String {
    let entries = map.iter().map(|(key, value)| format!("{key}:{value}"));
    format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
}

fn unsupported(text: &str) -> String {
    /// How much of the action is shown, in characters.
    const SHOWN: usize = 20;
    let Some((action, _)) = text.split_once("}}") else {
        return "this action does not end with }}".to_owned();
    };
    let shown: String = action.trim_matches(SPACE).chars().take(SHOWN).collect();
    format!("`{shown}` is not supported here")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::render;
    use crate::pod::Pod;

    fn pod() -> Pod {
        let directory = tempfile::tempdir().unwrap();
        let labels = "app=\"gw\"\nkgateway.dev/a=\"b\\\"c\"\n";
        fs::write(directory.path().join("labels"), labels).unwrap();
        let environment = |name: &str| (name == "POD_NAME").then(|| "gw-1".to_owned());
        Pod::read(environment, directory.path()).0
    }

    #[test]
    fn renders_as_go_does() {
        let pod = pod();
        for (text, rendered) in [
            ("", ""),
            ("no action } }} {", "no action } }} {"),
            ("a{{.PodName}}b", "agw-1b"),
            ("{{ .PodName }}{{\t.PodName\n}}", "gw-1gw-1"),
            ("[{{.PodIp}}]", "[]"),
            ("{{.PodLabels}}", "map[app:gw kgateway.dev/a:b\"c]"),
            ("{{.PodAnnotations}}", "map[]"),
            ("{{.PodLabels.app}} {{.PodLabels.none}}", "gw <no value>"),
            (r#"{{index .PodLabels "kgateway.dev/a"}}"#, "b\"c"),
            ("{{ index  .PodLabels `app` }}", "gw"),
            (r#"{{index .PodLabels "app"}}"#, "gw"),
            (r#"[{{index .PodLabels "none"}}]"#, "[]"),
            ("a \n{{- .PodName -}}\n\t b", "agw-1b"),
            ("a {{- .PodName}} b", "agw-1 b"),
            ("a {{.PodName -}} b", "a gw-1b"),
            ("a {{.PodName -}} {{- .PodName}} b", "a gw-1gw-1 b"),
            (r#"{{"{{"}} x }}"#, "{{ x }}"),
            (r#"{{"a}}b"}}{{`"`}}"#, "a}}b\""),
            ("a{{/* x }} */}}b {{- /* y */ -}} c", "abc"),
        ] {
            assert_eq!(render(text, &pod).as_deref(), Ok(rendered), "{text}");
        }
    }

    #[test]
    fn says_where_it_stopped() {
        let pod = pod();
        for (text, place, message) in [
            (
                "{{if .PodName}}x{{end}}",
                "1:1:",
                "`if .PodName` is not supported",
            ),
            (
                "a\n\u{e9} {{ header(\"x\") }}",
                "2:3:",
                "`header(\"x\")` is not supported",
            ),
            (
                "{{.PodName | printf}}",
                "1:1:",
                "`| printf` is not supported",
            ),
            (
                "{{.PodName}} {{.Podname}}",
                "1:14:",
                "unknown `.Podname`, known are .PodName,",
            ),
            ("{{.}}", "1:1:", "unknown `.`"),
            ("{{.PodName.x}}", "1:1:", "`.PodName.x` is not in"),
            ("{{.PodLabels.}}", "1:1:", "`.PodLabels.` is not in"),
            ("{{index .PodName \"a\"}}", "1:1:", "`index` takes"),
            ("{{index .PodLabels}}", "1:1:", "`index` takes"),
            ("{{index \"a\"}}", "1:1:", "`index` takes"),
            ("{{-.PodName}}", "1:1:", "`-.PodName` is not supported"),
            ("{{.PodName-}}", "1:1:", "`-` is not supported"),
            ("{{}}", "1:1:", "`` is not supported"),
            ("{{.PodName", "1:1:", "does not end with }}"),
            ("{{\"a}}", "1:1:", "`\"a` is not supported"),
            ("{{/* a }}", "1:1:", "comment"),
            ("{{/* a */ x}}", "1:1:", "comment"),
        ] {
            let error = render(text, &pod).unwrap_err().to_string();
            assert!(
                error.starts_with(place) && error.contains(message),
                "{text}: {error}"
            );
            assert!(error.contains(r#"write {{"{{"}} for"#), "{error}");
        }
    }

    #[test]
    fn a_pod_that_is_not_known_leaves_blanks() {
        let (pod, warnings) = Pod::read(|_| None, Path::new("/nowhere"));
        assert_eq!(warnings, [""; 0]);
        assert_eq!(render("[{{.NodeZone}}]", &pod).as_deref(), Ok("[]"));
    }
}
