//! Filters beside which a held message is cut off, or never ends.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{envoy_filter, loads, printed};

fn theirs(name: &str, message: &str, mut config: Value) -> Value {
    let kind = format!("type.googleapis.com/envoy.extensions.filters.http.{name}.v3.{message}");
    config["@type"] = kind.into();
    json!({"name": name, "typed_config": config})
}

fn chain(filters: &[&Value]) -> String {
    json!({"http_filters": filters, "static_resources": {}}).to_string()
}

const STREAMED: &str =
    r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-model"}]}}"#;
const HELD: &str = r#"{"request": {"extract": [{"header": "x-model"}]}}"#;
const PATCH: &str = r#"{"response": {"patch": [{"replace": "/model", "value": "b"}]}}"#;
const BUFFERED: &str = r#"{"response": {"bodyMode": "buffered", "extract": [{"name": "m", "from": [{"json": "/model"}], "header": "x-m"}]}}"#;

#[test]
fn a_streamed_request_behind_a_filter_that_passes_it_on() {
    let (streamed, held) = (envoy_filter("ours", STREAMED), envoy_filter("ours", HELD));
    let mode = json!({"processing_mode": {"request_body_mode": "FULL_DUPLEX_STREAMED"}});
    let ext_proc = theirs("ext_proc", "ExternalProcessor", mode);
    let limit = theirs(
        "bandwidth_limit",
        "BandwidthLimit",
        json!({"enable_mode": "REQUEST_AND_RESPONSE"}),
    );
    assert_snapshot!(printed(&chain(&[&ext_proc, &streamed])), @"http_filters[1].typed_config: warning RF018: request: Envoy 1.36 and 1.37.0 cut a streamed request off that `ext_proc` passes on before this filter; list `ext_proc` behind this filter, use `bodyMode: buffered`, or run Envoy 1.37.1 or later");
    assert_snapshot!(printed(&chain(&[&limit, &streamed])), @"http_filters[1].typed_config: warning RF018: request: Envoy 1.36 and 1.37.0 cut a streamed request off that `bandwidth_limit` passes on before this filter; list `bandwidth_limit` behind this filter, use `bodyMode: buffered`, or run Envoy 1.37.1 or later");
    let buffer = |config| theirs("file_system_buffer", "FileSystemBufferFilterConfig", config);
    let file = buffer(json!({"request": {"behavior": {"fully_buffer": {}}}}));
    assert_snapshot!(printed(&chain(&[&file, &streamed])), @"http_filters[1].typed_config: warning RF018: request: Envoy 1.36 and 1.37.0 cut a streamed request off that `file_system_buffer` passes on before this filter; list `file_system_buffer` behind this filter, use `bodyMode: buffered`, or run Envoy 1.37.1 or later");
    let bypassed = buffer(json!({"request": {"behavior": {"bypass": {}}}}));
    for sound in [
        [&streamed, &ext_proc],
        [&ext_proc, &held],
        [&streamed, &limit],
        [&streamed, &file],
        [&bypassed, &streamed],
    ] {
        loads(&chain(&sound));
    }
    let buffered = json!({"processing_mode": {"request_body_mode": "BUFFERED"}});
    let buffered = theirs("ext_proc", "ExternalProcessor", buffered);
    loads(&chain(&[&buffered, &streamed]));
}

#[test]
fn a_held_response_before_a_filter_that_passes_it_on() {
    let patch = envoy_filter("ours", PATCH);
    let fault = theirs("fault", "HTTPFault", json!({"response_rate_limit": {}}));
    assert_snapshot!(printed(&chain(&[&patch, &fault])), @"http_filters[0].typed_config: warning RF018: response: Envoy 1.36 and 1.37.0 may cut a response off that `fault` passes on to this filter; list `fault` before this filter, or run Envoy 1.37.1 or later");
    loads(&chain(&[&fault, &patch]));
    loads(&chain(&[
        &patch,
        &theirs("fault", "HTTPFault", json!({"delay": {}})),
    ]));
}

#[test]
fn a_held_response_that_gets_trailers_behind() {
    let bridge = theirs("grpc_http1_reverse_bridge", "FilterConfig", json!({}));
    let (held, patch) = (envoy_filter("ours", BUFFERED), envoy_filter("ours", PATCH));
    assert_snapshot!(printed(&chain(&[&held, &bridge])), @"http_filters[0].typed_config: warning RF018: response: a response that is held never ends: `grpc_http1_reverse_bridge` adds trailers to it, and Envoy does not pass them on; list `grpc_http1_reverse_bridge` before this filter, or read no body of its responses");
    loads(&chain(&[&bridge, &held]));
    loads(&chain(&[&patch, &bridge]));
}
