//! What a request asks of the host: each call is one through Envoy's table.

use std::collections::BTreeMap;

use envoy_fake_host::{FakeStream, Generation};

use super::{BODY, EXTRACT, HEADERS, configured, host};

/// The calls for one request in HTTP/1, where the end comes by itself.
fn calls(config: &str, pieces: &[&[u8]]) -> BTreeMap<&'static str, usize> {
    // As it mostly is: without a header that somebody forged.
    let headers: Vec<_> = HEADERS
        .into_iter()
        .filter(|(name, _)| *name != "x-model")
        .collect();
    let stream: FakeStream = configured(&host(Generation::V1_40), config).stream();
    stream.request_headers(&headers, false);
    for piece in pieces {
        stream.request_body(piece, false);
    }
    stream.request_body(b"", true);
    stream.response_headers(&[(":status", "200")], false);
    stream.response_body(b"x", false);
    stream.response_body(b"", true);
    assert_eq!(stream.upstream().body(), pieces.concat());
    assert_eq!(stream.downstream().body(), b"x");
    stream.all_calls()
}

/// A route's configuration is asked for with each message's headers.
const ROUTES: (&str, usize) = ("get_most_specific_route_config", 2);

/// And once more when the route was chosen again.
const ROUTES_AGAIN: (&str, usize) = ("get_most_specific_route_config", 3);

/// Whether there is an upstream: whose chain the filter stands in.
const CHAIN: (&str, usize) = ("http_filter_get_attribute_string", 1);

/// How much may be held before any filter changes it. What Envoy holds to its end asks no more.
const LIMIT: (&str, usize) = ("http_get_buffer_limit", 1);

#[test]
fn an_empty_configuration_asks_only_for_the_routes() {
    assert_eq!(calls("{}", &[BODY]), BTreeMap::from([ROUTES, LIMIT]));
}

#[test]
fn a_constant_header_is_one_more_call() {
    let config = r#"{"request":{"set":[{"name":"x-model","value":"a"}]}}"#;
    let expected = BTreeMap::from([ROUTES, CHAIN, LIMIT, ("http_set_header", 1)]);
    assert_eq!(calls(config, &[BODY]), expected);
}

#[test]
fn an_extraction_asks_for_little() {
    let expected = BTreeMap::from([
        ROUTES_AGAIN,
        CHAIN,
        LIMIT,
        // The forged header, upgrade and :method, content-type and content-encoding.
        ("http_get_header", 5),
        // Of the two buffers, one has something.
        ("http_get_body_chunks_size", 2),
        ("http_get_body_chunks", 1),
        ("http_set_header", 1),
        ("http_clear_route_cache", 1),
    ]);
    assert_eq!(calls(EXTRACT, &[BODY]), expected);
}

#[test]
fn a_kgateway_policy_asks_for_less() {
    let config = r#"{"request":{"body":{"parseAs":"AsJson"},"set":[{"name":"x-model","value":"{{ model }}"}]}}"#;
    let expected = BTreeMap::from([
        ROUTES,
        CHAIN,
        LIMIT,
        // Upgrade, :method and content-encoding.
        ("http_get_header", 3),
        ("http_get_body_chunks_size", 2),
        ("http_get_body_chunks", 1),
        ("http_set_header", 1),
    ]);
    assert_eq!(calls(config, &[BODY]), expected);
}

/// Pieces are read as they arrive: what is held is not asked for again but for its size.
#[test]
fn a_body_in_pieces_is_fetched_once() {
    let (first, rest) = BODY.split_at(8);
    let (second, third) = rest.split_at(8);
    let calls = calls(EXTRACT, &[first, second, third]);
    // The first two together, the third, and the empty end.
    assert_eq!(calls.get("http_get_body_chunks"), Some(&3));
    assert_eq!(calls.get("http_get_body_chunks_size"), Some(&4));
}

const STREAMED: &str =
    r#"{"request":{"bodyMode":"streamed","extract":[{"header":"x-model","duplicates":"first"}]}}"#;

/// All that the headers announce has arrived: it waits for its end, unread, and goes on as it is.
#[test]
fn a_streamed_body_in_one_piece_is_not_taken_out() {
    let expected = BTreeMap::from([
        ROUTES_AGAIN,
        CHAIN,
        ("http_get_buffer_limit", 2),
        // content-length too.
        ("http_get_header", 6),
        ("http_get_body_chunks_size", 2),
        ("http_get_body_size", 2),
        ("http_get_body_chunks", 1),
        ("http_set_header", 1),
        ("http_clear_route_cache", 1),
    ]);
    assert_eq!(calls(STREAMED, &[BODY]), expected);
}

/// Once its fields are settled and none may stand twice, what is left of a streamed body passes without a call. What
/// has come is taken out, and goes on with the next piece.
#[test]
fn a_streamed_body_passes_unasked() {
    let expected = BTreeMap::from([
        ROUTES_AGAIN,
        CHAIN,
        ("http_get_buffer_limit", 2),
        // content-length and, of what goes on in two steps, content-type too.
        ("http_get_header", 7),
        ("http_get_headers_size", 1),
        ("http_get_body_chunks_size", 5),
        ("http_get_body_size", 7),
        ("http_get_body_chunks", 3),
        ("http_drain_body", 2),
        ("http_append_body", 1),
        ("http_set_header", 1),
        ("http_clear_route_cache", 1),
    ]);
    let body: &[u8] = br#"{"model":"gpt-4o","messages":["#;
    assert_eq!(calls(STREAMED, &[body, b"1,", b"2]", b"}"]), expected);
}
