//! Templates over any document: what they render is what the template engine renders by itself, twice the same,
//! and within the limits.

#![no_main]

use std::sync::Arc;

use arbitrary::{Arbitrary, Result, Unstructured};
use fuzz::tree::Tree;
use libfuzzer_sys::fuzz_target;
use minijinja::{AutoEscape, Environment};
use serde_json::{Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Program, Reason, Session};

/// The most bytes that a template renders.
const RENDERED_BYTES: usize = 4096;

#[derive(Debug)]
struct Input {
    template: String,
    document: Tree,
    /// Whether the engine by itself knows every name of the template.
    plain: bool,
}

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let mut members = Vec::new();
        for key in ["a", "b", "m"] {
            if input.ratio(3, 4)? {
                members.push((key.to_owned(), Tree::of(input, 3, false)?));
            }
        }
        let plain = input.ratio(3, 4)?;
        let mut template = String::new();
        if input.ratio(1, 8)? {
            template.push_str(input.arbitrary()?);
        } else {
            block(input, &mut template, 3, plain)?;
        }
        Ok(Self {
            template,
            document: Tree::Object(members),
            plain,
        })
    }
}

const NAMES: [&str; 8] = ["a", "b", "m", "v", "loop.index", "nothing", "a.b", "m[0]"];
const LITERALS: [&str; 9] = [
    "1",
    "0",
    "-3",
    "2.5",
    "'x'",
    "'é b'",
    "true",
    "none",
    "[1, 'a', none]",
];
const OPERATORS: [&str; 12] = [
    "+", "-", "~", "//", "%", "==", "!=", "<", ">=", "and", "or", "in",
];
const FILTERS: [&str; 26] = [
    "upper",
    "lower",
    "length",
    "trim",
    "first",
    "last",
    "list",
    "join(',')",
    "default('d')",
    "reverse",
    "sort",
    "unique",
    "string",
    "int",
    "float",
    "abs",
    "round",
    "replace('a', 'b')",
    "items",
    "dictsort",
    "title",
    "capitalize",
    "select",
    "map('upper')",
    "batch(2)",
    "max",
];
const TESTS: [&str; 11] = [
    "defined",
    "none",
    "string",
    "number",
    "mapping",
    "sequence",
    "iterable",
    "odd",
    "true",
    "in [1, 'x']",
    "undefined",
];
/// What the engine by itself does not have.
const OURS: [&str; 9] = [
    "header('x-a')",
    "base64_encode(a)",
    "base64_decode(a)",
    "substring(a, 0, 1)",
    "raw_string(b)",
    "context()",
    "body()",
    "replace_with_string(b, 'a', a)",
    "get_query(a, 'q')",
];

fn block(input: &mut Unstructured<'_>, out: &mut String, depth: usize, plain: bool) -> Result<()> {
    for _ in 0..input.int_in_range(1..=3)? {
        match input.int_in_range(0..=if depth == 0 { 3 } else { 7 })? {
            0 => out.push_str(input.choose(&["text", " ", "\n", "é", "{", "<&>"])?),
            1..=3 => {
                out.push_str(input.choose(&["{{ ", "{{- "])?);
                expression(input, out, depth, plain)?;
                out.push_str(input.choose(&[" }}", " -}}"])?);
            }
            4 | 5 => {
                out.push_str("{% if ");
                expression(input, out, depth - 1, plain)?;
                out.push_str(" %}");
                block(input, out, depth - 1, plain)?;
                if input.arbitrary()? {
                    out.push_str("{% else %}");
                    block(input, out, depth - 1, plain)?;
                }
                out.push_str("{% endif %}");
            }
            6 => {
                out.push_str("{% for v in ");
                expression(input, out, depth - 1, plain)?;
                out.push_str(" %}");
                block(input, out, depth - 1, plain)?;
                out.push_str("{% endfor %}");
            }
            _ => {
                out.push_str("{% set v = ");
                expression(input, out, depth - 1, plain)?;
                out.push_str(" %}");
            }
        }
    }
    Ok(())
}

fn expression(
    input: &mut Unstructured<'_>,
    out: &mut String,
    depth: usize,
    plain: bool,
) -> Result<()> {
    match input.int_in_range(0..=if depth == 0 { 3 } else { 8 })? {
        0 | 1 => out.push_str(input.choose(&NAMES)?),
        2 if !plain => out.push_str(input.choose(&OURS)?),
        2 | 3 => out.push_str(input.choose(&LITERALS)?),
        4 | 5 => {
            out.push('(');
            expression(input, out, depth - 1, plain)?;
            out.push_str(") | ");
            out.push_str(input.choose(&FILTERS)?);
        }
        6 => {
            out.push('(');
            expression(input, out, depth - 1, plain)?;
            out.push_str(") is ");
            out.push_str(input.choose(&TESTS)?);
        }
        7 => {
            out.push('(');
            expression(input, out, depth - 1, plain)?;
            out.push_str(")[");
            out.push_str(input.choose(&["0", "-1", "'a'", "1:", ":2", "::2"])?);
            out.push(']');
        }
        _ => {
            out.push('(');
            expression(input, out, depth - 1, plain)?;
            out.push_str(") ");
            out.push_str(input.choose(&OPERATORS)?);
            out.push_str(" (");
            expression(input, out, depth - 1, plain)?;
            out.push(')');
        }
    }
    Ok(())
}

fuzz_target!(|input: Input| {
    let config = json!({
        "request": {"body": {"parseAs": "AsJson", "value": input.template}},
        "limits": {"templateFuel": 20_000, "renderedBytes": RENDERED_BYTES},
    });
    let document = input.document.text();
    let Ok(loaded) = Program::load(config.to_string().as_bytes()) else {
        return;
    };
    let program = Arc::new(loaded.program);
    let ours = run(&program, &document);
    assert_eq!(run(&program, &document), ours, "{}", input.template);
    if let Ok(text) = &ours {
        assert!(text.len() <= RENDERED_BYTES, "{} bytes", text.len());
    }
    if !input.plain || input.template.is_empty() {
        return;
    }
    match (&ours, plain(&input.template, &document)) {
        (Ok(ours), Some(plain)) => assert_eq!(*ours, plain, "{} of {document}", input.template),
        (Ok(ours), None) => panic!(
            "{ours:?}, and the engine fails: {} of {document}",
            input.template
        ),
        (Err(Reason::Limit), _) => {}
        (Err(reason), Some(plain)) => panic!(
            "{reason:?}, and {plain:?}: {} of {document}",
            input.template
        ),
        (Err(_), None) => {}
    }
});

/// What is rendered, or why nothing is.
fn run(program: &Arc<Program>, document: &str) -> std::result::Result<String, Reason> {
    let headers = [("x-a", "1"), ("content-type", "application/json")];
    let mut host = Host::new(Message::new(&headers, [document]), Message::default());
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    match host.failures.first() {
        Some(failure) => Err(failure.reason),
        None => Ok(String::from_utf8_lossy(&host.request.body()).into_owned()),
    }
}

/// What the engine renders by itself.
fn plain(template: &str, document: &str) -> Option<String> {
    let mut environment = Environment::new();
    environment.set_debug(false);
    environment.set_fuel(Some(20_000));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let document: Value = serde_json::from_str(document).expect("it is JSON");
    environment.render_str(template, document).ok()
}
