//! A panic in any hook ends the stream, not the process.

use envoy_fake_host::{FakeStream, Generation};
use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, EnvoyMetrics, EventFlow, LocalReply, LogLevel, RequestFlow,
    RequestHeadersStatus, ResponseHeadersStatus,
};

use crate::script::{Play, Script, hook, play, request_hook, response_hook};

fn boom<T>() -> T {
    panic!("told to panic {}", 1)
}

/// How the stream ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// 500 with the panic's details.
    Answered,
    /// A reset, or 500 where there is none.
    Reset,
    /// As if nothing had happened.
    Passed,
}

fn whole_stream(stream: &FakeStream) {
    stream.request_headers(&[(":path", "/")], false);
    stream.request_body(b"request", false);
    stream.request_trailers(&[("x-t", "1")]);
    stream.run_scheduled();
    let callouts = stream.callouts();
    for callout in callouts {
        let result = envoy_proxy_dynamic_modules_rust_sdk::HttpCalloutResult::Success;
        stream.finish_callout(callout.id, result, &[], &[]);
    }
    stream.above_write_buffer_high_watermark();
    stream.below_write_buffer_low_watermark();
    stream.response_headers(&[(":status", "200")], false);
    stream.response_body(b"response", false);
    stream.response_trailers(&[("x-t", "1")]);
    stream.complete();
}

fn check(play: &Play, name: &str, outcome: Outcome) {
    let context = format!("{:?} {name}", play.host.generation());
    whole_stream(&play.stream);
    assert_eq!(*play.script.panics.borrow(), [name], "{context}");
    assert_eq!(play.config.metric("panics", &[]), 1, "{context}");
    let line = format!("panic in {name}: told to panic 1");
    assert!(play.host.logged(LogLevel::Error, &line), "{context}");
    let trace = play.script.trace.borrow();
    let panicked = trace.iter().rposition(|hook| *hook != "drop").unwrap();
    let drops = trace.iter().filter(|hook| **hook == "drop").count();
    assert_eq!(drops, 1, "{context}: dropped once");
    assert_eq!(
        trace.last(),
        Some(&"drop"),
        "{context}: no hook after the panic"
    );
    assert!(panicked + 2 == trace.len(), "{context}: {trace:?}");

    let replies = play.stream.local_replies();
    let reset = play.stream.reset();
    match outcome {
        Outcome::Answered => assert_eq!(replies[0].status, 500, "{context}"),
        Outcome::Reset if play.host.generation() >= Generation::V1_38 => {
            let expected = Some((0, "dynamic_module_panic".to_owned()));
            assert_eq!(reset, expected, "{context}");
            assert!(replies.is_empty(), "{context}");
        }
        Outcome::Reset => assert_eq!(replies[0].status, 500, "{context}"),
        Outcome::Passed => {
            assert!(replies.is_empty() && reset.is_none(), "{context}");
            assert_eq!(play.stream.upstream().body(), b"request", "{context}");
            assert_eq!(play.stream.downstream().body(), b"response", "{context}");
        }
    }
    if let Some(reply) = replies.first() {
        let details = if play.host.generation().is_1_36() {
            "dynamic_module"
        } else {
            "dynamic_module_panic"
        };
        assert_eq!(reply.details, details, "{context}");
    }
}

