//! What each hook can do with the stream that it is lent.

use envoy_fake_host::Generation;
use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, EnvoyMetrics, EventFlow, LogLevel, RequestHeadersStatus, ResponseHeadersStatus,
};

use crate::script::{Script, hook, play, request_hook, response_hook};

/// The phases of which the handle can be had: request, response, event.
fn phases(envoy: &mut EnvoyHttpFilter) -> [bool; 3] {
    [
        envoy.as_request().is_some(),
        envoy.as_response().is_some(),
        envoy.as_event().is_some(),
    ]
}

#[test]
fn a_handle_is_of_the_phase_of_its_hook() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    assert_eq!(phases(envoy), [true, false, false]);
                    envoy.new_scheduler().commit(1);
                    RequestHeadersStatus::Continue
                }),
                scheduled: Some(Box::new(|envoy, _| {
                    assert_eq!(phases(envoy), [false, false, true]);
                    envoy.send_http_callout("c", &[], b"", 5).expect("made");
                    EventFlow::Wait
                })),
                callout_done: Some(Box::new(|envoy, _, _, _| {
                    assert_eq!(phases(envoy), [false, false, true]);
                    EventFlow::Wait
                })),
                response_headers: response_hook(|envoy, _| {
                    assert_eq!(phases(envoy), [false, true, false]);
                    ResponseHeadersStatus::Continue
                }),
                stream_complete: hook(|envoy| assert_eq!(phases(envoy), [false; 3])),
                ..Script::default()
            },
        );
        play.stream.fail_callouts_at_once();
        play.stream.request_headers(&[], true);
        assert_eq!(play.stream.run_scheduled(), 1);
        play.stream.response_headers(&[(":status", "200")], true);
        play.stream.complete();
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        let hooks = [
            "request_headers",
            "scheduled",
            "http_callout_done",
            "response_headers",
            "stream_complete",
            "drop",
        ];
        assert_eq!(*play.script.trace.borrow(), hooks, "{generation:?}");
    }
}

#[test]
fn a_handle_shows_its_hook() {
    let play = play(
        Generation::V1_40,
        Script {
            request_headers: request_hook(|envoy, _| {
                let envoy: &EnvoyHttpFilter = envoy;
                for shown in [format!("{envoy:?}"), format!("{:?}", **envoy)] {
                    assert!(
                        shown.contains("hook: RequestHeaders, end_of_stream: true"),
                        "{shown}"
                    );
                }
                RequestHeadersStatus::Continue
            }),
            ..Script::default()
        },
    );
    play.stream.request_headers(&[], true);
    assert!(play.script.panics.borrow().is_empty());
}

#[test]
fn an_event_has_the_route_chosen_again() {
    for generation in Generation::ALL {
        let clusters = generation >= Generation::V1_38;
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    envoy.new_scheduler().commit(1);
                    RequestHeadersStatus::StopIteration
                }),
                scheduled: Some(Box::new(move |envoy, _| {
                    assert!(envoy.clear_route_cache());
                    assert_eq!(envoy.clear_route_cluster_cache(), clusters);
                    EventFlow::Wait
                })),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], false);
        assert_eq!(play.stream.run_scheduled(), 1);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        assert_eq!(play.stream.route_cache_cleared(), 1);
        let cleared = play.stream.route_cluster_cache_cleared();
        assert_eq!(cleared, usize::from(clusters), "{generation:?}");
    }
}

/// Whoever handles a panic has the whole stream, once Envoy has attached it.
#[test]
fn a_panic_is_handled_with_the_stream() {
    for generation in Generation::ALL {
        for attached in [false, true] {
            let play = play(
                generation,
                Script {
                    new: Some(Box::new(move |_, ()| assert!(attached, "told to panic"))),
                    request_headers: request_hook(|_, _| -> RequestHeadersStatus {
                        panic!("told to panic")
                    }),
                    on_panic: hook(move |envoy: &mut EnvoyMetrics| {
                        let marked = envoy
                            .as_attached()
                            .map(|envoy| envoy.set_dynamic_metadata_string("n", "k", "panicked"));
                        assert_eq!(marked, attached.then_some(true));
                    }),
                    ..Script::default()
                },
            );
            play.stream.request_headers(&[], true);
            assert_eq!(play.stream.metadata("n", "k").is_some(), attached);
            let failed = play.host.logged(LogLevel::Error, "panic in on_panic");
            assert!(!failed, "{generation:?}");
        }
    }
}
