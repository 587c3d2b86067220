//! What works in every hook of an attached stream.

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, HttpBody, HttpHeaderType, LogLevel, log,
};

use crate::reads::{self, BODIES, MAPS, NAMES};

/// More than a listener with a small limit holds.
const MUCH: usize = 256 * 1024;

/// Does what `word` says; false when it is no such call.
pub(crate) fn perform(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    headers(envoy, word) || pseudo_headers(envoy, word) || bodies(envoy, word) || rest(envoy, word)
}

fn headers(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    const ODD: [&[u8]; 6] = [b"", b"value", b"a\r\nb: c", b"\0", b"\xff\xfe", b" \t "];
    match word {
        "set_headers" => each_map(envoy, |envoy, map| {
            for (name, value) in product(&NAMES, &ODD) {
                if !name.starts_with(':') && name != "content-length" {
                    envoy.set_header(map, name, value);
                }
            }
            envoy.set_header(map, "x-set", b"set");
        }),
        "add_headers" => each_map(envoy, |envoy, map| {
            for value in ODD {
                for name in ["x-added", "cookie", "set-cookie", "SET-COOKIE", "", "a b"] {
                    envoy.add_header(map, name, value);
                }
            }
        }),
        "remove_headers" => each_map(envoy, |envoy, map| {
            for name in [
                "x-set", "x-added", "x-absent", "", "a b", "te", "cookie", "date",
            ] {
                envoy.remove_header(map, name);
            }
        }),
        // With those that make it a message.
        "strip_headers" => each_map(envoy, |envoy, map| {
            let names = envoy.headers(map).into_iter();
            let names: Vec<_> = names
                .filter_map(|(name, _)| Some(name.to_str().ok()?.to_owned()))
                .collect();
            for name in names {
                envoy.remove_header(map, &name);
            }
        }),
        "many_headers" => each_map(envoy, |envoy, map| {
            for number in 0..200 {
                envoy.add_header(map, &format!("x-many-{}", number % 50), b"many");
            }
        }),
        "long_headers" => each_map(envoy, |envoy, map| {
            envoy.set_header(map, "x-long", &vec![b'x'; 100_000]);
            envoy.set_header(map, &"x".repeat(70_000), b"long");
        }),
        "length_odd" => set(envoy, &[("content-length", b"odd")]),
        "length_long" => set(envoy, &[("content-length", b"1000000")]),
        "length_short" => set(envoy, &[("content-length", b"1")]),
        "length_twice" => each_map(envoy, |envoy, map| {
            envoy.add_header(map, "content-length", b"3");
            envoy.add_header(map, "content-length", b"4");
        }),
        "transfer_encoding" => set(
            envoy,
            &[
                ("transfer-encoding", b"gzip, chunked"),
                ("content-length", b"6"),
            ],
        ),
        "upgrade" => set(
            envoy,
            &[("connection", b"upgrade"), ("upgrade", b"websocket")],
        ),
        "connection" => set(
            envoy,
            &[
                ("connection", b"close, te, x-hostile"),
                ("keep-alive", b"5"),
                ("te", b"x"),
            ],
        ),
        _ => return false,
    }
    true
}

fn pseudo_headers(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    match word {
        "remove_path" => set(envoy, &[(":path", b"")]),
        "remove_method" => set(envoy, &[(":method", b"")]),
        "remove_authority" => set(envoy, &[(":authority", b""), ("host", b"")]),
        "remove_scheme" => set(envoy, &[(":scheme", b"")]),
        "remove_status" => set(envoy, &[(":status", b"")]),
        "path_odd" => set(envoy, &[(":path", b"no slash \xff?#")]),
        "path_long" => set(envoy, &[(":path", &[&b"/"[..], &[b'x'; 100_000]].concat())]),
        "path_other" => set(envoy, &[(":path", b"/direct")]),
        "method_odd" => set(envoy, &[(":method", b"NO SUCH")]),
        "method_head" => set(envoy, &[(":method", b"HEAD")]),
        "method_connect" => set(envoy, &[(":method", b"CONNECT")]),
        "authority_odd" => set(envoy, &[(":authority", b"a b:999999999")]),
        "scheme_odd" => set(envoy, &[(":scheme", b"gopher")]),
        "protocol" => set(envoy, &[(":protocol", b"websocket")]),
        "status_odd" => set(envoy, &[(":status", b"odd")]),
        "status_0" => set(envoy, &[(":status", b"0")]),
        "status_100" => set(envoy, &[(":status", b"100")]),
        "status_101" => set(envoy, &[(":status", b"101")]),
        "status_103" => set(envoy, &[(":status", b"103")]),
        "status_204" => set(envoy, &[(":status", b"204")]),
        "status_304" => set(envoy, &[(":status", b"304")]),
        "status_503" => set(envoy, &[(":status", b"503")]),
        "status_large" => set(envoy, &[(":status", b"99999999999999999999")]),
        "status_twice" => each_map(envoy, |envoy, map| {
            envoy.add_header(map, ":status", b"200");
            envoy.add_header(map, ":path", b"/two");
            envoy.add_header(map, ":method", b"TWO");
        }),
        "pseudo_odd" => set(envoy, &[(":odd", b"odd"), (":a:b", b"odd")]),
        _ => return false,
    }
    true
}

