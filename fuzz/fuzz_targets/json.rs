//! The finder and the lazy document against `serde_json`, over any document cut anywhere.
//!
//! The first two bytes of an input say where the rest is cut.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use transformations::json::{Error, Field, Finder, Found, Pointers};
use transformations::{Direction, Exchange, Extent, Limits, Program, TransformationOps};

const POINTERS: [&str; 4] = ["/a", "/b/0", "/b/a", ""];

/// Makes a value of the member `a` alone.
static MEMBER: LazyLock<Program> = LazyLock::new(|| program(r#"{"parseAs": "AsJson"}"#));

/// Makes values of the whole document, because the body template says `context()`.
static WHOLE: LazyLock<Program> =
    LazyLock::new(|| program(r#"{"parseAs": "AsJson", "value": "{% set c = context() %}"}"#));

fn program(body: &str) -> Program {
    let set = r#"[{"name": "x-a", "value": "{{ a | length if a is iterable else a }}"}]"#;
    let config = format!(r#"{{"request": {{"body": {body}, "set": {set}}}}}"#);
    Program::load(config.as_bytes())
        .expect("the configuration is right")
        .program
}

fuzz_target!(|input: &[u8]| {
    let [first, second, body @ ..] = input else {
        return;
    };
    let mut cuts = [first, second].map(|cut| usize::from(*cut) * body.len() / 255);
    cuts.sort_unstable();
    let pieces = vec![&body[..cuts[0]], &body[cuts[0]..cuts[1]], &body[cuts[1]..]];

    let expected = serde_json::from_slice::<Value>(body);
    let found = find(&[body], Finder::new);
    assert_eq!(found, find(&pieces, Finder::new), "cut at {cuts:?}");
    let first = find(&[body], until_first);
    assert_eq!(first, find(&pieces, until_first), "first, cut at {cuts:?}");
    if let Ok(fields) = &found {
        let first = first.expect("the whole is a document");
        for (first, field) in first.iter().zip(fields) {
            assert_eq!(first.first, field.first);
        }
    }
    if let Ok(value) = &expected {
        let fields = found.expect("serde_json takes it for a document");
        for (pointer, field) in POINTERS.iter().zip(&fields) {
            compare(value.pointer(pointer), field);
        }
    }

    let member = run(&MEMBER, pieces.clone());
    // Without a document, and with `null`, a template that names a member is refused too.
    let document = matches!(&expected, Ok(value) if !value.is_null());
    assert_eq!(member.is_some(), document, "the verdict");
    assert_eq!(member, run(&MEMBER, vec![body]), "cut at {cuts:?}");
    assert_eq!(member, run(&WHOLE, vec![body]), "the value");
});

fn until_first(pointers: &Pointers, limits: &Limits) -> Finder {
    Finder::new(pointers, limits).first_suffices()
}

fn find(pieces: &[&[u8]], finder: fn(&Pointers, &Limits) -> Finder) -> Result<Vec<Field>, Error> {
    let mut pointers = Pointers::default();
    for pointer in POINTERS {
        pointers.insert(pointer).expect("the pointer is right");
    }
    let mut finder = finder(&pointers, &Limits::default());
    for piece in pieces {
        finder.feed(&pointers, piece)?;
    }
    finder.finish(&pointers)
}

/// `serde_json` believes the last of equal keys.
fn compare(value: Option<&Value>, field: &Field) {
    match (value, field.last()) {
        (_, Some(Found::TooLong)) | (None, None) => {}
        (Some(Value::String(value)), Some(Found::String(found))) => assert_eq!(value, found),
        (Some(value @ Value::Number(_)), Some(Found::Number(found))) => {
            assert_eq!(
                serde_json::from_str::<Value>(found).ok().as_ref(),
                Some(value)
            );
        }
        (Some(Value::Bool(value)), Some(Found::Bool(found))) => assert_eq!(value, found),
        (Some(Value::Null), Some(Found::Null)) => {}
        (Some(Value::Array(_) | Value::Object(_)), Some(Found::Container)) => {}
        (value, found) => panic!("{value:?} is not {found:?}"),
    }
}

/// What the template makes of the body; `None` when the body is refused.
fn run(program: &Program, pieces: Vec<&[u8]>) -> Option<Option<Vec<u8>>> {
    let mut request = Request {
        pieces,
        header: None,
    };
    let mut exchange = Exchange::begin(program, &mut request);
    let pass = program
        .pass(Direction::Request)
        .expect("there is a request pass");
    let outcome = pass.run(&mut request, &mut exchange, Extent::Whole);
    outcome.reply.is_none().then_some(request.header)
}

/// A request whose body lies in pieces, with at most one header.
struct Request<'b> {
    pieces: Vec<&'b [u8]>,
    header: Option<Vec<u8>>,
}

impl TransformationOps for Request<'_> {
    fn header_values(&self, _: Direction, _: &str) -> Vec<&[u8]> {
        Vec::new()
    }

    fn headers(&self, _: Direction) -> Vec<(&[u8], &[u8])> {
        Vec::new()
    }

    fn set_header(&mut self, _: Direction, name: &str, value: &[u8]) -> bool {
        if name == "x-a" {
            self.header = Some(value.to_vec());
        }
        true
    }

    fn add_header(&mut self, _: Direction, _: &str, _: &[u8]) -> bool {
        true
    }

    fn remove_header(&mut self, _: Direction, _: &str) -> bool {
        true
    }

    fn body_chunks(&self, _: Direction) -> Vec<&[u8]> {
        self.pieces.clone()
    }

    fn drain_body(&mut self, _: Direction, _: usize) -> bool {
        true
    }

    fn append_body(&mut self, _: Direction, _: &[u8]) -> bool {
        true
    }

    fn set_dynamic_metadata(&mut self, _: &str, _: &str, _: &str) -> bool {
        true
    }

    fn clear_route_cache(&mut self) -> bool {
        true
    }
}
