//! Actions wait for the hook to end, keep their order, and stop when the stream is over.

use std::cell::Cell;
use std::rc::Rc;

use envoy_fake_host::Generation;
use envoy_proxy_dynamic_modules_rust_sdk::HttpHeaderType::{RequestHeader, ResponseHeader};
use envoy_proxy_dynamic_modules_rust_sdk::{
    HttpBody, LocalReplyStatus, RequestBodyStatus, RequestHeadersStatus, ResponseHeadersStatus,
    StreamResetReason,
};

use crate::script::{Script, end_hook, hook, play};

#[test]
fn a_response_waits_for_the_hook() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                response_headers: end_hook(|envoy, _| {
                    envoy.send_response(502, &[("x-a", b"1"), ("bad name", b"1")], b"body", "why");
                    // Up to 1.39 the filter would be destroyed by now.
                    assert!(envoy.header(ResponseHeader, ":status").is_some());
                    envoy.clear_route_cache();
                    envoy.continue_encoding();
                    envoy.send_response(503, &[], b"", "too late");
                    ResponseHeadersStatus::StopIteration
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        play.stream.response_headers(&[(":status", "200")], false);
        let replies = play.stream.local_replies();
        assert_eq!(replies.len(), 1, "{generation:?}: {replies:?}");
        let reply = &replies[0];
        assert_eq!((reply.status, &*reply.body), (502, &b"body"[..]));
        assert_eq!(reply.headers.len(), 1);
        let details = if generation.is_1_36() {
            "dynamic_module"
        } else {
            "why"
        };
        assert_eq!(reply.details, details);
        assert_eq!(play.stream.downstream().header(":status"), Some("502"));
        assert!(play.stream.continued().is_empty());
        assert_eq!(play.stream.is_destroyed(), generation < Generation::V1_40);
        assert!(play.script.panics.borrow().is_empty());
    }
}

#[test]
fn a_refused_request_goes_nowhere() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: end_hook(|envoy, _| {
                    envoy.send_response(403, &[], b"no", "denied");
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], false);
        play.stream.request_body(b"body", true);
        assert_eq!(play.stream.upstream().headers, None, "{generation:?}");
        assert_eq!(play.stream.downstream().body(), b"no");
        assert!(!play.script.trace.borrow().contains(&"request_body"));
    }
}

/// A body hook that runs inside `continue_decoding` may refuse too, and at once.
#[test]
fn a_nested_hook_refuses_at_once() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: end_hook(|envoy, _| {
                    envoy.new_scheduler().commit(9);
                    RequestHeadersStatus::StopAllIterationAndBuffer
                }),
                scheduled: Some(Box::new(|envoy, event| {
                    assert_eq!(event, 9);
                    envoy.continue_decoding();
                    assert!(envoy.set_header(RequestHeader, "x-late", b"in time"));
                    envoy.continue_decoding();
                })),
                request_body: end_hook(|envoy, _| {
                    envoy.send_response(403, &[], b"", "nested");
                    RequestBodyStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], false);
        play.stream.request_body(b"secret", true);
        play.stream.run_scheduled();
        let upstream = play.stream.upstream();
        assert_eq!(upstream.header("x-late"), Some("in time"), "{generation:?}");
        assert_eq!(upstream.body(), b"", "{generation:?}");
        assert_eq!(play.stream.local_replies().len(), 1);
        assert_eq!(play.stream.continued(), [HttpBody::Request]);
        assert!(play.script.panics.borrow().is_empty());
    }
}

/// Each part of a streamed response runs response hooks in some releases; the parts stay in order.
#[test]
fn a_streamed_response_stays_in_order() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: end_hook(|envoy, _| {
                    envoy.send_response_headers(&[(":status", b"207")], false);
                    envoy.send_response_data(b"one ", false);
                    envoy.send_response_data(b"two", false);
                    envoy.send_response_trailers(&[("x-t", b"1"), ("bad\n", b"1")]);
                    RequestHeadersStatus::StopIteration
                }),
                response_headers: end_hook(|envoy, _| {
                    envoy.set_header(ResponseHeader, "x-own", b"1");
                    ResponseHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        let message = play.stream.downstream();
        assert_eq!(message.header(":status"), Some("207"), "{generation:?}");
        assert_eq!(message.chunks, [&b"one "[..], b"two"], "{generation:?}");
        assert_eq!(message.trailers.unwrap().len(), 1);
        let filtered = message.headers.unwrap().value("x-own").is_some();
        assert_eq!(filtered, generation < Generation::V1_39);
    }
}

