//! Bodies in every chunking, on both sides of every release's faults.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use envoy_fake_host::{FakeStream, Generation, Message};
use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, EventFlow, HttpBody, HttpHeaderType, RequestBodyStatus, RequestHeadersStatus,
    RequestTrailersStatus, ResponseBodyStatus, ResponseHeadersStatus, ResponseTrailersStatus,
};
use proptest::prelude::*;

use crate::script::{Play, Script, hook, play, request_hook, response_hook};

/// How a message ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// With an empty frame, as HTTP/1 does.
    EmptyFrame,
    /// On its last frame, as HTTP/2 does.
    LastFrame,
    /// With trailers.
    Trailers,
}

type Seen = Rc<RefCell<Vec<u8>>>;

/// A filter that holds both messages to their end and then runs `edit`.
fn hold(edit: impl Fn(&mut EnvoyHttpFilter, HttpBody) + Clone + 'static) -> Script {
    let (a, b, c, d) = (edit.clone(), edit.clone(), edit.clone(), edit);
    Script {
        request_headers: request_hook(|_, _| RequestHeadersStatus::StopIteration),
        request_body: request_hook(move |envoy, end| {
            if !end {
                return RequestBodyStatus::StopIterationAndBuffer;
            }
            a(envoy, HttpBody::Request);
            RequestBodyStatus::Continue
        }),
        request_trailers: request_hook(move |envoy, _| {
            b(envoy, HttpBody::Request);
            RequestTrailersStatus::Continue
        }),
        response_headers: response_hook(|_, _| ResponseHeadersStatus::StopIteration),
        response_body: response_hook(move |envoy, end| {
            if !end {
                return ResponseBodyStatus::StopIterationAndBuffer;
            }
            c(envoy, HttpBody::Response);
            ResponseBodyStatus::Continue
        }),
        response_trailers: response_hook(move |envoy, _| {
            d(envoy, HttpBody::Response);
            ResponseTrailersStatus::Continue
        }),
        ..Script::default()
    }
}

fn send(
    stream: &FakeStream,
    body: HttpBody,
    headers: &[(&str, &str)],
    frames: &[Vec<u8>],
    end: End,
) {
    let data = |chunk: &[u8], end| match body {
        HttpBody::Request => stream.request_body(chunk, end),
        HttpBody::Response => stream.response_body(chunk, end),
    };
    match body {
        HttpBody::Request => stream.request_headers(headers, false),
        HttpBody::Response => stream.response_headers(headers, false),
    }
    match end {
        End::EmptyFrame => {
            frames.iter().for_each(|frame| data(frame, false));
            data(b"", true);
        }
        End::LastFrame => {
            let (last, others) = frames.split_last().expect("a frame");
            others.iter().for_each(|frame| data(frame, false));
            data(last, true);
        }
        End::Trailers => {
            frames.iter().for_each(|frame| data(frame, false));
            match body {
                HttpBody::Request => stream.request_trailers(&[("x-t", "1")]),
                HttpBody::Response => stream.response_trailers(&[("x-t", "1")]),
            }
        }
    }
}

fn forwarded(play: &Play, body: HttpBody) -> Message {
    match body {
        HttpBody::Request => play.stream.upstream(),
        HttpBody::Response => play.stream.downstream(),
    }
}

fn generations() -> impl Strategy<Value = Generation> {
    prop::sample::select(Generation::ALL.to_vec())
}

fn ends() -> impl Strategy<Value = End> {
    prop::sample::select(vec![End::EmptyFrame, End::LastFrame, End::Trailers])
}

