//! The life of an exchange: what is held, for how long, by whom, and which program runs when.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::sync::Arc;

use transformations::testing::{Host, Message, Neighbour, Route};
use transformations::{Chain, Direction, Engine, Program, Reason, Session, Settings};

mod answers;
mod attempts;
mod attempts_together;
mod limits;
mod routes;
mod through;

const MODEL: &str = "x-gateway-model-name";

fn program(config: &str) -> Arc<Program> {
    Arc::new(Program::load(config.as_bytes()).unwrap().program)
}

fn request(headers: &[(&str, &str)], chunks: &[&str]) -> Host {
    Host::new(Message::new(headers, chunks), Message::default())
}

fn answer(headers: &[(&str, &str)], chunks: &[&str]) -> Host {
    Host::new(Message::default(), Message::new(headers, chunks))
}

fn played(program: &Arc<Program>, mut host: Host) -> Host {
    host.play(&mut Session::new(Arc::clone(program)), Neighbour::None);
    assert_eq!(host.violations, [""; 0]);
    host
}

fn reasons(host: &Host) -> Vec<Reason> {
    host.failures.iter().map(|failure| failure.reason).collect()
}

/// RFC 9110 sections 9.3.2 and 9.3.6: what follows such a request is framed in a way of its own.
#[test]
fn a_method_neither_becomes_head_or_connect_nor_stops_being_it() {
    let config =
        r#"{"request": {"set": [{"name": ":method", "value": "{{ header('x-method') }}"}]}}"#;
    for (before, wanted, after, failures) in [
        ("POST", "PUT", "PUT", 0),
        ("POST", "HEAD", "POST", 1),
        ("POST", "head", "POST", 1),
        ("POST", "CONNECT", "POST", 1),
        ("HEAD", "GET", "HEAD", 1),
        ("HEAD", "HEAD", "HEAD", 0),
        ("CONNECT", "POST", "CONNECT", 1),
    ] {
        let host = request(&[(":method", before), ("x-method", wanted)], &[]);
        let host = played(&program(config), host);
        assert_eq!(host.request.values(":method"), [after], "{before} {wanted}");
        assert_eq!(host.failures.len(), failures, "{before} {wanted}");
    }
}

#[test]
fn several_cookie_lines_are_one_to_expressions_and_joined_as_in_kgateway_to_templates() {
    let config = r#"{"request": {"set": [
        {"name": "x-cel", "cel": "request.headers['cookie']"},
        {"name": "x-jinja", "value": "{{ header('cookie') }}|{{ request_header('Cookie') }}"},
        {"name": "x-other", "value": "{{ header('x-a') }}"}]}}"#;
    let headers = [
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-a", "1"),
        ("x-a", "2"),
    ];
    let host = played(&program(config), request(&headers, &[]));
    assert_eq!(host.request.values("x-cel"), ["a=1; b=2"]);
    assert_eq!(host.request.values("x-jinja"), ["a=1, b=2|a=1, b=2"]);
    assert_eq!(host.request.values("x-other"), ["1, 2"]);
}

/// Envoy 1.36 has no way to add a line. `set-cookie` has no meaning joined.
#[test]
fn a_host_that_joins_lines_keeps_the_cookies_it_cannot_set() {
    let config = r#"{"response": {
        "set": [{"name": "set-cookie", "cel": "response.headers.values('set-cookie').map(c, c + '; Secure')"},
            {"name": "x-a", "cel": "['1', '2']"}],
        "add": [{"name": "x-b", "cel": "['1', '2']"}]}}"#;
    for (joins, cookies, values, failures) in [
        (
            true,
            ["a=1", "b=2"],
            vec!["1, 2"],
            vec![Reason::HeaderValue],
        ),
        (
            false,
            ["a=1; Secure", "b=2; Secure"],
            vec!["1", "2"],
            vec![],
        ),
    ] {
        let mut host = answer(&[("set-cookie", "a=1"), ("set-cookie", "b=2")], &[]);
        host.joins_lines = joins;
        let host = played(&program(config), host);
        assert_eq!(host.response.values("set-cookie"), cookies);
        assert_eq!(host.response.values("x-a"), values);
        assert_eq!(host.response.values("x-b"), values);
        assert_eq!(reasons(&host), failures);
    }
    // One cookie it can set.
    let config = r#"{"response": {"set": [{"name": "set-cookie", "value": "c=3"}]}}"#;
    let mut host = answer(&[("set-cookie", "a=1"), ("set-cookie", "b=2")], &[]);
    host.joins_lines = true;
    let host = played(&program(config), host);
    assert_eq!(host.response.values("set-cookie"), ["c=3"]);
    assert_eq!(host.failures, []);
}

