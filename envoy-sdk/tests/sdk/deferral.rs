//! Actions wait for the hook to end, keep their order, and stop when the stream is over.

use std::cell::Cell;
use std::rc::Rc;

use envoy_fake_host::Generation;
use envoy_proxy_dynamic_modules_rust_sdk::HttpHeaderType::{RequestHeader, ResponseHeader};
use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, EnvoyClient, EnvoyHttpFilter, EnvoyRequest, EventFlow, HttpBody,
    HttpCalloutInitError, HttpCalloutResult, LocalReply, LocalReplyStatus, LogLevel,
    RequestBodyStatus, RequestFlow, RequestHeadersStatus, RequestTrailersStatus, Reset,
    ResponseBodyStatus, ResponseFlow, ResponseHeadersStatus, ResponseTrailersStatus,
    StreamResetReason, StreamedReply,
};

use crate::script::{EndHook, Play, Script, hook, play, request_hook, response_hook};

#[test]
fn a_response_waits_for_the_hook() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                response_headers: response_hook(|_, _| {
                    let reply = LocalReply::new(502)
                        .header("x-a", b"1")
                        .header("bad name", b"1")
                        .header(":path", b"/");
                    ResponseFlow::reply(reply.body(b"body").details("why"))
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

/// Envoy's own status for it would be 0, a success.
#[test]
fn a_reply_to_grpc_is_no_success() {
    let of_type = |content_type: &str, status: u16, own: Option<&'static [u8]>| {
        Generation::ALL.map(|generation| {
            let script = Script {
                request_headers: request_hook(move |_, _| {
                    let reply = LocalReply::new(status);
                    RequestFlow::reply(match own {
                        Some(own) => reply.header("grpc-status", own),
                        None => reply,
                    })
                }),
                ..Script::default()
            };
            let play = play(generation, script);
            let headers = [(":path", "/"), ("content-type", content_type)];
            play.stream.request_headers(&headers, false);
            let reply = play.stream.local_replies()[0].headers.clone();
            reply.value("grpc-status").map(str::to_owned)
        })
    };
    for (content_type, status, own, expected) in [
        ("application/grpc", 400, None, Some("13")),
        ("application/grpc+proto", 403, None, Some("7")),
        ("application/grpc", 200, None, None),
        ("application/grpc", 400, Some(&b"3"[..]), Some("3")),
        ("application/json", 400, None, None),
    ] {
        for found in of_type(content_type, status, own) {
            assert_eq!(found.as_deref(), expected, "{content_type}, {status}");
        }
    }
}

#[test]
fn a_refused_request_goes_nowhere() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    assert!(envoy.set_header(RequestHeader, "x-a", b"1"));
                    RequestFlow::reply(LocalReply::new(403).body(b"no").details("denied"))
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
                request_headers: request_hook(|envoy, _| {
                    envoy.new_scheduler().commit(9);
                    RequestHeadersStatus::StopAllIterationAndBuffer
                }),
                scheduled: Some(Box::new(|envoy, event| {
                    assert_eq!(event, 9);
                    let held = envoy.held_request().expect("held");
                    assert!(envoy.held_response().is_none());
                    assert!(envoy.set_header(RequestHeader, "x-late", b"in time"));
                    EventFlow::ContinueRequest(held)
                })),
                request_body: request_hook(|_, _| RequestFlow::reply(LocalReply::new(403))),
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

/// Answers with the first of two parts, and schedules an event.
fn answered_in_parts() -> EndHook<EnvoyRequest, RequestFlow<RequestHeadersStatus>> {
    request_hook(|envoy, _| {
        envoy.new_scheduler().commit(1);
        RequestFlow::stream(StreamedReply::new(207).data(b"one "))
    })
}

/// Each part of a streamed response runs response hooks in some releases; the parts stay in order.
#[test]
fn a_streamed_response_stays_in_order() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: answered_in_parts(),
                scheduled: Some(Box::new(|envoy, _| {
                    assert!(envoy.held_request().is_none(), "it is answered");
                    let mut reply = envoy.reply_stream().expect("begun");
                    reply.send(b"two");
                    reply.end_with_trailers(&[("x-t", b"1"), ("bad\n", b"1")]);
                    assert!(envoy.reply_stream().is_none(), "ended");
                    EventFlow::Wait
                })),
                response_headers: response_hook(|envoy, _| {
                    envoy.set_header(ResponseHeader, "x-own", b"1");
                    ResponseHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        assert_eq!(play.stream.run_scheduled(), 1);
        let message = play.stream.downstream();
        assert_eq!(message.header(":status"), Some("207"), "{generation:?}");
        assert_eq!(message.chunks, [&b"one "[..], b"two"], "{generation:?}");
        assert_eq!(message.trailers.unwrap().len(), 1);
        // Up to 1.38 Envoy runs the filter's own response hooks for it.
        assert_eq!(message.headers.unwrap().value("x-own"), None);
        assert!(!play.script.trace.borrow().contains(&"response_headers"));
    }
}

#[test]
fn a_streamed_response_ends_with_its_last_part() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: answered_in_parts(),
                scheduled: Some(Box::new(|envoy, _| {
                    envoy.reply_stream().expect("begun").end(b"two");
                    assert!(envoy.reply_stream().is_none(), "ended");
                    EventFlow::Wait
                })),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        assert!(!play.stream.downstream().ended, "{generation:?}");
        assert_eq!(play.stream.run_scheduled(), 1);
        let message = play.stream.downstream();
        assert_eq!(message.chunks, [&b"one "[..], b"two"], "{generation:?}");
        assert!(message.ended && message.trailers.is_none());
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
                request_headers: request_hook(move |envoy, _| {
                    let id = envoy.send_http_callout("c", &[(":path", b"/")], b"", 5);
                    assert!(id.is_ok());
                    assert_eq!(outer.replace(2), 1, "the nested hook ran first");
                    assert!(envoy.set_header(RequestHeader, "x-a", b"1"), "still alive");
                    RequestHeadersStatus::StopIteration
                }),
                callout_done: Some(Box::new(move |_, _, _, _| {
                    assert_eq!(inner.replace(1), 0);
                    EventFlow::reply(LocalReply::new(503).details("callout"))
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

/// Envoy may be giving up a connection then, and a request to the same cluster is its end.
#[test]
fn no_callout_is_made_within_the_end_of_another() {
    for generation in Generation::ALL {
        let refused = Rc::new(Cell::new(0));
        let (in_callout, in_body) = (Rc::clone(&refused), Rc::clone(&refused));
        let call = |envoy: &mut EnvoyClient, refused: &Cell<u32>| {
            let result = envoy.send_http_callout("c", &[], b"", 5);
            assert_eq!(result, Err(HttpCalloutInitError::InCalloutDone));
            refused.set(refused.get() + 1);
        };
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    envoy.send_http_callout("c", &[], b"", 5).expect("made");
                    RequestHeadersStatus::StopAllIterationAndBuffer
                }),
                callout_done: Some(Box::new(move |envoy, _, _, _| {
                    call(envoy, &in_callout);
                    EventFlow::ContinueRequest(envoy.held_request().expect("held"))
                })),
                // Runs inside the resumption.
                request_body: request_hook(move |envoy, _| {
                    call(envoy, &in_body);
                    envoy.new_scheduler().commit(1);
                    RequestBodyStatus::StopIterationAndBuffer
                }),
                scheduled: Some(Box::new(|envoy, _| {
                    envoy.send_http_callout("c", &[], b"", 5).expect("made");
                    EventFlow::Wait
                })),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], false);
        play.stream.request_body(b"body", true);
        let id = play.stream.callouts()[0].id;
        play.stream
            .finish_callout(id, HttpCalloutResult::Success, &[], &[]);
        assert_eq!(refused.get(), 2, "{generation:?}");
        assert_eq!(play.stream.run_scheduled(), 1);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
    }
}