fn bodies() -> impl Strategy<Value = HttpBody> {
    prop::sample::select(vec![HttpBody::Request, HttpBody::Response])
}

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 1..6)
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 12 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    /// The whole body is seen once, and passes unchanged.
    #[test]
    fn the_whole_body_is_seen(
        generation in generations(), body in bodies(), frames in frames(), end in ends(), loses: bool,
    ) {
        let seen = Seen::default();
        let record = Rc::clone(&seen);
        let play = play(generation, hold(move |envoy, body| {
            *record.borrow_mut() = envoy.body_chunks(body).concat();
            assert_eq!(envoy.body_size(body), record.borrow().len());
        }));
        if generation < Generation::V1_38 {
            play.stream.set_loses_last_frame(loses);
        }
        send(&play.stream, body, &[], &frames, end);
        prop_assert_eq!(&*seen.borrow(), &frames.concat());
        let message = forwarded(&play, body);
        prop_assert_eq!(message.body(), frames.concat());
        prop_assert!(message.ended);
        prop_assert!(play.script.panics.borrow().is_empty());
    }

    /// Who has seen a part of what is held gets the rest, wherever its parts are.
    #[test]
    fn what_was_seen_is_left_out(
        generation in generations(), body in bodies(), frames in frames(), end in ends(),
        skipped in prop::collection::vec(any::<bool>(), 5),
    ) {
        let seen = Seen::default();
        let record = Rc::clone(&seen);
        let hook = Cell::new(0);
        let read = move |envoy: &mut EnvoyHttpFilter, ends: bool| {
            let skips = skipped.get(hook.replace(hook.get() + 1)) == Some(&true);
            if ends || !skips {
                let mut seen = record.borrow_mut();
                let new = envoy.body_chunks_after(body, seen.len()).concat();
                seen.extend(new);
            }
        };
        let read = Rc::new(read);
        let (a, b, c, d) = (Rc::clone(&read), Rc::clone(&read), Rc::clone(&read), read);
        let script = Script {
            request_body: request_hook(move |envoy, end| {
                a(envoy, end);
                match end {
                    true => RequestBodyStatus::Continue,
                    false => RequestBodyStatus::StopIterationAndBuffer,
                }
            }),
            response_body: response_hook(move |envoy, end| {
                b(envoy, end);
                match end {
                    true => ResponseBodyStatus::Continue,
                    false => ResponseBodyStatus::StopIterationAndBuffer,
                }
            }),
            request_trailers: request_hook(move |envoy, _| {
                c(envoy, true);
                RequestTrailersStatus::Continue
            }),
            response_trailers: response_hook(move |envoy, _| {
                d(envoy, true);
                ResponseTrailersStatus::Continue
            }),
            ..hold(|_, _| {})
        };
        let play = play(generation, script);
        send(&play.stream, body, &[], &frames, end);
        prop_assert_eq!(&*seen.borrow(), &frames.concat());
        prop_assert!(play.script.panics.borrow().is_empty());
    }

    /// A replaced body is what leaves, with the right length.
    #[test]
    fn the_body_is_replaced(
        generation in generations(), body in bodies(), frames in frames(), end in ends(), loses: bool,
        new in prop::collection::vec(any::<u8>(), 0..20), has_length: bool,
    ) {
        let with = new.clone();
        let play = play(generation, hold(move |envoy, body| {
            assert!(envoy.replace_body(body, &with));
            assert_eq!(envoy.body_chunks(body).concat(), with);
        }));
        if generation < Generation::V1_38 {
            play.stream.set_loses_last_frame(loses);
        }
        let length = frames.concat().len().to_string();
        let headers = if has_length { vec![("content-length", length.as_str())] } else { vec![] };
        send(&play.stream, body, &headers, &frames, end);
        let message = forwarded(&play, body);
        prop_assert_eq!(message.body(), new);
        prop_assert!(message.ended && message.length_is_right(), "{message:?}");
        let expected = has_length || !matches!(end, End::Trailers);
        prop_assert_eq!(message.header("content-length").is_some(), expected);
        prop_assert!(play.script.panics.borrow().is_empty());
    }

    /// Draining takes from the front of the whole body, wherever its parts are.
    #[test]
    fn the_body_is_drained_from_the_front(
        generation in generations(), body in bodies(), frames in frames(), end in ends(), loses: bool,
        bytes in 0_usize..40,
    ) {
        let play = play(generation, hold(move |envoy, body| {
            let before = envoy.body_chunks(body).concat();
            assert_eq!(envoy.drain_body(body, bytes), !before.is_empty());
            let expected = &before[bytes.min(before.len())..];
            assert_eq!(envoy.body_chunks(body).concat(), expected);
        }));
        if generation < Generation::V1_38 {
            play.stream.set_loses_last_frame(loses);
        }
        send(&play.stream, body, &[], &frames, end);
        let whole = frames.concat();
        prop_assert_eq!(forwarded(&play, body).body(), &whole[bytes.min(whole.len())..]);
        prop_assert!(play.script.panics.borrow().is_empty());
    }

    /// What is appended in any hook goes out once, after the rest.
    #[test]
    fn the_body_is_appended_to(
        generation in generations(), body in bodies(), frames in frames(), end in ends(),
    ) {
        let play = play(generation, hold(|envoy, body| {
            assert!(envoy.append_body(body, b"!"));
            assert!(envoy.append_body(body, b""));
        }));
        send(&play.stream, body, &[], &frames, end);
        let expected = [frames.concat(), b"!".to_vec()].concat();
        prop_assert_eq!(forwarded(&play, body).body(), expected);
        prop_assert!(play.script.panics.borrow().is_empty());
    }

    /// A body released before its end arrives whole, also where Envoy would lose the last frame.
    #[test]
    fn early_release_loses_nothing(
        generation in generations(), body in bodies(), frames in frames(), end in ends(),
        threshold in 0_usize..20,
    ) {
        let held = Rc::new(Cell::new(0));
        let (a, b) = (Rc::clone(&held), Rc::clone(&held));
        let play = play(generation, Script {
            request_body: request_hook(move |envoy, end| {
                a.set(a.get() + envoy.received_body_chunks(HttpBody::Request).concat().len());
                if a.get() >= threshold || end {
                    RequestBodyStatus::Continue
                } else {
                    RequestBodyStatus::StopIterationAndBuffer
                }
            }),
            response_body: response_hook(move |envoy, end| {
                b.set(b.get() + envoy.received_body_chunks(HttpBody::Response).concat().len());
                if b.get() >= threshold || end {
                    ResponseBodyStatus::Continue
                } else {
                    ResponseBodyStatus::StopIterationAndBuffer
                }
            }),
            request_headers: request_hook(|_, _| RequestHeadersStatus::StopIteration),
            response_headers: response_hook(|_, _| ResponseHeadersStatus::StopIteration),
            ..Script::default()
        });
        send(&play.stream, body, &[], &frames, end);
        let message = forwarded(&play, body);
        prop_assert_eq!(message.body(), frames.concat());
        prop_assert!(message.ended);
    }
}

