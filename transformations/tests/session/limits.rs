//! What happens at and over the limit of what is held.

use transformations::{Action, Hold, TransformationOps};

use super::*;

const PATCH: &str = r#"{"response": {"patch": [{"replace": "/model", "value": "fast"}],
    "set": [{"name": "x-set", "value": "1"}, {"name": "x-body", "cel": "response.code"}], "remove": ["x-gone"]}}"#;

fn long() -> Vec<String> {
    let mut pieces = vec![r#"{"model":"a","text":""#.to_owned()];
    pieces.extend((0..20).map(|_| "y".repeat(100_000)));
    pieces.push("\"}".to_owned());
    pieces
}

fn long_answer(config: &str, limit: Option<u64>) -> Host {
    let mut host = answer(&[(":status", "200"), ("x-gone", "1")], &[]);
    host.response.chunks = long().into_iter().map(String::into_bytes).collect();
    host.limit = limit;
    played(&program(config), host)
}

#[test]
fn an_answer_over_the_limit_goes_on_as_it_was() {
    for limit in [Some(1 << 20), None] {
        let host = long_answer(PATCH, limit);
        assert_eq!(host.response.body(), long().concat().into_bytes());
        assert_eq!(reasons(&host), [Reason::Limit]);
        assert_eq!(host.failures[0].path, "response.patch");
        // What needs no body is done all the same.
        assert_eq!(host.response.values("x-set"), ["1"]);
        assert_eq!(host.response.values("x-gone"), [""; 0]);
    }
}

/// Envoy's `buffer` bounds requests by what bounds answers too.
#[test]
fn a_limit_that_another_filter_has_set_for_requests_is_none_of_answers() {
    for (first, failures, after) in [
        (None, &[Reason::Limit][..], 1 << 10),
        (Some(1 << 9), &[Reason::Limit], 1 << 10),
        (Some(4 << 20), &[], 4 << 20),
    ] {
        let mut host = answer(&[(":status", "200")], &[]);
        host.response.chunks = long().into_iter().map(String::into_bytes).collect();
        host.limit = Some(1 << 10);
        host.first_limit = first;
        let host = played(&program(PATCH), host);
        assert_eq!(reasons(&host), failures);
        assert_eq!(host.limit, Some(after));
    }
}

#[test]
fn an_answer_within_the_limit_is_edited() {
    let raised = PATCH.replacen('{', r#"{"limits": {"maxHeldBytes": 4000000}, "#, 1);
    for (config, limit) in [
        (raised.as_str(), Some(1 << 20)),
        (raised.as_str(), None),
        (PATCH, Some(0)),
    ] {
        let host = long_answer(config, limit);
        assert!(host.response.body().starts_with(br#"{"model":"fast""#));
        assert_eq!(reasons(&host), []);
    }
}

#[test]
fn what_needs_a_body_that_is_too_long_is_left_out() {
    let config = r#"{"limits": {"maxHeldBytes": 8}, "response": {"body": {"parseAs": "AsJson"}, "set": [
        {"name": "x-model", "value": "{{ model }}"}, {"name": "x-b", "cel": "json(response.body).model"},
        {"name": "x-c", "value": "{{ cel('json(response.body).model') }}"}, {"name": "x-d", "value": "{{ header(':status') }}"}]}}"#;
    let host = answer(&[(":status", "200")], &["{\"model\":", "\"a\"}", ""]);
    let host = played(&program(config), host);
    assert!(host.reply.is_none());
    assert_eq!(reasons(&host), [Reason::Limit]);
    for header in ["x-model", "x-b", "x-c"] {
        assert_eq!(host.response.values(header), [""; 0], "{header}");
    }
    assert_eq!(host.response.values("x-d"), ["200"]);
}

#[test]
fn a_held_request_over_max_held_bytes_is_answered_413() {
    let config = r#"{"limits": {"maxHeldBytes": 8}, "request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    for limit in [Some(1 << 20), None] {
        let mut host = request(&[], &["{\"model\"", ":\"a\"", "}"]);
        host.limit = limit;
        let host = played(&program(config), host);
        let (_, reply) = host.reply.unwrap();
        assert_eq!(reply.status, 413);
        assert_eq!(host.request.body(), b"");
    }
}

#[test]
fn a_request_of_exactly_the_limit_is_held() {
    let config = r#"{"limits": {"maxHeldBytes": 13}, "request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    for limit in [Some(1 << 20), None] {
        let mut host = request(&[], &["{\"model\"", ":\"a\"}", ""]);
        host.limit = limit;
        let host = played(&program(config), host);
        assert_eq!(host.request.values(MODEL), ["a"], "{limit:?}");
    }
}

