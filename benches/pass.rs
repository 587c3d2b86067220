//! Whole requests through the engine, in memory, whose bodies arrive in pieces of 16 KiB.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a configuration that does not load has nothing to measure"
)]

use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use rustformations_benches::{Body, chat};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Direction, Program, Session};

/// The size of the pieces in which Envoy reads from a connection, in bytes.
const PIECE: usize = 16 << 10;

fn main() {
    divan::main();
}

fn measure(bencher: Bencher, body: Body, config: &str) {
    let program = Arc::new(Program::load(config.as_bytes()).unwrap().program);
    let body = chat(body);
    let bytes = BytesCount::of_slice(&body);
    let headers = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
    ];
    let request = Message::new(&headers, body.chunks(PIECE));
    bencher
        .counter(bytes)
        .with_inputs(|| Host::new(request.clone(), Message::default()))
        .bench_local_refs(|host| {
            let mut session = Session::new(Arc::clone(&program));
            host.play_one(&mut session, Direction::Request, Neighbour::None);
        });
}

#[divan::bench(args = Body::ALL)]
fn extract(bencher: Bencher, body: Body) {
    let config = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    measure(bencher, body, config);
}

#[divan::bench(args = Body::ALL)]
fn kgateway_as_json(bencher: Bencher, body: Body) {
    let config = r#"{"request": {"body": {"parseAs": "AsJson"}, "set": [{"name": "x-model", "value": "{{ model }}"}]}}"#;
    measure(bencher, body, config);
}

#[divan::bench(args = Body::ALL)]
fn expression(bencher: Bencher, body: Body) {
    let config =
        r#"{"request": {"set": [{"name": "x-model", "cel": "json(request.body).model"}]}}"#;
    measure(bencher, body, config);
}

#[divan::bench(args = Body::ALL)]
fn condition_on_a_header(bencher: Bencher, body: Body) {
    let config = r#"{"request": {"when": "request.headers[\"content-type\"] == \"text/plain\"", "remove": ["x"]}}"#;
    measure(bencher, body, config);
}

/// What a comparison costs without the pass around it: a ninth of what these take more than one does.
#[divan::bench(args = Body::ALL)]
fn condition_on_a_header_ten_times(bencher: Bencher, body: Body) {
    let comparisons =
        (0..10).map(|number| format!(r#"request.headers[\"content-type\"] == \"text/{number}\""#));
    let when = comparisons.collect::<Vec<_>>().join(" || ");
    let config = format!(r#"{{"request": {{"when": "{when}", "remove": ["x"]}}}}"#);
    measure(bencher, body, &config);
}

#[divan::bench(args = Body::ALL)]
fn patch(bencher: Bencher, body: Body) {
    let config = r#"{"request": {"patch": [{"set": "/model", "value": "gpt-4o"}, {"default": "/max_tokens", "json": "2048"}]}}"#;
    measure(bencher, body, config);
}

#[divan::bench(args = Body::ALL)]
fn jinja_of_headers(bencher: Bencher, body: Body) {
    let config = r#"{"request": {"set": [{"name": "x-a", "value": "{{ header('content-type') | upper }}-{{ substring(header(':path'), 1, 2) }}"}]}}"#;
    measure(bencher, body, config);
}
