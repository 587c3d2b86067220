//! Expressions (CEL) over any body: those of the language's core against a plain evaluator of the same tree;
//! any other text is refused or gives the same twice, within the limits.

#![no_main]

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use fuzz::expression::Node;
use fuzz::text::words;
use fuzz::tree::Tree;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Program, Session};

/// The most bytes that an evaluation may make, and that its result may have.
const RENDERED_BYTES: usize = 4096;

#[derive(Debug)]
enum Input {
    /// A tree, of whose value the evaluator knows what it is.
    Known(Node),
    /// A text and a body.
    Text(String, String),
}

const WORDS: [&str; 64] = [
    "json(request.body)",
    "request.headers",
    "request.path",
    "request.body",
    "string(",
    "bytes(",
    "int(",
    "double(",
    "uint(",
    "size(",
    "default(",
    "coalesce(",
    "has(",
    "dyn(",
    "type(",
    "toJson(",
    ".a",
    ".b",
    ".m",
    "[0]",
    "['a']",
    ".?a",
    "[?0]",
    ".orValue(1)",
    ".map(v, ",
    ".filter(v, ",
    ".all(v, ",
    ".exists(v, ",
    "v",
    ")",
    ")",
    ")",
    "(",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "<",
    "&&",
    "||",
    "!",
    "in",
    "1",
    "1u",
    "2.5",
    "'a'",
    "b'a'",
    "null",
    "true",
    ".split('')",
    ".replace('a', 'bb')",
    ".join(',')",
    ".matches('a*')",
    ".with(x, x + x)",
    "lists.range(1000)",
];

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> arbitrary::Result<Self> {
        if input.arbitrary()? {
            return Ok(Self::Known(Node::of(input)?));
        }
        let text = if input.ratio(1, 8)? {
            input.arbitrary::<String>()?
        } else {
            words(input, &WORDS, 16)?
        };
        Ok(Self::Text(text, Tree::of(input, 3, true)?.spelled(input)))
    }
}

fuzz_target!(|input: Input| {
    match input {
        Input::Known(node) => {
            let text = node.text();
            let value = node.value();
            // What cannot be right, whatever the message, is refused.
            let Some(program) = load(&format!("toJson({text})"), 1 << 20) else {
                return;
            };
            let made = run(&program, "{}");
            let made = made.map(|made| serde_json::from_slice::<Value>(&made).expect("it is JSON"));
            assert_eq!(made.ok(), value, "{text}");
        }
        Input::Text(text, body) => {
            let Some(program) = load(&text, RENDERED_BYTES) else {
                return;
            };
            let made = run(&program, &body);
            assert_eq!(run(&program, &body), made, "{text}");
            let other = load(&text, RENDERED_BYTES).expect("it was loaded before");
            assert_eq!(run(&other, &body), made, "{text}");
            // What stands in the body is not made.
            if let Ok(made) = made {
                assert!(
                    made.len() <= RENDERED_BYTES.max(6 * body.len() + 64),
                    "{} bytes of {text}",
                    made.len()
                );
            }
        }
    }
});

fn load(cel: &str, rendered_bytes: usize) -> Option<Arc<Program>> {
    let limits = json!({"templateFuel": 100_000, "renderedBytes": rendered_bytes});
    let config = json!({"request": {"body": {"cel": cel}}, "limits": limits});
    let loaded = Program::load(config.to_string().as_bytes()).ok()?;
    Some(Arc::new(loaded.program))
}

/// The body that an expression makes, or what fails.
fn run(program: &Arc<Program>, body: &str) -> Result<Vec<u8>, String> {
    let headers = [(":method", "POST"), (":path", "/p?q=a"), ("x-a", "1")];
    let mut host = Host::new(Message::new(&headers, [body]), Message::default());
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    match host.failures.first() {
        Some(failure) => {
            assert_eq!(host.request.body(), body.as_bytes(), "a body that stays");
            Err(format!("{failure:?}"))
        }
        None => Ok(host.request.body()),
    }
}