#[test]
fn a_reset_falls_back_to_a_response() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                response_headers: response_hook(|_, _| {
                    let reason = StreamResetReason::LocalRefusedStreamReset;
                    ResponseFlow::reset(Reset::new(reason, "why"))
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

/// The local-reply hook runs inside the answer, which goes on.
#[test]
fn the_local_reply_hook_runs_inside_the_answer() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|_, _| RequestFlow::reply(LocalReply::new(403))),
                local_reply: hook(|envoy: &mut EnvoyHttpFilter| {
                    assert!(envoy.as_request().is_none() && envoy.as_event().is_none());
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
            request_headers: request_hook(|_, _| RequestFlow::reply(LocalReply::new(403))),
            local_reply: hook(|_| LocalReplyStatus::ContinueAndResetStream),
            ..Script::default()
        },
    );
    play.stream.request_headers(&[], true);
    assert!(play.stream.reset().is_some());
}

/// Envoy may be about to go on with the response.
#[test]
fn the_local_reply_hook_does_not_reset_a_response() {
    let play = play(
        Generation::V1_38,
        Script {
            response_headers: response_hook(|_, _| ResponseFlow::reply(LocalReply::new(502))),
            local_reply: hook(|_| LocalReplyStatus::ContinueAndResetStream),
            ..Script::default()
        },
    );
    play.stream.response_headers(&[(":status", "200")], false);
    assert!(play.script.trace.borrow().contains(&"local_reply"));
    assert_eq!(play.stream.reset(), None);
    assert_eq!(play.stream.local_replies()[0].status, 502);
}

