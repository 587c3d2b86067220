//! Header maps.

use std::cell::RefCell;
use std::rc::Rc;

use envoy_fake_host::Generation;
use envoy_proxy_dynamic_modules_rust_sdk::HttpHeaderType::{
    RequestHeader, RequestTrailer, ResponseHeader, ResponseTrailer,
};
use envoy_proxy_dynamic_modules_rust_sdk::{
    LogLevel, RequestHeadersStatus, RequestTrailersStatus, ResponseHeadersStatus,
    ResponseTrailersStatus,
};

use crate::script::{Script, play, request_hook, response_hook};

#[test]
fn headers_are_read() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, end| {
                    assert!(end);
                    let map = RequestHeader;
                    assert_eq!(envoy.header(map, "X-A").unwrap().to_str(), Ok("1"));
                    assert!(envoy.header(map, "x-absent").is_none());
                    assert!(envoy.header(map, "x-empty").unwrap().is_empty());
                    let values = envoy.header_values(map, "x-a");
                    assert_eq!(values.concat(), b"12");
                    assert!(envoy.header_values(map, "x-absent").is_empty());
                    assert_eq!(envoy.headers_size(map), 4);
                    let all = envoy.headers(map);
                    let names: Vec<_> =
                        all.iter().map(|(name, _)| name.to_str().unwrap()).collect();
                    assert_eq!(names, [":path", "x-a", "x-a", "x-empty"]);
                    assert_eq!(all[2].1.as_slice(), b"2");
                    // There is no such map yet.
                    assert!(envoy.header(ResponseHeader, "x-a").is_none());
                    assert!(envoy.headers(ResponseTrailer).is_empty());
                    assert_eq!(envoy.headers_size(RequestTrailer), 0);
                    assert!(!envoy.set_header(ResponseHeader, "x-a", b"1"));
                    assert!(!envoy.add_header(ResponseHeader, "x-a", b"1"));
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        let headers = [(":path", "/"), ("x-a", "1"), ("x-a", "2"), ("x-empty", "")];
        play.stream.request_headers(&headers, true);
        assert!(play.stream.upstream().ended, "{generation:?}");
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
    }
}

#[test]
fn every_map_is_written() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    assert!(envoy.set_header(RequestHeader, "x-set", b"request"));
                    assert!(envoy.remove_header(RequestHeader, "x-gone"));
                    assert!(envoy.remove_header(RequestHeader, "x-never"));
                    assert!(envoy.set_header(RequestHeader, "x-empty", b""));
                    RequestHeadersStatus::Continue
                }),
                request_trailers: request_hook(|envoy, _| {
                    assert!(envoy.set_header(RequestTrailer, "x-set", b"request trailer"));
                    RequestTrailersStatus::Continue
                }),
                response_headers: response_hook(|envoy, _| {
                    assert!(envoy.set_header(ResponseHeader, "x-set", b"response"));
                    ResponseHeadersStatus::Continue
                }),
                response_trailers: response_hook(|envoy, _| {
                    assert!(envoy.set_header(ResponseTrailer, "x-set", b"response trailer"));
                    ResponseTrailersStatus::Continue
                }),
                ..Script::default()
            },
        );
        let headers = [("x-gone", "1"), ("x-gone", "2"), ("x-empty", "1")];
        play.stream.request_headers(&headers, false);
        play.stream.request_trailers(&[("x-t", "1")]);
        play.stream.response_headers(&[(":status", "200")], false);
        play.stream.response_trailers(&[("x-t", "1")]);
        let (up, down) = (play.stream.upstream(), play.stream.downstream());
        let headers = up.headers.unwrap();
        assert_eq!(headers.len(), 1, "{generation:?}: {headers:?}");
        assert_eq!(headers.value("x-set"), Some("request"));
        assert_eq!(up.trailers.unwrap().value("x-set"), Some("request trailer"));
        assert_eq!(down.header("x-set"), Some("response"));
        let trailers = down.trailers.unwrap();
        assert_eq!(trailers.value("x-set"), Some("response trailer"));
    }
}

