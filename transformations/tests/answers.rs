//! Fields of answers, read however they are cut, and settled once.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Direction, Program, Reason, Session, Usage};

const CONFIG: &str = r#"{"response": {"extract": [
    {"from": [{"usage": "input"}], "metadata": {"namespace": "m", "key": "input"}},
    {"from": [{"usage": "output"}], "metadata": {"namespace": "m", "key": "output"}},
    {"name": "sum", "from": [{"json": "/n"}], "take": "sum", "metadata": {"namespace": "m", "key": "sum"}},
    {"name": "first", "from": [{"json": "/s"}], "take": "first", "metadata": {"namespace": "m", "key": "first"}}
]}}"#;

fn program(config: &str) -> Program {
    Program::load(config.as_bytes()).unwrap().program
}

fn events(body: &[u8], places: &[usize]) -> Message {
    let mut chunks = Vec::new();
    let mut rest = body;
    for place in places {
        let (front, back) = rest.split_at(place % (rest.len() + 1));
        chunks.push(front.to_vec());
        rest = back;
    }
    chunks.push(rest.to_vec());
    let headers = [(":status", "200"), ("content-type", "text/event-stream")];
    Message::new(&headers, chunks)
}

fn play(program: Program, answer: Message) -> (Host, Session) {
    let mut host = Host::new(Message::new(&[(":method", "POST")], [""; 0]), answer);
    let mut session = Session::new(Arc::new(program));
    host.play(&mut session, Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    (host, session)
}

/// An event, of any shape that the format allows.
fn event() -> impl Strategy<Value = String> {
    let data = prop_oneof![
        Just(r#"{"choices":[{"delta":{"content":"\"usage\""}}]}"#.to_owned()),
        Just(r#"{"n":2,"s":"a"}"#.to_owned()),
        Just(r#"{"n":null,"s":"é"}"#.to_owned()),
        Just(r#"{"usage":{"prompt_tokens":3,"completion_tokens":2}}"#.to_owned()),
        Just(r#"{"message":{"usage":{"input_tokens":7,"output_tokens":1}}}"#.to_owned()),
        Just("{\"usage\":\ndata: {\"output_tokens\":9}}".to_owned()),
        Just("[DONE]".to_owned()),
        Just("{\"n\":".to_owned()),
    ];
    let before = prop_oneof![Just(""), Just(": a comment\n"), Just("event: x\n")];
    let end = prop_oneof![Just("\n"), Just("\r"), Just("\r\n")];
    (before, data, end)
        .prop_map(|(before, data, end)| format!("{before}data: {data}\n\n").replace('\n', end))
}

proptest! {
    #[test]
    fn however_an_answer_is_cut_its_fields_are_the_same(
        events_of in prop::collection::vec(event(), 0..6),
        places in prop::collection::vec(any::<usize>(), 0..8),
        broken_off in any::<bool>(),
    ) {
        let body = events_of.concat().into_bytes();
        let answer = |places: &[usize]| {
            let answer = events(&body, places);
            if broken_off { answer.broken_off() } else { answer }
        };
        let (whole, _) = play(program(CONFIG), answer(&[]));
        let (cut, _) = play(program(CONFIG), answer(&places));
        prop_assert_eq!(&whole.metadata, &cut.metadata);
        prop_assert_eq!(&whole.failures, &cut.failures);
        prop_assert_eq!(cut.response.body(), body);
    }
}

#[test]
fn usage_is_counted_without_a_field() {
    for config in [
        "{}",
        CONFIG,
        r#"{"response": {"when": "response.code == 500", "extract": [{"metadata": {"namespace": "m", "key": "k"}}]}}"#,
        r#"{"response": {"patch": [{"remove": "/usage"}]}}"#,
    ] {
        let mut counting = program(config);
        counting.count_usage();
        let body = b"data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
        let (_, session) = play(counting, events(body, &[20]));
        let expected = Usage {
            input: Some(3),
            output: Some(2),
            total: Some(5),
            ..Usage::default()
        };
        assert_eq!(session.usage(), Some(expected), "{config}");
        let (_, session) = play(program(config), events(body, &[20]));
        assert_eq!(session.usage(), None, "{config}");
    }
}

#[test]
fn an_answer_is_settled_once() {
    let body = b"data: {\"usage\":{\"prompt_tokens\":3}}\n\n";
    let (mut host, mut session) = play(program(CONFIG), events(body, &[]));
    assert_eq!(host.metadata.len(), 1);
    session.on_complete(&mut host);
    session.on_body(&mut host, Direction::Response, true);
    session.on_trailers(&mut host, Direction::Response);
    assert_eq!(host.metadata.len(), 1);
}

#[test]
fn a_held_answer_over_the_limit_goes_on_and_is_still_settled() {
    let config = r#"{"limits": {"maxHeldBytes": 100}, "response": {"bodyMode": "buffered", "extract": [
        {"from": [{"usage": "input"}], "header": "x-input", "metadata": {"namespace": "m", "key": "input"}}
    ], "set": [{"name": "x-note", "value": "{{ extracted.input_tokens }}"}]}}"#;
    let mut body = b": a comment\n".repeat(20);
    body.extend(b"data: {\"usage\":{\"prompt_tokens\":3}}\n\n");
    let (host, _) = play(program(config), events(&body, &[150, 10]));
    let reasons: Vec<&str> = host
        .failures
        .iter()
        .map(|failure| failure.reason.as_str())
        .collect();
    assert_eq!(reasons, ["limit"]);
    assert_eq!(host.metadata.len(), 1);
    assert_eq!(host.response.values("x-input"), [""; 0]);
    assert_eq!(host.response.values("x-note"), [""; 0]);
    assert_eq!(host.response.body(), body);
}

#[test]
fn a_field_that_rejects_does_not_let_a_longer_answer_by() {
    let config = r#"{"limits": {"maxHeldBytes": 100}, "response": {"bodyMode": "buffered", "extract": [
        {"name": "id", "from": [{"json": "/id"}], "onMissing": "reject"},
        {"name": "n", "from": [{"header": "x-n"}], "metadata": {"namespace": "m", "key": "n"}, "default": "d"}
    ]}}"#;
    let (host, _) = play(
        program(config),
        events(&b": a comment\n".repeat(20), &[150]),
    );
    let (direction, reply) = host.reply.unwrap();
    assert_eq!((direction, reply.status), (Direction::Response, 502));
    // It is not settled again afterwards.
    let reasons: Vec<_> = host.failures.iter().map(|failure| failure.reason).collect();
    assert_eq!(reasons, [Reason::Limit]);
    assert_eq!(host.metadata, []);
}