/// Whatever hook answers or resets, its message goes no further: a filter behind would see a stream
/// that is gone.
#[test]
fn a_message_stops_where_its_stream_ends() {
    let reply = || LocalReply::new(502);
    let reset = || Reset::new(StreamResetReason::LocalReset, "why");
    for generation in Generation::ALL {
        for resets in [false, true] {
            let request = move |play: Play| {
                play.stream.request_headers(&[], false);
                play.stream.request_body(b"body", false);
                play.stream.request_trailers(&[("x-t", "1")]);
                play
            };
            let response = move |play: Play| {
                play.stream.request_headers(&[], true);
                play.stream.response_headers(&[(":status", "200")], false);
                play.stream.response_body(b"body", false);
                play.stream.response_trailers(&[("x-t", "1")]);
                play
            };
            let headers = request(play(
                generation,
                Script {
                    request_headers: request_hook(move |_, _| match resets {
                        false => RequestFlow::reply(reply()),
                        true => RequestFlow::reset(reset()),
                    }),
                    ..Script::default()
                },
            ));
            assert_eq!(headers.stream.upstream().headers, None, "{generation:?}");
            let body = request(play(
                generation,
                Script {
                    request_body: request_hook(move |_, _| match resets {
                        false => RequestFlow::<RequestBodyStatus>::reply(reply()),
                        true => RequestFlow::reset(reset()),
                    }),
                    ..Script::default()
                },
            ));
            assert_eq!(body.stream.upstream().body(), b"", "{generation:?}");
            let trailers = request(play(
                generation,
                Script {
                    request_trailers: Some(Box::new(move |_, _| match resets {
                        false => RequestFlow::<RequestTrailersStatus>::reply(reply()),
                        true => RequestFlow::reset(reset()),
                    })),
                    ..Script::default()
                },
            ));
            assert_eq!(trailers.stream.upstream().trailers, None, "{generation:?}");
            let body = response(play(
                generation,
                Script {
                    response_body: response_hook(move |_, _| match resets {
                        false => ResponseFlow::<ResponseBodyStatus>::reply(reply()),
                        true => ResponseFlow::reset(reset()),
                    }),
                    ..Script::default()
                },
            ));
            assert!(!body.stream.downstream().body().starts_with(b"body"));
            let trailers = response(play(
                generation,
                Script {
                    response_trailers: Some(Box::new(move |_, _| match resets {
                        false => ResponseFlow::<ResponseTrailersStatus>::reply(reply()),
                        true => ResponseFlow::reset(reset()),
                    })),
                    ..Script::default()
                },
            ));
            assert_eq!(
                trailers.stream.downstream().trailers,
                None,
                "{generation:?}"
            );
        }
    }
}

/// A second answer would crash Envoy: the stream is reset instead.
#[test]
fn an_answer_that_begins_too_late_resets_the_stream() {
    for generation in Generation::ALL {
        let late = |begin: bool| Script {
            request_headers: request_hook(move |envoy, _| {
                envoy.new_scheduler().commit(1);
                match begin {
                    true => RequestFlow::stream(StreamedReply::new(200)),
                    false => RequestHeadersStatus::Continue.into(),
                }
            }),
            scheduled: Some(Box::new(|_, _| EventFlow::stream(StreamedReply::new(200)))),
            ..Script::default()
        };
        for begin in [false, true] {
            let play = play(generation, late(begin));
            play.stream.request_headers(&[], true);
            assert_eq!(play.stream.run_scheduled(), 1);
            let begun = usize::from(begin);
            assert_eq!(
                play.stream.calls("http_send_response_headers"),
                begun,
                "{generation:?}"
            );
            let ended = play.stream.reset().is_some() || !play.stream.local_replies().is_empty();
            assert!(ended, "{generation:?}");
            assert!(
                play.host
                    .logged(LogLevel::Error, "an answer was begun when")
            );
        }
    }
}