/// Zeros are as much like the zeros before them as those themselves, kept by others.
#[test]
fn a_last_frame_like_the_one_before_is_not_taken_for_it() {
    let frames = [&b"0000"[..], b"0000", b"0000000000"];
    for generation in Generation::ALL {
        let script = Script {
            request_headers: request_hook(|_, _| RequestHeadersStatus::StopIteration),
            request_body: request_hook(|envoy, end| {
                if end || envoy.body_size(HttpBody::Request) > 4 {
                    RequestBodyStatus::Continue
                } else {
                    RequestBodyStatus::StopIterationAndBuffer
                }
            }),
            ..Script::default()
        };
        let play = play(generation, script);
        let frames = frames.map(<[u8]>::to_vec);
        let headers = [("content-length", "18")];
        send(
            &play.stream,
            HttpBody::Request,
            &headers,
            &frames,
            End::LastFrame,
        );
        assert_eq!(play.stream.upstream().body(), frames.concat());
    }
}

/// The fault that the repair is for is real in the fake host: without a filter it shows.
#[test]
fn the_fake_host_has_the_fault() {
    let play = play(
        Generation::V1_38,
        Script {
            request_headers: request_hook(|_, _| RequestHeadersStatus::StopIteration),
            ..Script::default()
        },
    );
    play.stream.set_loses_last_frame(true); // in a release where nothing is repaired
    play.stream.request_headers(&[], false);
    play.stream.request_body(b"kept", false);
    play.stream.request_body(b"lost", true);
    assert_eq!(play.stream.upstream().body(), b"kept");
}

