//! Whole passes of the engine over a request in memory, whose body lies in pieces of 16 KiB.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a configuration that does not load has nothing to measure"
)]

use divan::Bencher;
use divan::counter::BytesCount;
use rustformations_benches::{Body, Request, chat};
use transformations::{Direction, Exchange, Extent, Program};

fn main() {
    divan::main();
}

fn measure(bencher: Bencher, body: Body, config: &str) {
    let program = Program::load(config.as_bytes()).unwrap().program;
    let body = chat(body);
    let bytes = BytesCount::of_slice(&body);
    let request = Request::new(body);
    bencher
        .counter(bytes)
        .with_inputs(|| request.clone())
        .bench_local_refs(|request| {
            let mut exchange = Exchange::begin(&program, request);
            let pass = program.pass(Direction::Request).unwrap();
            pass.run(request, &mut exchange, Extent::Whole)
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
