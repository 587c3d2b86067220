//! An answer of 200 server-sent events (55 KB) through the engine, edited event by event, in pieces as
//! Envoy reads them.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a configuration that does not load has nothing to measure"
)]

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Direction, Program, Session};

const EVENTS: usize = 200;

/// The size of the pieces in which Envoy reads from a connection, in bytes.
const PIECE: usize = 16 << 10;

fn main() {
    divan::main();
}

/// Events as OpenAI's chat completions have them: they differ in one string.
fn answer() -> Vec<u8> {
    events(|_| String::new())
}

/// Events of which each has another shape than the one before.
fn unlike() -> Vec<u8> {
    events(|number| format!("\"{number}\":null,"))
}

/// Events with these members first.
fn events(first: impl Fn(usize) -> String) -> Vec<u8> {
    let event = |number: usize| {
        let first = first(number);
        format!(
            "data: {{{first}\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\
             \"created\":1741570283,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\
             \"system_fingerprint\":\"fp_50cad350e4\",\"choices\":[{{\"index\":0,\"delta\":\
             {{\"content\":\" word {number}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        )
    };
    (0..EVENTS).map(event).collect::<String>().into_bytes()
}

fn measure(bencher: Bencher, config: &str) {
    measure_of(bencher, config, &answer());
}

fn measure_of(bencher: Bencher, config: &str, body: &[u8]) {
    let program = Arc::new(Program::load(config.as_bytes()).unwrap().program);
    let headers = [(":status", "200"), ("content-type", "text/event-stream")];
    let response = Message::new(&headers, body.chunks(PIECE));
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(|| Host::new(Message::default(), response.clone()))
        .bench_local_refs(|host| {
            let mut session = Session::new(Arc::clone(&program));
            host.play_one(&mut session, Direction::Response, Neighbour::None);
        });
}

/// What the session and the host in memory cost without an edit.
#[divan::bench]
fn nothing(bencher: Bencher) {
    measure(bencher, r#"{"response": {"remove": ["x-none"]}}"#);
}

#[divan::bench]
fn one_edit(bencher: Bencher) {
    let config = r#"{"response": {"patch": [{"replace": "/model", "value": "fast"}]}}"#;
    measure(bencher, config);
}

#[divan::bench]
fn one_edit_of_unlike_events(bencher: Bencher) {
    let config = r#"{"response": {"patch": [{"replace": "/model", "value": "fast"}]}}"#;
    measure_of(bencher, config, &unlike());
}

#[divan::bench]
fn json_path(bencher: Bencher) {
    let config = r#"{"response": {"patch": [{"remove": "$.choices[*].logprobs"}]}}"#;
    measure(bencher, config);
}

#[divan::bench]
fn anywhere(bencher: Bencher) {
    let config = r#"{"response": {"patch": [{"remove": "$..logprobs"}]}}"#;
    measure(bencher, config);
}

#[divan::bench]
fn cel_of_document(bencher: Bencher) {
    let config = r#"{"response": {"patch": [{"set": "/choices/0/delta/text", "cel": "document.choices[0].delta.content"}]}}"#;
    measure(bencher, config);
}

#[divan::bench]
fn cel_of_value(bencher: Bencher) {
    let config = r#"{"response": {"patch": [{"replace": "/choices/0/delta/content", "cel": "value + '!'"}]}}"#;
    measure(bencher, config);
}

#[divan::bench]
fn drop_events(bencher: Bencher) {
    let config =
        r#"{"response": {"dropEvents": ["size(document.choices) == 0 && has(document.usage)"]}}"#;
    measure(bencher, config);
}