/// The buffer that another filter filled is "received" and "buffered" at once: counted once.
#[test]
fn one_buffer_is_counted_once() {
    for generation in Generation::ALL {
        for new in [&b"new"[..], b""] {
            let seen = Seen::default();
            let record = Rc::clone(&seen);
            let play = play(
                generation,
                Script {
                    request_headers: request_hook(|envoy, _| {
                        envoy.new_scheduler().commit(1);
                        RequestHeadersStatus::StopAllIterationAndBuffer
                    }),
                    scheduled: Some(Box::new(|envoy, _| {
                        EventFlow::ContinueRequest(envoy.held_request().expect("held"))
                    })),
                    request_body: request_hook(move |envoy, end| {
                        assert!(end);
                        *record.borrow_mut() = envoy.body_chunks(HttpBody::Request).concat();
                        assert_eq!(envoy.body_size(HttpBody::Request), 8);
                        let sizes = envoy.received_and_held(HttpBody::Request);
                        assert_eq!(sizes, (8, None));
                        let after =
                            |seen| envoy.body_chunks_after(HttpBody::Request, seen).concat();
                        assert_eq!((after(4), after(8)), (b"body".to_vec(), Vec::new()));
                        assert!(envoy.drain_body(HttpBody::Request, 1));
                        assert_eq!(envoy.body_size(HttpBody::Request), 7);
                        assert!(envoy.replace_body(HttpBody::Request, new));
                        RequestBodyStatus::Continue
                    }),
                    ..Script::default()
                },
            );
            play.stream
                .request_headers(&[("content-length", "8")], false);
            play.stream.request_body(b"one ", false);
            play.stream.request_body(b"body", true);
            assert_eq!(play.stream.run_scheduled(), 1);
            assert_eq!(*seen.borrow(), b"one body", "{generation:?}");
            let message = play.stream.upstream();
            assert_eq!(message.body(), new, "{generation:?}");
            assert!(play.script.panics.borrow().is_empty());
        }
    }
}

#[test]
fn what_has_come_and_what_is_held_are_counted_apart() {
    for generation in Generation::ALL {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let record = Rc::clone(&seen);
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|_, _| RequestHeadersStatus::StopIteration),
                request_body: request_hook(move |envoy, end| {
                    let sizes = envoy.received_and_held(HttpBody::Request);
                    record.borrow_mut().push(sizes);
                    match end {
                        true => RequestBodyStatus::Continue,
                        false => RequestBodyStatus::StopIterationAndBuffer,
                    }
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], false);
        for (piece, end) in [(&b"one "[..], false), (b"two", false), (b"three", true)] {
            play.stream.request_body(piece, end);
        }
        // Some releases move the last piece to what is held.
        let before_last = [(4, Some(0)), (3, Some(4))];
        assert_eq!(seen.borrow()[..2], before_last, "{generation:?}");
    }
}

/// Before the end the final size is unknown, so the length goes.
#[test]
fn a_replaced_part_has_no_length() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|_, _| RequestHeadersStatus::StopIteration),
                request_body: request_hook(|envoy, end| {
                    if !end {
                        assert!(envoy.replace_body(HttpBody::Request, b"[part]"));
                    }
                    RequestBodyStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream
            .request_headers(&[("content-length", "8")], false);
        play.stream.request_body(b"four", false);
        play.stream.request_body(b"more", true);
        let message = play.stream.upstream();
        assert_eq!(message.body(), b"[part]more", "{generation:?}");
        assert_eq!(message.header("content-length"), None);
    }
}

/// A body for a message that has none, and one held by a scheduled event.
#[test]
fn bodies_are_made_outside_body_hooks() {
    for generation in Generation::ALL {
        let added = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, end| {
                    assert!(end && envoy.replace_body(HttpBody::Request, b"new"));
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        added.stream.request_headers(&[], true);
        assert_eq!(added.stream.upstream().body(), b"new", "{generation:?}");
        assert_eq!(added.stream.upstream().header("content-length"), Some("3"));
        drop(added);

        let held = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    envoy.new_scheduler().commit(1);
                    RequestHeadersStatus::StopAllIterationAndBuffer
                }),
                scheduled: Some(Box::new(|envoy, _| {
                    assert!(envoy.replace_body(HttpBody::Request, b"replaced"));
                    EventFlow::ContinueRequest(envoy.held_request().expect("held"))
                })),
                ..Script::default()
            },
        );
        held.stream.request_headers(&[], false);
        held.stream.request_body(b"old", true);
        held.stream.run_scheduled();
        let message = held.stream.upstream();
        assert_eq!(message.body(), b"replaced", "{generation:?}");
        // Nobody has told the module that the message is over.
        assert_eq!(message.header("content-length"), None);
    }
}