/// What is not held cannot be resumed, and what was resumed is not held.
#[test]
fn only_what_is_held_goes_on() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    let scheduler = envoy.new_scheduler();
                    scheduler.commit(1);
                    scheduler.commit(2);
                    RequestHeadersStatus::StopIteration
                }),
                scheduled: Some(Box::new(|envoy, event| {
                    assert!(envoy.held_response().is_none());
                    match (event, envoy.held_request()) {
                        (1, Some(held)) => EventFlow::ContinueRequest(held),
                        (2, None) => EventFlow::Wait,
                        unexpected => panic!("{unexpected:?}"),
                    }
                })),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        assert_eq!(play.stream.run_scheduled(), 2);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        assert_eq!(play.stream.continued(), [HttpBody::Request]);
    }
}

/// Once the headers have gone on, the route's log and configuration would change and the request
/// would not.
#[test]
fn the_route_is_chosen_again_only_while_the_headers_are_held() {
    for generation in Generation::ALL {
        for held in [false, true] {
            let play = play(
                generation,
                Script {
                    request_headers: request_hook(move |_, _| match held {
                        true => RequestHeadersStatus::StopIteration,
                        false => RequestHeadersStatus::Continue,
                    }),
                    request_body: request_hook(move |envoy, _| {
                        assert_eq!(envoy.clear_route_cache(), held);
                        RequestBodyStatus::Continue
                    }),
                    ..Script::default()
                },
            );
            play.stream.request_headers(&[], false);
            play.stream.request_body(b"x", true);
            assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
            assert_eq!(play.stream.route_cache_cleared(), usize::from(held));
        }
    }
}

/// Envoy reports a bug of its own once response headers have left, though the request is still held.
#[test]
fn the_route_is_not_chosen_again_once_there_is_an_answer() {
    for generation in Generation::ALL {
        for begun in [false, true] {
            let play = play(
                generation,
                Script {
                    request_headers: request_hook(move |envoy, _| {
                        envoy.new_scheduler().commit(1);
                        match begun {
                            true => RequestFlow::stream(StreamedReply::new(200)),
                            false => RequestHeadersStatus::StopIteration.into(),
                        }
                    }),
                    scheduled: Some(Box::new(|envoy, _| {
                        assert!(!envoy.clear_route_cache());
                        EventFlow::Wait
                    })),
                    ..Script::default()
                },
            );
            play.stream.request_headers(&[], false);
            if !begun {
                play.stream.response_headers(&[(":status", "413")], false);
            }
            assert_eq!(play.stream.run_scheduled(), 1);
            assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
            assert_eq!(play.stream.route_cache_cleared(), 0);
        }
    }
}

/// Up to 1.38 Envoy dies when a filter in a cluster's chain asks it to choose the route again.
#[test]
fn the_route_is_not_chosen_again_in_a_clusters_chain() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    let survives = generation >= Generation::V1_39;
                    assert_eq!(envoy.clear_route_cache(), survives);
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream
            .set_attribute_string(AttributeId::UpstreamAddress, "127.0.0.1:80");
        play.stream.request_headers(&[], true);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
    }
}

/// An answer without a final status crashes Envoy.
#[test]
fn an_answer_has_a_final_status() {
    for generation in Generation::ALL {
        for status in [0, 100, 199, 600, u16::MAX] {
            let whole = play(
                generation,
                Script {
                    request_headers: request_hook(move |_, _| {
                        RequestFlow::reply(LocalReply::new(status))
                    }),
                    ..Script::default()
                },
            );
            whole.stream.request_headers(&[], true);
            assert_eq!(whole.stream.local_replies()[0].status, 500);
            let streamed = play(
                generation,
                Script {
                    request_headers: request_hook(move |_, _| {
                        let reply = StreamedReply::new(status).header(":status", b"200");
                        RequestFlow::stream(reply)
                    }),
                    ..Script::default()
                },
            );
            streamed.stream.request_headers(&[], true);
            let answer = streamed.stream.downstream();
            assert_eq!(answer.header(":status"), Some("500"), "{generation:?}");
        }
    }
}
