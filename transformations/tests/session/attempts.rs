//! What a cluster's filter starts from at each attempt.

use super::*;

/// Plays an attempt on the headers that the one before left, and the body that arrived.
fn attempt(config: &str, host: &mut Host, body: &str) {
    host.request.chunks = vec![body.as_bytes().to_vec()];
    host.play_one(
        &mut Session::new(program(config)),
        Direction::Request,
        Neighbour::None,
    );
    assert_eq!(host.violations, [""; 0]);
}

#[test]
fn each_starts_from_the_request_as_the_first_found_it() {
    let config = r#"{"request": {"when": "!('x-done' in request.headers)",
        "patch": [{"replace": "/model", "value": "s"}],
        "set": [{"name": "authorization", "value": "of host 1"}, {"name": "x-done", "value": "1"}],
        "add": [{"name": "x-try", "value": "T"}], "remove": ["x-gone"]}}"#;
    let body = r#"{"model":"0123456789"}"#;
    let headers = [
        (":method", "POST"),
        ("content-length", "22"),
        ("authorization", "the client's"),
        ("x-gone", "1"),
        ("x-gone", "2"),
    ];
    let mut host = request(&headers, &[]);
    host.chain = Chain::Upstream;
    for _ in 0..3 {
        attempt(config, &mut host, body);
        assert_eq!(host.request.body(), br#"{"model":"s"}"#);
        assert_eq!(host.request.values("content-length"), ["13"]);
        assert_eq!(host.request.values("authorization"), ["of host 1"]);
        assert_eq!(host.request.values("x-try"), ["T"]);
        assert_eq!(host.request.values("x-gone"), [""; 0]);
    }
    // One that does nothing leaves nothing of the others.
    let nothing = config.replace("!('x-done' in request.headers)", "false");
    attempt(&nothing, &mut host, body);
    assert_eq!(host.request.body(), body.as_bytes());
    for (name, value) in [("content-length", "22"), ("authorization", "the client's")] {
        assert_eq!(host.request.values(name), [value]);
    }
    assert_eq!(host.request.values("x-gone"), ["1", "2"]);
    for name in ["x-try", "x-done"] {
        assert_eq!(host.request.values(name), [""; 0]);
    }
}

#[test]
fn what_a_pattern_removed_is_there_for_the_next_attempt() {
    let config = r#"{"request": {"set": [{"name": "x-acme-user", "value": "u"}],
        "remove": ["x-acme-*", "*-debug"]}}"#;
    let headers = [("x-acme-a", "1"), ("x-acme-a", "2"), ("x-debug", "3")];
    let mut host = request(&headers, &[]);
    host.chain = Chain::Upstream;
    for _ in 0..2 {
        attempt(config, &mut host, "");
        assert_eq!(host.request.values("x-acme-user"), ["u"]);
        for name in ["x-acme-a", "x-debug"] {
            assert_eq!(host.request.values(name), [""; 0]);
        }
    }
    let nothing = r#"{"request": {"when": "false", "remove": ["x-other"]}}"#;
    attempt(nothing, &mut host, "");
    assert_eq!(host.request.values("x-acme-a"), ["1", "2"]);
    assert_eq!(host.request.values("x-debug"), ["3"]);
    assert_eq!(host.request.values("x-acme-user"), [""; 0]);
}

#[test]
fn what_edits_no_request_leaves_nothing_for_the_next_attempt() {
    let config = r#"{"response": {"set": [{"name": "x-a", "value": "1"}]}}"#;
    let mut host = request(&[("authorization", "the client's")], &[]);
    host.chain = Chain::Upstream;
    attempt(config, &mut host, "");
    assert_eq!(host.saved, None);
}

/// A filter before has announced another body's length.
#[test]
fn a_body_that_is_only_read_has_its_own_length_at_each_attempt() {
    let config = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    let mut host = request(&[("content-length", "13")], &[]);
    host.chain = Chain::Upstream;
    for announced in ["13", "99", "7"] {
        host.request
            .headers
            .retain(|(name, _)| name != "content-length");
        let length = ("content-length".to_owned(), announced.into());
        host.request.headers.push(length);
        attempt(config, &mut host, r#"{"model":"a"}"#);
        assert_eq!(host.request.values("content-length"), ["13"], "{announced}");
        assert_eq!(host.request.values(MODEL), ["a"]);
    }
}

#[test]
fn a_cluster_chooses_no_route() {
    let config = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    let mut host = request(&[(MODEL, "forged")], &[]);
    host.chain = Chain::Upstream;
    attempt(config, &mut host, r#"{"model":"a"}"#);
    assert_eq!(host.request.values(MODEL), ["a"]);
    assert_eq!(host.calls_of("clear_route_cache"), 0);
}

/// The listener's filter has put it there.
#[test]
fn a_cluster_leaves_routing_headers_that_it_does_not_set() {
    let engine = Engine::new(Settings::from_lists(Some(MODEL), None));
    let load = |text: &str| Arc::new(engine.load(text.as_bytes()).unwrap().program);
    let own = load(r#"{"request": {"extract": [{"header": "x-own"}]}}"#);
    let mut host = request(&[(MODEL, "a"), ("x-own", "1")], &[]);
    host.chain = Chain::Upstream;
    host.routes = vec![Route::new(
        &[],
        Some(load(r#"{"request": {"remove": ["x-b"]}}"#)),
    )];
    let host = played(&own, host);
    assert_eq!(host.request.values(MODEL), ["a"]);
    assert_eq!(host.request.values("x-own"), ["1"]);
}

/// Envoy makes a new request of it, with the headers as they are.
#[test]
fn a_redirect_leaves_the_request_as_it_was() {
    let config = r#"{"request": {"set": [{"name": "authorization", "value": "of host 1"}]}}"#;
    for (status, kept) in [
        ("302", "the client's"),
        ("200", "of host 1"),
        ("304", "of host 1"),
    ] {
        let mut host = request(&[("authorization", "the client's")], &[]);
        host.response = Message::new(&[(":status", status)], [""; 0]);
        host.chain = Chain::Upstream;
        let host = played(&program(config), host);
        assert_eq!(host.request.values("authorization"), [kept]);
    }
}