/// An event adds to what is held of a response, and to none before there is one.
#[test]
fn an_event_appends_to_a_held_response() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    envoy.new_scheduler().commit(1);
                    RequestHeadersStatus::Continue
                }),
                response_headers: response_hook(|envoy, _| {
                    envoy.new_scheduler().commit(2);
                    ResponseHeadersStatus::StopAllIterationAndBuffer
                }),
                scheduled: Some(Box::new(|envoy, event| {
                    let there = event == 2;
                    assert_eq!(envoy.append_body(HttpBody::Response, b" more"), there);
                    match envoy.held_response() {
                        Some(held) => EventFlow::ContinueResponse(held),
                        None => EventFlow::Wait,
                    }
                })),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        assert_eq!(play.stream.run_scheduled(), 1);
        play.stream.response_headers(&[(":status", "200")], false);
        play.stream.response_body(b"body", true);
        assert_eq!(play.stream.run_scheduled(), 1);
        let message = play.stream.downstream();
        assert_eq!(message.body(), b"body more", "{generation:?}");
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
    }
}

/// Hooks that cannot pass a body on do not take one, and change nothing.
#[test]
fn the_wrong_hook_takes_no_body() {
    for generation in Generation::ALL {
        let refused = |envoy: &mut EnvoyHttpFilter, body| {
            assert!(!envoy.append_body(body, b"x"));
            assert!(!envoy.replace_body(body, b"x"));
        };
        let play = play(
            generation,
            Script {
                request_body: request_hook(move |envoy, _| {
                    refused(envoy, HttpBody::Response);
                    RequestBodyStatus::Continue
                }),
                response_headers: response_hook(move |envoy, _| {
                    refused(envoy, HttpBody::Request);
                    ResponseHeadersStatus::Continue
                }),
                stream_complete: hook(move |envoy| refused(envoy, HttpBody::Response)),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], false);
        play.stream.request_body(b"body", true);
        play.stream
            .response_headers(&[("content-length", "4")], false);
        play.stream.response_body(b"body", true);
        play.stream.complete();
        assert_eq!(play.stream.upstream().body(), b"body");
        assert_eq!(play.stream.downstream().body(), b"body");
        assert_eq!(play.stream.downstream().header("content-length"), Some("4"));
        assert!(play.script.panics.borrow().is_empty());
    }
}

#[test]
fn the_buffer_limit_is_optional() {
    for generation in Generation::ALL {
        let has = generation >= Generation::V1_38;
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    assert_eq!(envoy.buffer_limit(), has.then_some(4));
                    assert_eq!(envoy.set_buffer_limit(100), has);
                    assert!(envoy.header(HttpHeaderType::RequestHeader, "x").is_none());
                    RequestHeadersStatus::StopIteration
                }),
                request_body: request_hook(|_, end| {
                    if end {
                        RequestBodyStatus::Continue
                    } else {
                        RequestBodyStatus::StopIterationAndBuffer
                    }
                }),
                ..Script::default()
            },
        );
        play.stream.set_buffer_limit(4);
        play.stream.request_headers(&[], false);
        play.stream.request_body(b"too long", false);
        play.stream.request_body(b"", true);
        assert!(play.script.panics.borrow().is_empty());
        if has {
            assert_eq!(play.stream.upstream().body(), b"too long");
        } else {
            assert_eq!(play.stream.local_replies()[0].status, 413);
            assert_eq!(play.stream.upstream().headers, None);
        }
    }
}