/// Envoy has one limit for both messages and all filters.
#[test]
fn what_a_request_may_hold_does_not_bound_its_answer() {
    let first = r#"{"limits": {"maxHeldBytes": 32}, "request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    let long = format!(r#"{{"model":"b","text":"{}"}}"#, "y".repeat(100));
    let (begin, rest) = long.split_at(50);
    let mut host = request(&[], &[r#"{"model":"a"}"#]);
    host.response = Message::new(&[(":status", "200")], [begin, rest, ""]);
    host.limit = Some(1 << 20);
    host.routes = vec![Route::new(&[(MODEL, "a")], Some(program(PATCH)))];
    let host = played(&program(first), host);
    assert_eq!(host.limit, Some(1 << 20));
    assert_eq!(host.failures, []);
    assert!(host.response.body().starts_with(br#"{"model":"fast""#));
}

#[test]
fn a_streamed_request_over_the_limit_goes_on_without_its_field() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let bounded = config.replacen('{', r#"{"limits": {"maxHeldBytes": 1048576}, "#, 1);
    for config in [config, &bounded] {
        for limit in [Some(1 << 20), Some(0), Some(65_536), None] {
            let mut host = request(&[], &["{\"text\":\""]);
            host.request.chunks.extend(vec![vec![b'y'; 30_000]; 50]);
            host.request.chunks.push(b"\",\"model\":\"a\"}".to_vec());
            let whole = host.request.body();
            host.limit = limit;
            let host = played(&program(config), host);
            assert!(host.reply.is_none(), "{limit:?}");
            assert_eq!(host.request.body(), whole);
            assert_eq!(host.request.values(MODEL), [""; 0]);
            assert_eq!(reasons(&host), [Reason::Limit]);
        }
    }
}

#[test]
fn a_body_that_grows_raises_the_limit() {
    let value = "y".repeat(3000);
    let config = format!(r#"{{"request": {{"patch": [{{"set": "/text", "value": "{value}"}}]}}}}"#);
    for trailers in [false, true] {
        let mut host = request(&[], &["{", "}"]);
        host.request.trailers = trailers;
        host.limit = Some(1000);
        let host = played(&program(&config), host);
        assert!(host.limit.unwrap() >= 3000);
        assert!(host.request.body().len() > 3000);
    }
}

/// Envoy ends a message that is let go once its trailers have arrived: what is still to be passed on would be lost.
#[test]
fn a_message_whose_trailers_have_arrived_is_held_to_its_end() {
    let streamed =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let pieces = [r#"{"model":"a","#, r#""text":"#, "\"y\"}"];
    for limit in [Some(8), Some(1 << 20), None] {
        let mut host = request(&[], &pieces);
        host.response = Message::new(&[(":status", "200")], ["[1,", "2]"]).with_trailers();
        host.request.trailers = true;
        host.limit = limit;
        let config = streamed.replacen(
            '{',
            r#"{"response": {"patch": [{"replace": "/model", "value": "b"}]}, "#,
            1,
        );
        host.play(&mut Session::new(program(&config)), Neighbour::PassesOn);
        assert_eq!(host.violations, [""; 0]);
        assert_eq!(host.request.values(MODEL), ["a"], "{limit:?}");
        assert_eq!(host.request.body(), pieces.concat().into_bytes());
        assert_eq!(host.response.body(), b"[1,2]");
        assert_eq!(host.released, [None, None]);
    }
}

/// A filter behind may hold what has gone on. It waits for what Envoy does not read while its buffer is full, and counts
/// twice what was in this buffer before.
#[test]
fn what_is_let_go_of_a_request_goes_on_with_the_next_piece() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    for text in [1, 4000, 40_000] {
        let first = format!(r#"{{"model":"a","text":"{}"#, "y".repeat(text));
        for (limit, trailers) in [
            (Some(1 << 20), false),
            (Some(1000), true),
            (Some(0), true),
            (None, false),
        ] {
            let mut host = request(&[], &[&first, "zz", "\"}"]);
            host.request.trailers = trailers;
            host.limit = limit;
            let host = played(&program(config), host);
            let all = first.len() + 4;
            let gone = &host.hooks[0];
            assert_eq!(
                gone[..4],
                [None, Some(0), Some(first.len() + 2), Some(all)],
                "{limit:?}"
            );
            assert_eq!(host.request.body().len(), all);
            assert_eq!(host.request.values(MODEL), ["a"]);
        }
    }
}

/// Its client may wait for an answer to the first message before it sends the next.
#[test]
fn a_message_of_grpc_does_not_wait_for_the_next() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    for (name, message, gone) in [
        ("application/grpc", "\0\0\0\0\u{1}{", Some(6)),
        ("application/grpc+proto", "\u{1}\0\0\0\u{1}{", Some(6)),
        // What others read as JSON waits, whatever it is called.
        ("application/grpc", r#"{"model":"a","#, Some(0)),
        ("application/json", "\0\0\0\0\u{1}{", Some(0)),
    ] {
        let host = request(&[("content-type", name)], &[message, r#""text":""}"#, ""]);
        let host = played(&program(config), host);
        assert_eq!(host.hooks[0][1], gone, "{name} {message:?}");
        assert_eq!(host.request.body().len(), message.len() + 10);
    }
}

/// Its end comes next: it goes on with it, as it is.
#[test]
fn a_streamed_request_that_is_all_there_waits_for_its_end() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let body = r#"{"model":"a","text":""}"#;
    for (length, gone) in [
        (body.len(), None),
        (body.len() - 1, Some(0)),
        (body.len() + 1, Some(0)),
    ] {
        let length = length.to_string();
        let host = request(&[("content-length", &length)], &[body, ""]);
        let host = played(&program(config), host);
        assert_eq!(host.hooks[0], [None, gone, Some(body.len())], "{length}");
        assert_eq!(host.request.body(), body.as_bytes());
        assert_eq!(host.request.values(MODEL), ["a"]);
    }
}

/// The client of an answer may wait for what has come of it.
#[test]
fn what_is_let_go_of_an_answer_goes_on_at_once_unless_it_is_long() {
    let config = r#"{"response": {"patch": [{"replace": "/model", "value": "b"}]}}"#;
    for (text, at_once) in [(1, true), (30_000, true), (40_000, false)] {
        let first = format!("[\"{}", "y".repeat(text));
        let headers = [(":status", "200"), ("content-type", "application/json")];
        let host = played(&program(config), answer(&headers, &[&first, "\"]"]));
        let gone = if at_once { first.len() } else { 0 };
        assert_eq!(host.hooks[1][1], Some(gone), "{text}");
        assert_eq!(host.response.body().len(), first.len() + 2);
    }
}

/// A filter behind keeps what was late, and one before has the host show it again: it has been read.
#[test]
fn what_is_late_and_shown_again_is_read_once() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let first = format!(r#"{{"model":"a","text":"{}"#, "y".repeat(40_000));
    let mut host = request(&[], &[&first, "\"}"]);
    host.request.trailers = true;
    host.play(&mut Session::new(program(config)), Neighbour::ShowsAgain);
    assert_eq!(host.violations, [""; 0]);
    assert_eq!(reasons(&host), []);
    assert_eq!(host.reply, None);
    assert_eq!(host.request.body().len(), first.len() + 2);
    assert_eq!(host.request.values(MODEL), ["a"]);
}

#[test]
fn what_is_late_goes_on_with_the_trailers() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let body = format!(r#"{{"model":"a","text":"{}"}}"#, "y".repeat(40_000));
    let mut host = request(&[], &[&body]);
    host.request.trailers = true;
    let host = played(&program(config), host);
    assert_eq!(host.hooks[0], [None, Some(0), Some(body.len())]);
    assert_eq!(host.request.body(), body.into_bytes());
}

/// What is late is in the host's buffer when the trailers arrive, and goes on from there.
#[test]
fn trailers_wait_for_what_is_late() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let mut host = request(&[], &[]);
    let mut session = Session::new(program(config));
    session.on_headers(&mut host, Direction::Request, false);
    host.append_body(Direction::Request, br#"{"model":"a"}"#);
    let action = session.on_body(&mut host, Direction::Request, false);
    assert_eq!(action, Action::Continue);
    let action = session.on_trailers(&mut host, Direction::Request);
    assert_eq!(action, Action::Hold(Hold::Buffer));
    assert_eq!(
        session.on_trailers(&mut host, Direction::Request),
        Action::Continue
    );
}

/// Each message has its own.
#[test]
fn what_is_late_of_an_answer_outlasts_what_is_late_of_its_request() {
    let config = r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]},
        "response": {"patch": [{"replace": "/model", "value": "b"}]}}"#;
    let (request_body, answer_body) = (r#"{"model":"a","#, format!("[\"{}", "y".repeat(40_000)));
    let mut host = request(&[], &[]);
    host.response = Message::new(
        &[(":status", "200"), ("content-type", "application/json")],
        [""; 0],
    );
    let mut session = Session::new(program(config));
    session.on_headers(&mut host, Direction::Request, false);
    host.append_body(Direction::Request, request_body.as_bytes());
    session.on_body(&mut host, Direction::Request, false);
    session.on_headers(&mut host, Direction::Response, false);
    host.append_body(Direction::Response, answer_body.as_bytes());
    let action = session.on_body(&mut host, Direction::Response, false);
    assert_eq!(action, Action::Continue);
    for (direction, late, last) in [
        (Direction::Request, request_body, "\"n\":1}"),
        (Direction::Response, &answer_body, "\"]"),
    ] {
        assert_eq!(host.body_size(direction), 0);
        host.append_body(direction, last.as_bytes());
        let action = session.on_body(&mut host, direction, true);
        assert_eq!(action, Action::Continue);
        assert_eq!(host.body_size(direction), late.len() + last.len());
    }
}

/// The host of a client's chain, in releases that tell no limit, refuses more at the end: it goes on in an event.
#[test]
fn a_long_message_that_the_session_held_ends_in_an_event() {
    let config = r#"{"limits": {"maxHeldBytes": 100000}, "request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    let event = Action::Hold(Hold::Watermark);
    for (chain, length, expected) in [
        (Chain::Downstream, 32 << 10, Action::Continue),
        (Chain::Downstream, (32 << 10) + 1, event.clone()),
        (Chain::Upstream, (32 << 10) + 1, Action::Continue),
    ] {
        let body = format!("{:length$}", r#"{"model":"a"}"#);
        let (first, rest) = body.split_at(1000);
        let mut host = request(&[], &[]);
        (host.limit, host.chain) = (None, chain);
        let mut session = Session::new(program(config));
        session.on_headers(&mut host, Direction::Request, false);
        host.append_body(Direction::Request, first.as_bytes());
        let action = session.on_body(&mut host, Direction::Request, false);
        assert_eq!(action, Action::Hold(Hold::Kept));
        host.append_body(Direction::Request, rest.as_bytes());
        let action = session.on_body(&mut host, Direction::Request, true);
        assert_eq!(action, expected, "{chain:?} {length}");
        assert_eq!(host.body_size(Direction::Request), length);
    }
}

/// What was the limit before does not bound a request: it is the answer's.
#[test]
fn a_streamed_request_is_bounded_by_the_limit_as_it_is() {
    let config =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let mut host = request(
        &[],
        &["{\"text\":\"", &"y".repeat(2000), "\",\"model\":\"a\"}"],
    );
    (host.limit, host.first_limit) = (Some(1 << 10), Some(4 << 20));
    let host = played(&program(config), host);
    assert_eq!(reasons(&host), [Reason::Limit]);
    assert_eq!(host.limit, Some(1 << 10));
}

/// A filter before holds so much already that the host is told more than may be held.
#[test]
fn a_raised_limit_is_not_what_may_be_held() {
    let config = r#"{"limits": {"maxHeldBytes": 150}, "request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    for (more, held) in [(50, true), (51, false)] {
        let mut host = request(&[], &[]);
        host.limit = Some(100);
        host.append_body(Direction::Request, format!("{:100}", "{").as_bytes());
        let mut session = Session::new(program(config));
        session.on_headers(&mut host, Direction::Request, false);
        assert_eq!(host.limit, Some(202));
        host.append_body(Direction::Request, " ".repeat(more).as_bytes());
        session.on_body(&mut host, Direction::Request, false);
        host.append_body(Direction::Request, b"");
        let action = session.on_body(&mut host, Direction::Request, false);
        assert_eq!(
            matches!(action, Action::Hold(_)),
            held,
            "{more}: {action:?}"
        );
    }
}

/// An answer goes on as much at once as the host may hold.
#[test]
fn what_goes_on_at_once_of_an_answer_is_no_more_than_the_limit() {
    let config = r#"{"response": {"patch": [{"replace": "/model", "value": "b"}]}}"#;
    let first = format!("[\"{}", "y".repeat(1000));
    for (limit, at_once) in [(1002, true), (1001, false), (0, true)] {
        let headers = [(":status", "200"), ("content-type", "application/json")];
        let mut host = answer(&headers, &[&first, "\"]"]);
        host.limit = Some(limit);
        let host = played(&program(config), host);
        let gone = if at_once { first.len() } else { 0 };
        assert_eq!(host.hooks[1][1], Some(gone), "{limit}");
    }
}
