//! What is held of a response, and when it is let go.

use transformations::TransformationOps;

use super::*;

const PATCH: &str = r#"{"response": {"patch": [{"replace": "/model", "value": "fast"}]}}"#;

fn released(config: &str, content_type: Option<&str>, chunks: &[&str]) -> (Host, usize) {
    let mut headers = vec![(":status", "200")];
    headers.extend(content_type.map(|value| ("content-type", value)));
    let body = chunks.concat();
    let host = played(&program(config), answer(&headers, chunks));
    let end = chunks.len();
    let released = host.released[1].unwrap_or(end);
    assert_eq!(host.response.body(), body.as_bytes());
    (host, released)
}

#[test]
fn what_no_edit_can_apply_to_is_not_held() {
    let events = ["data: {\"model\":\"m\"}\n\n", "data: [DONE]\n\n", ""];
    let list = ["[{\"model\":1},", "{\"model\":2}", "]"];
    for (content_type, chunks) in [
        (Some("text/plain; charset=utf-8"), ["Hello ", "wor", "ld"]),
        (None, events),
        (Some("application/json"), list),
        (Some("application/json"), [" \n", "null", " "]),
    ] {
        let (host, at) = released(PATCH, content_type, &chunks);
        let first = if chunks[0].trim().is_empty() { 2 } else { 1 };
        assert_eq!(at, first, "{content_type:?}");
        assert_eq!(host.failures, [], "{content_type:?}");
    }
    // It is called JSON, and cannot be.
    let (host, at) = released(PATCH, Some("application/json"), &["oops", "!", ""]);
    assert_eq!(at, 1);
    assert_eq!(reasons(&host), [Reason::JsonInvalid]);
    // In one piece, too.
    let (host, _) = released(PATCH, Some("text/plain"), &["no healthy upstream"]);
    assert_eq!(host.failures, []);
}

#[test]
fn white_space_is_broken_json_only_where_it_is_called_json() {
    for (content_type, failures) in [
        (None, vec![]),
        (Some("application/json"), vec![Reason::JsonInvalid]),
    ] {
        let (host, _) = released(PATCH, content_type, &[" ", "\n", ""]);
        assert_eq!(reasons(&host), failures, "{content_type:?}");
    }
}

