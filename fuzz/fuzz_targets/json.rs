//! The finder and the lazy document against `serde_json`, over any document cut anywhere.
//!
//! The first two bytes of an input say where the rest is cut.

#![no_main]

use std::sync::{Arc, LazyLock};

use bodies::json::{Error, Finder, Pointers};
use bodies::{Finding, Found, Limits};
use fuzz::pieces::cut;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Program, Session};

const POINTERS: [&str; 4] = ["/a", "/b/0", "/b/a", ""];

/// Makes a value of the member `a` alone.
static MEMBER: LazyLock<Arc<Program>> = LazyLock::new(|| program(r#"{"parseAs": "AsJson"}"#));

/// Makes values of the whole document, because the body template says `context()`.
static WHOLE: LazyLock<Arc<Program>> =
    LazyLock::new(|| program(r#"{"parseAs": "AsJson", "value": "{% set c = context() %}"}"#));

fn program(body: &str) -> Arc<Program> {
    let set = r#"[{"name": "x-a", "value": "{{ a | length if a is iterable else a }}"}]"#;
    let config = format!(r#"{{"request": {{"body": {body}, "set": {set}}}}}"#);
    fuzz::program::program(&config)
}

fuzz_target!(|input: &[u8]| {
    let [first, second, body @ ..] = input else {
        return;
    };
    let cuts = [*first, *second];
    let pieces = cut(body, &cuts);

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

fn find(pieces: &[&[u8]], finder: fn(&Pointers, &Limits) -> Finder) -> Result<Vec<Finding>, Error> {
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
fn compare(value: Option<&Value>, field: &Finding) {
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
fn run(program: &Arc<Program>, pieces: Vec<&[u8]>) -> Option<Option<Vec<u8>>> {
    let mut host = Host::new(Message::new(&[], pieces), Message::default());
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    let mut headers = host.request.headers.into_iter();
    let header = headers.find(|(name, _)| name == "x-a");
    let value = header.map(|(_, value)| value);
    host.reply.is_none().then_some(value)
}