#[test]
fn values_are_added() {
    for generation in Generation::ALL {
        let results = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&results);
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    let map = RequestHeader;
                    *seen.borrow_mut() = vec![
                        envoy.add_header(map, "x-new", b"1"),
                        envoy.add_header(map, "x-old", b"3"),
                        envoy.add_header(map, "cookie", b"b=2"),
                        envoy.add_header(map, "set-cookie", b"a=1"),
                        envoy.add_header(map, "Set-Cookie", b"b=2"),
                        envoy.add_header(map, "x-old", b""),
                        envoy.adds_header_lines(map),
                    ];
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        let headers = [("x-old", "1"), ("x-old", "2"), ("cookie", "a=1")];
        play.stream.request_headers(&headers, true);
        let headers = play.stream.upstream().headers.unwrap();
        let old = generation.is_1_36() && generation != Generation::V1_36_GLOO;
        assert_eq!(
            *results.borrow(),
            [true, true, true, true, !old, false, !old]
        );
        assert_eq!(headers.values("x-new"), [b"1"]);
        if old {
            assert_eq!(headers.values("x-old"), [b"1, 2, 3"]);
            assert_eq!(headers.values("cookie"), [b"a=1; b=2"]);
            assert_eq!(headers.values("set-cookie"), [b"a=1"]);
            assert!(play.host.logged(LogLevel::Warn, "set-cookie"));
        } else {
            assert_eq!(headers.values("x-old"), [b"1", b"2", b"3"]);
            assert_eq!(headers.values("cookie"), [b"a=1", b"b=2"]);
            assert_eq!(headers.values("set-cookie"), [b"a=1", b"b=2"]);
        }
    }
}

#[test]
fn envoy_gloo_adds_headers_and_joins_trailers() {
    let play = play(
        Generation::V1_36_GLOO,
        Script {
            response_headers: response_hook(|envoy, _| {
                assert!(envoy.add_header(ResponseHeader, "set-cookie", b"b=2"));
                ResponseHeadersStatus::Continue
            }),
            response_trailers: response_hook(|envoy, _| {
                assert!(envoy.add_header(ResponseTrailer, "x-t", b"2"));
                assert!(!envoy.adds_header_lines(ResponseTrailer));
                ResponseTrailersStatus::Continue
            }),
            ..Script::default()
        },
    );
    play.stream.request_headers(&[], true);
    let headers = [(":status", "200"), ("set-cookie", "a=1")];
    play.stream.response_headers(&headers, false);
    play.stream.response_trailers(&[("x-t", "1")]);
    let down = play.stream.downstream();
    let headers = down.headers.unwrap();
    assert_eq!(headers.values("set-cookie"), [b"a=1", b"b=2"]);
    assert_eq!(down.trailers.unwrap().values("x-t"), [b"1, 2"]);
}

#[test]
fn what_http_forbids_is_refused() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    let map = RequestHeader;
                    for name in ["", ":", "a b", "a:b", "a\r\nb", "a\0", "ä", "a\t"] {
                        assert!(!envoy.set_header(map, name, b"1"), "{name:?}");
                        assert!(!envoy.add_header(map, name, b"1"), "{name:?}");
                        assert!(!envoy.remove_header(map, name), "{name:?}");
                    }
                    for value in [&b"1\r\nx-b: 2"[..], b"\n", b"\r", b"a\0b"] {
                        assert!(!envoy.set_header(map, "x-a", value), "{value:?}");
                        assert!(!envoy.add_header(map, "x-a", value), "{value:?}");
                    }
                    assert!(envoy.set_header(map, ":path", b"/b"));
                    assert!(envoy.set_header(map, "x-a", b"\xff \t"));
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[(":path", "/a")], true);
        let headers = play.stream.upstream().headers.unwrap();
        assert_eq!(headers.len(), 2, "{generation:?}: {headers:?}");
        assert_eq!(headers.value(":path"), Some("/b"));
        assert_eq!(headers.values("x-a"), [b"\xff \t"]);
    }
}

#[test]
fn one_read_is_one_call() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    envoy.header(RequestHeader, "x-a");
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[("x-a", "1")], true);
        let total: usize = play.stream.all_calls().values().sum();
        assert_eq!(total, 1, "{generation:?}: {:?}", play.stream.all_calls());
    }
}

/// In a mirror's response it is the end of Envoy.
#[test]
fn no_status_becomes_informational() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                response_headers: response_hook(|envoy, _| {
                    for status in [b"100", b"101", b"103", b"199"] {
                        assert!(!envoy.set_header(ResponseHeader, ":status", status));
                        assert!(!envoy.add_header(ResponseHeader, ":Status", status));
                    }
                    assert!(envoy.set_header(ResponseHeader, ":status", b"204"));
                    assert!(envoy.set_header(ResponseHeader, "x-status", b"103"));
                    ResponseHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        play.stream.response_headers(&[(":status", "200")], true);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
    }
}