#[test]
fn a_place_in_a_list_waits_for_a_list() {
    for pointer in ["/0/model", "/-", "$[0].model", "$[*].model", "$[-1]"] {
        let config =
            format!(r#"{{"response": {{"patch": [{{"set": "{pointer}", "value": "fast"}}]}}}}"#);
        let chunks = ["[{\"model\":1}", "]", ""];
        let host = answer(&[(":status", "200")], &chunks);
        let host = played(&program(&config), host);
        assert_eq!(host.released[1], None);
        assert_ne!(host.response.body(), chunks.concat().as_bytes());
    }
}

/// gzip of `Hello world` and of `{"model":"m"}`.
#[test]
fn the_first_byte_of_an_encoded_answer_is_looked_at_decoded() {
    const TEXT: [u8; 31] = [
        31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 243, 72, 205, 201, 201, 87, 40, 207, 47, 202, 73, 1, 0,
        82, 158, 214, 139, 11, 0, 0, 0,
    ];
    let headers = [(":status", "200"), ("content-encoding", "gzip")];
    let mut host = answer(&headers, &[]);
    host.response.chunks = vec![TEXT[..28].to_vec(), TEXT[28..].to_vec()];
    let host = played(&program(PATCH), host);
    assert_eq!(host.released[1], Some(1));
    assert_eq!(host.failures, []);
    assert_eq!(host.response.body(), TEXT);
    // Not gzip at all.
    let host = answer(&headers, &["never gzip", "more", ""]);
    let host = played(&program(PATCH), host);
    assert_eq!(host.released[1], Some(1));
    assert_eq!(reasons(&host), [Reason::ContentEncoding]);
}

#[test]
fn a_failure_of_dropped_events_has_their_place() {
    let config = r#"{"response": {"dropEvents": ["document.a == 1"]}}"#;
    let headers = [
        (":status", "200"),
        ("content-type", "text/event-stream"),
        ("content-encoding", "gzip"),
    ];
    let host = played(&program(config), answer(&headers, &["encoded", ""]));
    assert_eq!(reasons(&host), [Reason::ContentEncoding]);
    assert_eq!(host.failures[0].path, "response.dropEvents");
}

/// Envoy 1.36 would send its body on without its headers, should another attempt take its place.
#[test]
fn a_failure_that_another_attempt_may_replace_is_not_held_where_the_host_would_lose_it() {
    let body = r#"{"model":"a"}"#;
    for (chain, loses, status, held) in [
        (Chain::Upstream, true, "503", false),
        (Chain::Upstream, true, "429", false),
        (Chain::Upstream, true, "302", false),
        (Chain::Upstream, true, "200", true),
        (Chain::Upstream, false, "503", true),
        (Chain::Downstream, true, "503", true),
    ] {
        let headers = [(":status", status), ("content-type", "application/json")];
        let mut host = Host::new(
            Message::new(&[(":method", "GET")], [""; 0]),
            Message::new(&headers, [body]),
        );
        host.chain = chain;
        host.loses_replaced = loses;
        let host = played(&program(PATCH), host);
        let edited = host.response.body() != body.as_bytes();
        assert_eq!(edited, held, "{status} {chain:?}");
        let expected: &[Reason] = if held { &[] } else { &[Reason::Limit] };
        assert_eq!(reasons(&host), expected, "{status} {chain:?}");
    }
}

/// HTTP/1 ends a body so. What was kept for its line to end goes on then.
#[test]
fn a_stream_that_ends_with_an_empty_piece_loses_nothing() {
    let config = r#"{"response": {"patch": [{"replace": "/model", "value": "b"}]}}"#;
    let headers = [(":status", "200"), ("content-type", "text/event-stream")];
    for trailers in [false, true] {
        let pieces = ["data: {\"model\":\"a\"}\n\n", "data: {\"model\"", ""];
        let mut host = answer(&headers, &pieces);
        host.response.trailers = trailers;
        let host = played(&program(config), host);
        let body = "data: {\"model\":\"b\"}\n\ndata: {\"model\"";
        assert_eq!(host.response.body(), body.as_bytes(), "{trailers}");
    }
}

/// What was edited stays as it is, and what is new behind it is edited.
#[test]
fn a_stream_that_is_shown_again_with_more_is_edited_once() {
    let config = r#"{"response": {"patch": [{"replace": "/model", "value": "fast"}]}}"#;
    let headers = [(":status", "200"), ("content-type", "text/event-stream")];
    let mut host = answer(&headers, &[]);
    let mut session = Session::new(program(config));
    session.on_headers(&mut host, Direction::Request, true);
    session.on_headers(&mut host, Direction::Response, false);
    let piece = b"data: {\"model\":\"a\"}\n\n";
    host.append_body(Direction::Response, piece);
    for count in 1..4 {
        session.on_body(&mut host, Direction::Response, false);
        let body = host.body_chunks(Direction::Response).concat();
        let edited = "data: {\"model\":\"fast\"}\n\n".repeat(count);
        assert_eq!(String::from_utf8(body).unwrap(), edited);
        host.show_with_more(Direction::Response, piece);
    }
}

/// However a stream is cut, the answer in its place names what failed first.
#[test]
fn a_stream_is_refused_for_what_failed_first() {
    let config = r#"{"request": {"onFailure": "reject", "patch": [
        {"set": "/a/0/m", "json": 1}, {"replace": "/model", "cel": "string(value) + '!'"}]}}"#;
    let (render, misfit) = ("{\"a\":[{}],\"model\":{}}\n", "{\"model\":\"a\"}\n");
    let headers = [("content-type", "application/jsonl")];
    for (first, second) in [(render, misfit), (misfit, render)] {
        let codes = [
            vec![first.to_owned() + second],
            vec![first.to_owned(), second.to_owned()],
        ]
        .map(|pieces| {
            let host = Host::new(Message::new(&headers, pieces), Message::default());
            let host = played(&program(config), host);
            host.reply.unwrap().1.body
        });
        assert_eq!(codes[0], codes[1]);
    }
}
