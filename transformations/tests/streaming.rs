//! A body that is read as it arrives says what it says when it is read whole, however it is cut.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod host;

use host::{Host, Message};
use proptest::prelude::*;
use transformations::{
    Direction, Exchange, Extent, Failure, Outcome, Program, Reply, TransformationOps,
};

const FIELDS: &str = r#""extract": [
    {"header": "x-model", "aliases": [{"match": "b*", "value": "alias"}]},
    {"name": "first", "from": [{"json": "/a/b"}, {"json": "/model"}], "header": "x-first", "duplicates": "first"},
    {"name": "tenant", "from": [{"json": "/a/0"}, {"header": "x-tenant"}, {"json": "/x"}], "header": "x-tenant-name", "default": "none"}
]"#;

const TARGETS: [&str; 3] = ["x-model", "x-first", "x-tenant-name"];

/// Bodies that are JSON more often than not, with keys that stand twice.
fn body() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(
        &[
            "1",
            "-2.5e3",
            "true",
            "null",
            "\"\"",
            "\"a\"",
            "\"b\\u0061\"",
            "\" \"",
            "\"\\n\"",
            "\"é\"",
            "NaN",
        ][..],
    )
    .prop_map(str::to_owned);
    let value = scalar.prop_recursive(3, 12, 3, |inner| {
        let key = prop::sample::select(&["model", "Model", "mod\\u0065l", "a", "b", "x", "0"][..]);
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            3 => prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                let members = members.iter().map(|(key, value)| format!("\"{key}\" : {value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
        ]
    });
    let end = prop::sample::select(&["", "", "", " \n", "}", "{}", ","][..]);
    (value, end, any::<prop::sample::Index>(), 0..8_u8).prop_map(|(value, end, at, cut)| {
        let mut text = value + end;
        if cut == 0 {
            let at = (0..=at.index(text.len() + 1))
                .rev()
                .find(|at| text.is_char_boundary(*at));
            text.truncate(at.unwrap_or_default());
        }
        text
    })
}

fn pieces(body: &str, cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|ends| body.as_bytes()[ends[0]..ends[1]].to_vec())
        .collect()
}

fn program(mode: &str) -> Program {
    let config = format!(r#"{{"request": {{"bodyMode": "{mode}", {FIELDS}}}}}"#);
    Program::load(config.as_bytes()).unwrap().program
}

/// How a request ended: the answer, what went wrong, and the headers.
type Ended = (Option<Reply>, Vec<Failure>, Vec<Option<Vec<u8>>>);

fn ended(host: &Host, outcomes: Vec<Outcome>) -> Ended {
    let mut reply = None;
    let mut failures = Vec::new();
    for outcome in outcomes {
        reply = outcome.reply.or(reply);
        failures.extend(outcome.failures);
    }
    let first = |name: &&str| {
        let values = host.header_values(Direction::Request, name);
        values.first().map(|value| value.to_vec())
    };
    (reply, failures, TARGETS.iter().map(first).collect())
}

fn request(chunks: Vec<Vec<u8>>) -> Host {
    let headers = [("x-model", "forged"), ("x-tenant", "t1")];
    Host::new(Message::new(&headers, chunks), Message::default())
}

/// Read by the pass at the end.
fn at_once(program: &Program, pieces: &[Vec<u8>]) -> Ended {
    let mut host = request(pieces.to_vec());
    let mut exchange = Exchange::begin(program, &mut host);
    let pass = program.pass(Direction::Request).unwrap();
    let outcome = pass.run(&mut host, &mut exchange, Extent::Whole);
    ended(&host, vec![outcome])
}

/// Read piece by piece, held to the end.
fn piecewise(program: &Program, pieces: &[Vec<u8>]) -> Ended {
    let mut host = request(pieces.to_vec());
    let mut exchange = Exchange::begin(program, &mut host);
    let pass = program.pass(Direction::Request).unwrap();
    for piece in pieces {
        pass.read(&mut exchange, piece);
    }
    let outcome = pass.run(&mut host, &mut exchange, Extent::Whole);
    ended(&host, vec![outcome])
}

/// Let go when decided, and watched after that. Also whether it was let go.
fn streamed(program: &Program, pieces: &[Vec<u8>]) -> (Ended, bool) {
    let mut host = request(Vec::new());
    let mut exchange = Exchange::begin(program, &mut host);
    let pass = program.pass(Direction::Request).unwrap();
    assert!(pass.streams());
    let mut outcomes = Vec::new();
    for piece in pieces {
        if outcomes.is_empty() {
            host.request.chunks.push(piece.clone());
            pass.read(&mut exchange, piece);
            if pass.is_decided(&host, &exchange) {
                outcomes.push(pass.run(&mut host, &mut exchange, Extent::Begun));
            }
        } else if exchange.is_reading() {
            pass.read(&mut exchange, piece);
            outcomes.push(pass.check(&mut exchange, false));
        }
    }
    let released = !outcomes.is_empty();
    outcomes.push(if released {
        pass.check(&mut exchange, true)
    } else {
        pass.run(&mut host, &mut exchange, Extent::Whole)
    });
    (ended(&host, outcomes), released)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn pieces_say_what_the_whole_says(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pieces = pieces(&body, &cuts);
        let program = program("buffered");
        prop_assert_eq!(piecewise(&program, &pieces), at_once(&program, &pieces));
    }

    /// What goes through streamed has the headers it would have had held whole, or was found broken
    /// in both before it had any.
    #[test]
    fn what_streams_is_routed_as_if_it_were_held(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pieces = pieces(&body, &cuts);
        let held = at_once(&program("buffered"), &pieces);
        let (streamed, released) = streamed(&program("streamed"), &pieces);
        if !released {
            prop_assert_eq!(&streamed, &held);
        } else if streamed.0.is_none() {
            prop_assert_eq!(&streamed.2, &held.2, "let through with other headers");
        } else {
            prop_assert!(!held.1.is_empty(), "cut off, and nothing is wrong with it");
        }
    }
}

/// A part that is no part of what was read, as after a filter that changed the body meanwhile.
#[test]
fn a_body_that_has_changed_is_read_again() {
    let program = program("buffered");
    let pass = program.pass(Direction::Request).unwrap();
    let mut host = request(vec![br#"{"model":"new one"}"#.to_vec()]);
    let mut exchange = Exchange::begin(&program, &mut host);
    pass.read(&mut exchange, br#"{"model":"old"#);
    let outcome = pass.run(&mut host, &mut exchange, Extent::Whole);
    assert_eq!(outcome.failures, []);
    assert_eq!(
        host.header_values(Direction::Request, "x-model"),
        [b"new one"]
    );
}
