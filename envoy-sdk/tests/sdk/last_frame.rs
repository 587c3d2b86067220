//! The last frame of a body of which others hold what has passed, or the filter has added to.

use std::cell::RefCell;
use std::rc::Rc;

use envoy_fake_host::Generation;
use envoy_proxy_dynamic_modules_rust_sdk::{HttpBody, RequestBodyStatus, RequestHeadersStatus};

use crate::script::{Play, Script, play, request_hook};

/// A filter that holds the headers until a frame arrives, and lets each frame pass.
fn passing() -> Script {
    Script {
        request_headers: request_hook(|_, _| RequestHeadersStatus::StopIteration),
        ..Script::default()
    }
}

fn send(play: &Play, frames: &[&str]) {
    play.stream.request_headers(&[], false);
    let (last, others) = frames.split_last().expect("a frame");
    for frame in others {
        play.stream.request_body(frame.as_bytes(), false);
    }
    play.stream.request_body(last.as_bytes(), true);
    let message = play.stream.upstream();
    assert!(message.ended && play.script.panics.borrow().is_empty());
}

/// As the router does, for a retry.
#[test]
fn what_others_hold_stays_theirs() {
    for generation in Generation::ALL {
        let play = play(generation, passing());
        play.stream.keep_behind(HttpBody::Request);
        send(&play, &["one", "two", "three"]);
        assert_eq!(play.stream.upstream().body(), b"onetwothree");
        let held = play.stream.held(HttpBody::Request);
        assert_eq!(held, b"onetwothree", "{generation:?}");
    }
}

#[test]
fn a_last_frame_is_seen_once() {
    for generation in Generation::ALL {
        let seen: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
        let record = Rc::clone(&seen);
        let script = Script {
            request_body: request_hook(move |envoy, _| {
                let chunks = envoy.body_chunks(HttpBody::Request);
                record.borrow_mut().push(chunks.concat());
                RequestBodyStatus::Continue
            }),
            ..passing()
        };
        let play = play(generation, script);
        send(&play, &["one", "two"]);
        assert_eq!(*seen.borrow(), [b"one", b"two"], "{generation:?}");
        assert_eq!(play.stream.upstream().body(), b"onetwo");
    }
}

#[test]
fn what_is_added_before_the_only_frame_comes_before_it() {
    for generation in Generation::ALL {
        let script = Script {
            request_headers: request_hook(|envoy, _| {
                assert!(envoy.append_body(HttpBody::Request, b"added, "));
                RequestHeadersStatus::StopIteration
            }),
            ..Script::default()
        };
        let play = play(generation, script);
        send(&play, &["sent"]);
        let body = play.stream.upstream().body();
        assert_eq!(body, b"added, sent", "{generation:?}");
    }
}