/// Within the request hook that called out, Envoy reports a bug of its own, though there is a response.
#[test]
fn a_callout_that_fails_at_once_appends_to_no_response() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_body: request_hook(|envoy, _| {
                    let _failed = envoy.send_http_callout("c", &[], b"", 1);
                    RequestBodyStatus::StopIterationAndBuffer
                }),
                callout_done: Some(Box::new(|envoy, _, _, _| {
                    assert!(!envoy.append_body(HttpBody::Response, b"x"));
                    assert!(!envoy.replace_received_body(HttpBody::Response, b"x"));
                    EventFlow::Wait
                })),
                ..Script::default()
            },
        );
        play.stream.fail_callouts_at_once();
        play.stream.request_headers(&[], false);
        play.stream.response_headers(&[(":status", "200")], false);
        play.stream.request_body(b"request", false);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        let trace = play.script.trace.borrow();
        assert!(
            trace.contains(&"http_callout_done"),
            "{generation:?}: {trace:?}"
        );
    }
}

/// A filter that leaves both bodies out when it has seen the headers.
fn leave_out(request: RequestHeadersStatus, response: ResponseHeadersStatus) -> Script {
    Script {
        request_headers: request_hook(move |envoy, _| {
            envoy.leave_out_body(HttpBody::Request);
            request
        }),
        response_headers: response_hook(move |envoy, _| {
            envoy.leave_out_body(HttpBody::Response);
            response
        }),
        ..Script::default()
    }
}

/// The hooks of bodies that ran while both messages passed in pieces.
fn body_hooks(play: &Play, end: End) -> Vec<&'static str> {
    let frames = [b"a".to_vec(), b"bc".to_vec()];
    for body in [HttpBody::Request, HttpBody::Response] {
        send(&play.stream, body, &[(":status", "200")], &frames, end);
        assert_eq!(forwarded(play, body).body(), b"abc", "{body:?} {end:?}");
    }
    play.stream.complete();
    let trace = play.script.trace.borrow();
    assert!(trace.contains(&"stream_complete"));
    let trailers = trace.iter().filter(|hook| hook.ends_with("_trailers"));
    let expected = if matches!(end, End::Trailers) { 2 } else { 0 };
    assert_eq!(trailers.count(), expected, "{end:?}");
    let hooks = trace.iter().filter(|hook| hook.ends_with("_body"));
    hooks.copied().collect()
}

#[test]
fn hooks_of_a_body_are_left_out() {
    for generation in Generation::ALL {
        for end in [End::EmptyFrame, End::LastFrame, End::Trailers] {
            let script = leave_out(
                RequestHeadersStatus::Continue,
                ResponseHeadersStatus::Continue,
            );
            let hooks = body_hooks(&play(generation, script), end);
            let left_out = generation >= Generation::V1_38;
            assert_eq!(hooks.is_empty(), left_out, "{generation:?} {end:?}");
        }
    }
}

#[test]
fn the_hook_of_the_end_is_left_out() {
    for generation in Generation::ALL {
        for (asked, runs) in [([true, true], false), ([true, false], true)] {
            let script = Script {
                request_headers: request_hook(move |envoy, _| {
                    envoy.leave_out_complete(asked[0]);
                    RequestHeadersStatus::Continue
                }),
                response_headers: response_hook(move |envoy, _| {
                    envoy.leave_out_complete(asked[1]);
                    ResponseHeadersStatus::Continue
                }),
                ..Script::default()
            };
            let play = play(generation, script);
            for body in [HttpBody::Request, HttpBody::Response] {
                let headers = [(":status", "200")];
                send(&play.stream, body, &headers, &[], End::EmptyFrame);
            }
            play.stream.complete();
            let trace = play.script.trace.borrow();
            assert_eq!(trace.contains(&"stream_complete"), runs, "{generation:?}");
        }
    }
}

#[test]
fn hooks_of_a_body_that_is_held_run() {
    let script = leave_out(
        RequestHeadersStatus::StopIteration,
        ResponseHeadersStatus::StopIteration,
    );
    let hooks = body_hooks(&play(Generation::V1_40, script), End::EmptyFrame);
    // The first lets the message go on.
    assert_eq!(hooks, ["request_body", "response_body"]);
}