/// What a client sees when Envoy's connection to the upstream is new: the same body twice.
#[test]
fn a_body_that_is_offered_twice_is_read_once() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let mut host = request(&[], &[r#"{"model":"m","n":1}"#]);
    host.play(&mut Session::new(program(config)), Neighbour::OffersAgain);
    assert_eq!(host.violations, [""; 0]);
    assert_eq!(host.failures, []);
    assert_eq!(host.request.values(MODEL), ["m"]);
}

/// What is measured, or read of an answer as it passes, is settled when the stream ends.
#[test]
fn a_session_is_through_when_its_end_changes_nothing() {
    let usage = r#"{"response": {"extract": [{"from": [{"usage": "total"}], "metadata": {"namespace": "n", "key": "t"}}]}}"#;
    let held = r#"{"response": {"body": {"value": "{{ body() }}"}}}"#;
    for (config, through) in [
        (
            r#"{"request": {"extract": [{"from": [{"json": "/model"}], "header": "x-m"}]}}"#,
            true,
        ),
        (
            r#"{"response": {"set": [{"name": "x-a", "value": "b"}]}}"#,
            true,
        ),
        (usage, false),
        (held, false),
    ] {
        let mut host = answer(
            &[(":status", "200"), ("content-type", "application/json")],
            &["{}"],
        );
        let mut session = Session::new(program(config));
        session.on_headers(&mut host, Direction::Request, true);
        session.on_headers(&mut host, Direction::Response, false);
        assert_eq!(session.is_through(), through, "{config}");
    }
}

/// RFC 9110 sections 7.8 and 9.3.6: what follows is not a body, and no edit is for it.
#[test]
fn what_follows_an_agreed_tunnel_is_left_alone() {
    let config = r#"{"request": {"set": [{"name": "x-a", "value": "1"}]}, "response": {"patch": [{"set": "/a", "json": "1"}]}}"#;
    let connect = [(":method", "CONNECT")];
    let websocket = [(":method", "GET"), ("upgrade", "WebSocket")];
    let other = [
        (":method", "GET"),
        ("upgrade", "h2c"),
        ("connection", "keep-alive, Upgrade"),
    ];
    let unnamed = [
        (":method", "GET"),
        ("upgrade", "h2c"),
        ("connection", "keep-alive"),
    ];
    for (headers, status, tunnel) in [
        (&connect[..], "200", true),
        (&connect, "407", false),
        (&websocket, "101", true),
        (&websocket, "200", false),
        (&other, "101", true),
        (&unnamed, "101", false),
    ] {
        let mut host = request(headers, &[]);
        let answer = [(":status", status), ("content-type", "application/json")];
        host.response = Message::new(&answer, ["{}"]);
        let mut session = Session::new(program(config));
        session.on_headers(&mut host, Direction::Request, false);
        let action = session.on_headers(&mut host, Direction::Response, false);
        let through = session.is_through_with(Direction::Response);
        assert_eq!(through, tunnel, "{headers:?} {status}: {action:?}");
    }
}

/// A field is decided as soon as nothing that may follow changes it.
#[test]
fn what_ends_the_search_for_a_field_ends_the_wait_for_it() {
    let streamed = |extract: &str| {
        format!(r#"{{"request": {{"bodyMode": "streamed", "extract": [{extract}]}}}}"#)
    };
    let unclear = r#"{"name": "m", "from": [{"path": "/model/{m}/invoke"}, {"json": "/model"}], "header": "x-m"}"#;
    let no_number = r#"{"name": "m", "from": [{"header": "x-a"}, {"json": "/model"}], "type": "number", "header": "x-m"}"#;
    let pieces = [r#"{"n":1,"#, r#""model":5,"#, r#""o":1}"#];
    for (extract, released, value) in [(unclear, 1, None), (no_number, 2, Some("5"))] {
        let headers = [(":path", "/model/%ff/invoke"), ("x-a", "a")];
        let host = played(&program(&streamed(extract)), request(&headers, &pieces));
        assert_eq!(host.released[0], Some(released), "{extract}");
        assert_eq!(host.request.values("x-m"), Vec::from_iter(value));
    }
    // Behind the end of a document no field can follow.
    let model = r#"{"name": "m", "from": [{"json": "/model"}], "header": "x-m"}"#;
    let pieces = [r#"{"n":1}"#, "\n", ""];
    let host = played(&program(&streamed(model)), request(&[], &pieces));
    assert_eq!(host.released[0], Some(1));
}

/// HTTP/1 sends no trailers with a length.
#[test]
fn a_new_body_with_trailers_has_a_length_only_if_the_old_one_had() {
    let config = r#"{"request": {"body": {"value": "{{ body() }}!"}}}"#;
    for (announced, trailers, length) in [
        (false, false, &["3"][..]),
        (false, true, &[]),
        (true, true, &["3"]),
        (true, false, &["3"]),
    ] {
        let headers: &[_] = if announced {
            &[("content-length", "2")]
        } else {
            &[]
        };
        let mut host = request(headers, &["{}"]);
        host.request.trailers = trailers;
        host.tells_trailers = true;
        let host = played(&program(config), host);
        assert_eq!(host.request.body(), b"{}!");
        assert_eq!(host.request.values("content-length"), length);
    }
}