/// Actions of a hook that runs inside a hook wait for the outer one.
#[test]
fn a_failed_callout_nests() {
    for generation in Generation::ALL {
        let order = Rc::new(Cell::new(0));
        let (inner, outer) = (Rc::clone(&order), Rc::clone(&order));
        let play = play(
            generation,
            Script {
                request_headers: end_hook(move |envoy, _| {
                    let id = envoy.send_http_callout("c", &[(":path", b"/")], b"", 5);
                    assert!(id.is_ok());
                    assert_eq!(outer.replace(2), 1, "the nested hook ran first");
                    assert!(envoy.set_header(RequestHeader, "x-a", b"1"), "still alive");
                    RequestHeadersStatus::StopIteration
                }),
                callout_done: Some(Box::new(move |envoy, _, _, _| {
                    assert_eq!(inner.replace(1), 0);
                    envoy.send_response(503, &[], b"", "callout");
                })),
                ..Script::default()
            },
        );
        play.stream.fail_callouts_at_once();
        play.stream.request_headers(&[], true);
        assert_eq!(order.get(), 2, "{generation:?}");
        assert_eq!(play.stream.local_replies()[0].status, 503);
        assert!(play.script.panics.borrow().is_empty());
    }
}

#[test]
fn a_reset_falls_back_to_a_response() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                response_headers: end_hook(|envoy, _| {
                    envoy.reset_stream(StreamResetReason::LocalRefusedStreamReset, "why");
                    envoy.send_response(500, &[], b"", "dropped");
                    ResponseHeadersStatus::StopIteration
                }),
                ..Script::default()
            },
        );
        play.stream.response_headers(&[], false);
        if generation >= Generation::V1_38 {
            assert_eq!(play.stream.reset(), Some((1, "why".to_owned())));
            assert!(play.stream.local_replies().is_empty());
        } else {
            assert_eq!(play.stream.local_replies()[0].status, 500);
        }
        assert!(play.stream.is_destroyed() || generation >= Generation::V1_40);
    }
}

/// The local-reply hook runs inside `send_response`; what it sends is dropped.
#[test]
fn the_local_reply_hook_cannot_answer_its_own_answer() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: end_hook(|envoy, _| {
                    envoy.send_response(403, &[], b"", "first");
                    RequestHeadersStatus::StopIteration
                }),
                local_reply: hook(|envoy| {
                    envoy.send_response(500, &[], b"", "second");
                    envoy.continue_decoding();
                    LocalReplyStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        let statuses: Vec<_> = play
            .stream
            .local_replies()
            .iter()
            .map(|reply| reply.status)
            .collect();
        assert_eq!(statuses, [403], "{generation:?}");
        let called = play.script.trace.borrow().contains(&"local_reply");
        assert_eq!(called, generation >= Generation::V1_38);
        assert!(play.stream.continued().is_empty());
    }
}

#[test]
fn the_local_reply_hook_may_reset() {
    let play = play(
        Generation::V1_38,
        Script {
            request_headers: end_hook(|envoy, _| {
                envoy.send_response(403, &[], b"", "");
                RequestHeadersStatus::StopIteration
            }),
            local_reply: hook(|_| LocalReplyStatus::ContinueAndResetStream),
            ..Script::default()
        },
    );
    play.stream.request_headers(&[], true);
    assert!(play.stream.reset().is_some());
}

#[test]
fn the_last_hook_sends_nothing() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                stream_complete: hook(|envoy| {
                    envoy.send_response(500, &[], b"", "");
                    envoy.send_response_data(b"x", true);
                    envoy.continue_encoding();
                    envoy.reset_stream(StreamResetReason::LocalReset, "");
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        play.stream.complete();
        assert!(
            play.stream.all_calls().is_empty(),
            "{:?}",
            play.stream.all_calls()
        );
    }
}
