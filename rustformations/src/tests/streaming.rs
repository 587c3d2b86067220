//! Requests that go on before their body has arrived.

use envoy_fake_host::{FakeStream, Generation};

use super::{BODY, HEADERS, ROUTED, configured, host, model};

const STREAMED: &str = r#"{"request":{"bodyMode":"streamed","extract":[{"header":"x-model"}]}}"#;
const COUNTER: &str = "rustformations_failures_total";

fn begun(generation: Generation, config: &str) -> FakeStream {
    let stream = configured(&host(generation), config).stream();
    stream.request_headers(&HEADERS, false);
    stream
}

fn released(stream: &FakeStream) -> bool {
    stream.upstream().headers.is_some()
}

#[test]
fn the_request_goes_on_with_its_field() {
    for generation in Generation::ALL {
        for (first, rest) in (0..=BODY.len()).map(|cut| BODY.split_at(cut)) {
            for http2 in [false, true] {
                let stream = begun(generation, STREAMED);
                stream.request_body(first, false);
                // All of it waits for its end, which comes next.
                let found = first.ends_with(br#""gpt-4o""#);
                assert_eq!(released(&stream), found, "{generation:?}");
                stream.request_body(rest, http2);
                if !http2 {
                    stream.request_body(b"", true);
                }
                assert_eq!(model(&stream).as_deref(), Some("gpt-4o"));
                assert_eq!(stream.upstream().body(), BODY);
                assert!(stream.upstream().ended);
                assert_eq!(stream.route_cache_cleared(), ROUTED);
            }
        }
    }
}

#[test]
fn trailers_end_what_has_gone_on() {
    for generation in Generation::ALL {
        let stream = begun(generation, STREAMED);
        stream.request_body(br#"{"model":"a","x":"#, false);
        stream.request_body(b"1}", false);
        stream.request_trailers(&[("x-after", "1")]);
        assert_eq!(stream.upstream().body(), br#"{"model":"a","x":1}"#);
        assert!(stream.upstream().ended);

        // Cut off, at the latest when the trailers come.
        let stream = begun(generation, STREAMED);
        stream.request_body(br#"{"model":"a","x":1"#, false);
        assert!(released(&stream));
        stream.request_trailers(&[("x-after", "1")]);
        assert!(!stream.upstream().ended);
    }
}

#[test]
fn a_second_value_cuts_off_what_has_gone_on() {
    let rests: [(&[u8], &str); 4] = [
        (br#","model":"b"}"#, "duplicate_key"),
        (br#","Model":"a"}"#, "duplicate_key"),
        // A parser that takes this may take a second model after it.
        (br#","x":NaN,"model":"b"}"#, "json_invalid"),
        (b"}}", "json_invalid"),
    ];
    for generation in Generation::ALL {
        for (rest, reason) in rests {
            for cut in 0..=rest.len() {
                let host = host(generation);
                let config = configured(&host, STREAMED);
                let stream = config.stream();
                stream.request_headers(&HEADERS, false);
                stream.request_body(br#"{"model":"a""#, false);
                assert_eq!(model(&stream).as_deref(), Some("a"));
                let (first, second) = rest.split_at(cut);
                stream.request_body(first, false);
                stream.request_body(second, true);
                assert!(!stream.upstream().ended, "{generation:?} {reason} {cut}");
                assert_eq!(stream.local_replies()[0].status, 400);
                assert_eq!(config.metric(COUNTER, &[reason]), 1);
            }
        }
    }
}

#[test]
fn after_the_response_has_begun_the_stream_is_reset() {
    for generation in Generation::ALL {
        let stream = begun(generation, STREAMED);
        stream.request_body(br#"{"model":"a""#, false);
        stream.response_headers(&[(":status", "200")], false);
        stream.request_body(br#","model":"b"}"#, true);
        assert!(!stream.upstream().ended);
        let cut = stream.reset().is_some() || !stream.local_replies().is_empty();
        assert!(cut, "{generation:?}");
    }
}

#[test]
fn the_first_is_enough_when_told_so() {
    let config = STREAMED.replace(r#""header""#, r#""duplicates":"first","header""#);
    for generation in Generation::ALL {
        let stream = begun(generation, &config);
        stream.request_body(br#"{"model":"a""#, false);
        stream.request_body(br#","model":"b"} and no JSON"#, true);
        assert_eq!(model(&stream).as_deref(), Some("a"));
        assert!(stream.upstream().ended);
    }
}

#[test]
fn no_more_is_held_than_may_be() {
    let config = STREAMED.replace(r#"{"request""#, r#"{"limits":{"maxHeldBytes":8},"request""#);
    for generation in Generation::ALL {
        let host = host(generation);
        let listener = configured(&host, &config);
        let stream = listener.stream();
        stream.request_headers(&HEADERS, false);
        stream.request_body(b"{\"x\":12", false);
        assert!(!released(&stream));
        stream.request_body(b"3,\"model\":", false);
        assert!(released(&stream));
        stream.request_body(b"\"a\"}", true);
        assert_eq!(model(&stream), None);
        assert_eq!(stream.upstream().body(), br#"{"x":123,"model":"a"}"#);
        assert_eq!(listener.metric(COUNTER, &["limit"]), 1);
    }
}

/// The fake host's limit is Envoy's default; what is larger must not be answered 413.
#[test]
fn a_body_over_the_buffer_limit_goes_on_without_its_field() {
    let piece = vec![b' '; 1 << 18];
    for generation in Generation::ALL {
        let stream = begun(generation, STREAMED);
        for _ in 0..16 {
            stream.request_body(&piece, false);
        }
        stream.request_body(b"{}", true);
        assert!(stream.local_replies().is_empty());
        assert_eq!(stream.upstream().body().len(), 16 * piece.len() + 2);
    }
}

#[test]
fn a_limit_that_is_configured_is_asked_of_envoy() {
    let config =
        r#"{"limits":{"maxHeldBytes":3000000},"request":{"extract":[{"header":"x-model"}]}}"#;
    let mut body = vec![b' '; 2 << 20];
    body.extend(BODY);
    for generation in Generation::ALL {
        let stream = begun(generation, config);
        stream.request_body(&body, false);
        stream.request_body(b"", true);
        stream.run_scheduled();
        assert!(model(&stream).is_some(), "{generation:?}");
        assert_eq!(stream.upstream().body().len(), body.len());
        assert!(stream.upstream().ended, "{generation:?}");
        assert!(stream.local_replies().is_empty(), "{generation:?}");
    }
}

#[test]
fn without_a_body_the_headers_decide() {
    for generation in Generation::ALL {
        let stream = configured(&host(generation), STREAMED).stream();
        stream.request_headers(&HEADERS, true);
        assert_eq!(model(&stream), None);
        assert!(stream.upstream().ended);

        let stream = begun(generation, STREAMED);
        stream.request_body(b"", true);
        assert_eq!(model(&stream), None);
        assert!(stream.upstream().ended);
    }
}
