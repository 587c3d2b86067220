//! The module under a fake Envoy: its life cycle in every generation, and what it asks of the host.

mod host_calls;
mod streaming;

use envoy_fake_host::{FakeFilterConfig, FakeHost, FakeStream, Generation, MetadataValue, Module};
use envoy_proxy_dynamic_modules_rust_sdk::LogLevel;

const EXTRACT: &str = r#"{"request":{"extract":[{"header":"x-model"}]}}"#;
const BODY: &[u8] = br#"{"messages":[],"model":"gpt-4o"}"#;
const HEADERS: [(&str, &str); 4] = [
    (":method", "POST"),
    (":path", "/"),
    ("content-length", "32"),
    ("x-model", "forged"),
];

/// A host that has loaded this module.
pub(crate) fn host(generation: Generation) -> FakeHost {
    FakeHost::new(
        generation,
        Module {
            init: crate::init,
            new_http_filter_config: crate::new_http_filter_config,
            new_http_filter_per_route_config: crate::new_http_filter_per_route_config,
        },
    )
}

fn configured(host: &FakeHost, config: &str) -> FakeFilterConfig {
    host.filter_config("rustformation", config.as_bytes())
        .unwrap()
}

fn model(stream: &FakeStream) -> Option<String> {
    stream.upstream().header("x-model").map(str::to_owned)
}

#[test]
fn the_request_is_held_until_its_end_and_routed_once() {
    for generation in Generation::ALL {
        let host = host(generation);
        for cut in 0..=BODY.len() {
            let stream = configured(&host, EXTRACT).stream();
            stream.request_headers(&HEADERS, false);
            let (first, rest) = BODY.split_at(cut);
            stream.request_body(first, false);
            assert!(
                stream.upstream().headers.is_none(),
                "released before the end"
            );
            stream.request_body(rest, true);
            assert_eq!(model(&stream).as_deref(), Some("gpt-4o"));
            assert_eq!(stream.upstream().body(), BODY);
            assert_eq!(stream.route_cache_cleared(), 1);
        }
    }
}

#[test]
fn trailers_end_a_request() {
    for generation in Generation::ALL {
        let stream = configured(&host(generation), EXTRACT).stream();
        stream.request_headers(&HEADERS, false);
        stream.request_body(BODY, false);
        stream.request_trailers(&[("x-after", "1")]);
        assert_eq!(model(&stream).as_deref(), Some("gpt-4o"));
        assert_eq!(stream.upstream().body(), BODY);
    }
}

#[test]
fn failures_are_counted_marked_and_logged_without_values() {
    for generation in Generation::ALL {
        let host = host(generation);
        let config = configured(&host, EXTRACT);
        let stream = config.stream();
        stream.request_headers(&HEADERS, false);
        stream.request_body(b"zebra", true);
        assert_eq!(model(&stream), None);
        assert_eq!(
            config.metric("rustformations_failures_total", &["json_invalid"]),
            1
        );
        let failure = stream.metadata("rustformations", "failure");
        assert_eq!(failure, Some(MetadataValue::String("json_invalid".into())));
        assert!(host.logged(LogLevel::Debug, "request.extract[0] `model`: json_invalid"));
        assert!(!host.logs().iter().any(|(_, line)| line.contains("zebra")));
    }
}

#[test]
fn a_rejected_request_is_answered_and_goes_nowhere() {
    let config = r#"{"request":{"extract":[{"header":"x-model","onMissing":"reject"}]}}"#;
    for generation in Generation::ALL {
        let stream = configured(&host(generation), config).stream();
        stream.request_headers(&HEADERS, true);
        let replies = stream.local_replies();
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].status, 400);
        assert!(stream.upstream().headers.is_none());
    }
}

#[test]
fn a_route_replaces_the_listener_and_another_filters_configuration_is_ignored() {
    let host = host(Generation::V1_40);
    let set = |value: &str| {
        format!(r#"{{"request":{{"set":[{{"name":"x-model","value":"{value}"}}]}}}}"#)
    };
    let listener = configured(&host, &set("listener"));
    let route = host
        .route_config("http_simple_mutations", set("route").as_bytes())
        .unwrap();
    for (route, expected) in [(None, "listener"), (Some(&route), "route")] {
        let stream = listener.stream();
        stream.set_route_config(route);
        stream.request_headers(&HEADERS, true);
        assert_eq!(model(&stream).as_deref(), Some(expected));
    }
}

#[test]
fn broken_configurations_and_unknown_filters_are_refused_with_reasons() {
    for generation in Generation::ALL {
        let host = host(generation);
        assert!(host.filter_config("rustformation", b"{").is_none());
        assert!(host.route_config("rustformation", b"").is_none());
        assert!(host.filter_config("rustformatoin", b"{}").is_none());
        assert!(host.logged(LogLevel::Error, "rustformation: RF001: not JSON"));
        assert!(host.logged(
            LogLevel::Error,
            "rustformation (per route): RF001: the configuration is empty"
        ));
        assert!(host.logged(LogLevel::Error, "unknown filter `rustformatoin`"));
    }
}