fn bodies(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    use HttpBody::{Request, Response};
    match word {
        "append_request" => drop(envoy.append_body(Request, b"appended")),
        "append_response" => drop(envoy.append_body(Response, b"appended")),
        "append_big" => each_body(envoy, |envoy, body| {
            envoy.append_body(body, &vec![b'a'; MUCH]);
        }),
        "append_nothing" => each_body(envoy, |envoy, body| {
            envoy.append_body(body, b"");
        }),
        "drain_one" => each_body(envoy, |envoy, body| {
            envoy.drain_body(body, 1);
        }),
        "drain_all" => each_body(envoy, |envoy, body| {
            envoy.drain_body(body, usize::MAX);
        }),
        "drain_piecemeal" => each_body(envoy, |envoy, body| {
            while envoy.drain_body(body, 1) {
                if envoy.body_size(body) == 0 {
                    break;
                }
            }
        }),
        "replace_request" => drop(envoy.replace_body(Request, b"replaced")),
        "replace_response" => drop(envoy.replace_body(Response, b"replaced")),
        "replace_big" => each_body(envoy, |envoy, body| {
            envoy.replace_body(body, &vec![b'r'; MUCH]);
        }),
        "replace_empty" => each_body(envoy, |envoy, body| {
            envoy.replace_body(body, b"");
        }),
        "replace_received" => each_body(envoy, |envoy, body| {
            envoy.replace_received_body(body, b"received");
        }),
        "replace_often" => each_body(envoy, |envoy, body| {
            for size in [0, 1, 100, 0, 70_000, 1] {
                envoy.replace_body(body, &vec![b'o'; size]);
                envoy.append_body(body, b"more");
                envoy.drain_body(body, size / 2);
            }
        }),
        "limit_zero" => drop(envoy.set_buffer_limit(0)),
        "limit_one" => drop(envoy.set_buffer_limit(1)),
        "limit_max" => drop(envoy.set_buffer_limit(u64::MAX)),
        _ => return false,
    }
    true
}

fn rest(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    match word {
        "read" => {
            reads::messages(envoy);
            reads::stores(envoy);
        }
        "attributes" => reads::attributes(envoy),
        "metadata" => {
            for namespace in ["hostile", "", "envoy.lb", "a\0b"] {
                for key in ["text", "number", "flag", ""] {
                    envoy.set_dynamic_metadata_string(namespace, key, "a\0\u{e9}");
                    envoy.set_dynamic_metadata_number(namespace, key, f64::NAN);
                    envoy.set_dynamic_metadata_bool(namespace, key, true);
                }
                envoy.set_dynamic_metadata_string(namespace, "text", "text");
                envoy.set_dynamic_metadata_number(namespace, "number", f64::INFINITY);
            }
            reads::stores(envoy);
        }
        "filter_state" => {
            for key in ["hostile", "hostile", "", "envoy.string", "a\0b"] {
                envoy.set_filter_state_bytes(key, b"\xff");
                envoy.set_filter_state_bytes(key, &[]);
            }
            // Keys that Envoy's own filters and its router read as objects of their own.
            for key in [
                "envoy.upstream.server_name",
                "envoy.network.upstream_subject_alt_names",
            ] {
                envoy.set_filter_state_bytes(key, b"hostile.example");
            }
            reads::stores(envoy);
        }
        "small_things" => {
            for text in ["hostile", "", "a\0b", "\u{e9}"] {
                envoy.add_custom_flag(text);
                envoy.set_span_tag(text, text);
            }
        }
        "log" => {
            use LogLevel::{Debug, Error, Info, Off, Trace, Warn};
            for level in [Trace, Debug, Info, Warn, Error, Off] {
                let _enabled = log::enabled(level);
            }
            log::write(
                Debug,
                format_args!("a line\nand \0 {} {{}} %s %n", "x".repeat(20_000)),
            );
        }
        "nap" => std::thread::sleep(std::time::Duration::from_millis(3)),
        _ => return false,
    }
    true
}

fn product<'l, A: Copy, B: Copy>(left: &'l [A], right: &'l [B]) -> impl Iterator<Item = (A, B)> {
    left.iter()
        .flat_map(|&left| right.iter().map(move |&right| (left, right)))
}

/// Sets these in the headers of request and response.
fn set(envoy: &mut EnvoyHttpFilter, headers: &[(&str, &[u8])]) {
    for map in [
        HttpHeaderType::RequestHeader,
        HttpHeaderType::ResponseHeader,
    ] {
        for (name, value) in headers {
            envoy.set_header(map, name, value);
        }
    }
}

fn each_map(envoy: &mut EnvoyHttpFilter, act: impl Fn(&mut EnvoyHttpFilter, HttpHeaderType)) {
    for map in MAPS {
        act(envoy, map);
    }
}

fn each_body(envoy: &mut EnvoyHttpFilter, act: impl Fn(&mut EnvoyHttpFilter, HttpBody)) {
    for body in BODIES {
        act(envoy, body);
    }
}