#[test]
fn every_hook_may_panic() {
    type Case = (&'static str, Outcome, fn() -> Script);
    let cases: [Case; 11] = [
        ("request_headers", Outcome::Answered, || Script {
            request_headers: Some(Box::new(|_, _| boom())),
            ..Script::default()
        }),
        ("request_body", Outcome::Answered, || Script {
            request_body: Some(Box::new(|_, _| boom())),
            ..Script::default()
        }),
        ("request_trailers", Outcome::Answered, || Script {
            request_trailers: Some(Box::new(|_, _| boom())),
            ..Script::default()
        }),
        ("response_headers", Outcome::Reset, || Script {
            response_headers: Some(Box::new(|_, _| boom())),
            ..Script::default()
        }),
        ("response_body", Outcome::Reset, || Script {
            response_body: Some(Box::new(|_, _| boom())),
            ..Script::default()
        }),
        ("response_trailers", Outcome::Reset, || Script {
            response_trailers: Some(Box::new(|_, _| boom())),
            ..Script::default()
        }),
        ("stream_complete", Outcome::Passed, || Script {
            stream_complete: hook(|_: &mut EnvoyHttpFilter| boom()),
            ..Script::default()
        }),
        ("scheduled", Outcome::Answered, || Script {
            request_headers: request_hook(|envoy, _| {
                envoy.new_scheduler().commit(1);
                RequestHeadersStatus::StopAllIterationAndBuffer
            }),
            scheduled: Some(Box::new(|_, _| boom())),
            ..Script::default()
        }),
        ("http_callout_done", Outcome::Answered, || Script {
            request_headers: request_hook(|envoy, _| {
                envoy.send_http_callout("c", &[], b"", 1).unwrap();
                RequestHeadersStatus::StopAllIterationAndBuffer
            }),
            callout_done: Some(Box::new(|_, _, _, _| boom())),
            ..Script::default()
        }),
        (
            "downstream_above_write_buffer_high_watermark",
            Outcome::Reset,
            || Script {
                watermark: Some(Box::new(|_, above| assert!(!above, "told to panic 1"))),
                ..Script::default()
            },
        ),
        (
            "downstream_below_write_buffer_low_watermark",
            Outcome::Reset,
            || Script {
                watermark: Some(Box::new(|_, above| assert!(above, "told to panic 1"))),
                ..Script::default()
            },
        ),
    ];
    for generation in Generation::ALL {
        for (name, outcome, script) in &cases {
            let play = play(generation, script());
            check(&play, name, *outcome);
        }
    }
}

#[test]
fn the_local_reply_hook_may_panic() {
    let play = play(
        Generation::V1_40,
        Script {
            request_headers: request_hook(|envoy, _| {
                assert!(envoy.as_response().is_none());
                RequestFlow::reply(LocalReply::new(403))
            }),
            local_reply: hook(|_: &mut EnvoyHttpFilter| boom()),
            ..Script::default()
        },
    );
    play.stream.request_headers(&[], true);
    assert_eq!(play.stream.local_replies()[0].status, 403);
    assert_eq!(*play.script.panics.borrow(), ["local_reply"]);
}

/// Envoy may run the watermark hooks while it builds the filter chain, and dies of an answer then.
#[test]
fn a_panic_before_the_stream_is_attached_fails_the_first_hook() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                watermark: Some(Box::new(|_, _| boom())),
                on_panic: hook(|envoy: &mut EnvoyMetrics| assert!(envoy.as_attached().is_none())),
                ..Script::default()
            },
        );
        play.stream.above_write_buffer_high_watermark();
        assert!(play.stream.local_replies().is_empty(), "{generation:?}");
        play.stream.request_headers(&[], true);
        assert_eq!(play.stream.local_replies()[0].status, 500, "{generation:?}");
        assert_eq!(play.stream.upstream().headers, None);
    }
}

/// Envoy runs the watermark hooks while it writes to the connection, and dies of an answer or a reset there.
#[test]
fn a_panic_in_a_watermark_hook_fails_the_next_hook_of_a_message() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                watermark: Some(Box::new(|_, _| boom())),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        play.stream.response_headers(&[(":status", "200")], false);
        play.stream.above_write_buffer_high_watermark();
        play.stream.below_write_buffer_low_watermark();
        assert!(play.stream.local_replies().is_empty(), "{generation:?}");
        assert!(play.stream.reset().is_none(), "{generation:?}");
        play.stream.response_body(b"x", false);
        let failed = !play.stream.local_replies().is_empty() || play.stream.reset().is_some();
        assert!(failed, "{generation:?}");
    }
}

#[test]
fn making_the_filter_may_panic() {
    for generation in Generation::ALL {
        for response_first in [false, true] {
            let play = play(
                generation,
                Script {
                    new: Some(Box::new(|_, ()| boom())),
                    ..Script::default()
                },
            );
            assert_eq!(*play.script.panics.borrow(), ["new"]);
            assert_eq!(
                play.config.metric("panics", &[]),
                1,
                "counted before the stream is attached"
            );
            if response_first {
                play.stream.response_headers(&[(":status", "200")], true);
                assert_ne!(play.stream.downstream().header(":status"), Some("200"));
            } else {
                play.stream.request_headers(&[], false);
                play.stream.request_body(b"body", true);
                assert_eq!(play.stream.local_replies()[0].status, 500, "{generation:?}");
                assert_eq!(play.stream.upstream().headers, None);
            }
            play.stream.complete();
            assert!(play.script.trace.borrow().is_empty());
        }
    }
}

/// What the panicking hook had asked for does not happen.
#[test]
fn a_panic_takes_the_place_of_what_was_asked_for() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    envoy.send_http_callout("c", &[], b"", 1).unwrap();
                    boom::<RequestHeadersStatus>()
                }),
                callout_done: Some(Box::new(|_, _, _, _| {
                    EventFlow::reply(LocalReply::new(200).body(b"all is well"))
                })),
                ..Script::default()
            },
        );
        play.stream.fail_callouts_at_once();
        play.stream.request_headers(&[], true);
        let replies = play.stream.local_replies();
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].status, 500, "{generation:?}");
    }
}

/// A nested hook's panic ends the stream after the outer hook, which keeps its filter until then.
#[test]
fn a_nested_hook_may_panic() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    envoy.send_http_callout("c", &[], b"", 1).unwrap();
                    RequestFlow::reply(LocalReply::new(200).body(b"dropped"))
                }),
                callout_done: Some(Box::new(|_, _, _, _| boom())),
                ..Script::default()
            },
        );
        play.stream.fail_callouts_at_once();
        play.stream.request_headers(&[], true);
        let trace = ["request_headers", "http_callout_done", "drop"];
        assert_eq!(*play.script.trace.borrow(), trace, "{generation:?}");
        assert_eq!(play.stream.local_replies().len(), 1);
        assert_eq!(play.stream.local_replies()[0].status, 500);
    }
}

/// Destructors and the panic handler itself may panic.
#[test]
fn a_panic_in_a_panic_is_caught() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                response_headers: Some(Box::new(|_, _| std::panic::panic_any(Payload))),
                on_panic: hook(|_: &mut EnvoyMetrics| boom()),
                on_drop: Some(Box::new(boom)),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        play.stream.response_headers(&[(":status", "200")], false);
        assert!(
            play.host
                .logged(LogLevel::Error, "panic in response_headers: a payload")
        );
        assert!(
            play.host
                .logged(LogLevel::Error, "panic in on_panic: told to panic 1")
        );
        assert!(
            play.host.logged(LogLevel::Error, "panic while dropping"),
            "{generation:?}"
        );
        play.stream.complete();
    }
}

/// A payload that is neither text nor harmless to drop.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("told to panic while the payload is dropped");
    }
}

/// Normal streams go on after all of this, in the same process and configuration.
#[test]
fn the_next_stream_is_untouched() {
    let play = play(
        Generation::V1_36,
        Script {
            response_headers: response_hook(|envoy, end| {
                if end {
                    boom::<()>();
                } else {
                    assert!(envoy.host() < envoy_proxy_dynamic_modules_rust_sdk::Host::V1_38);
                }
                ResponseHeadersStatus::Continue
            }),
            ..Script::default()
        },
    );
    play.stream.response_headers(&[(":status", "200")], true);
    let next = play.config.stream();
    next.response_headers(&[(":status", "200")], false);
    assert_eq!(next.downstream().header(":status"), Some("200"));
    assert_eq!(play.config.metric("panics", &[]), 1);
}
