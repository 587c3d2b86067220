//! Metrics under a fake Envoy of every release.

use envoy_fake_host::{FakeHost, Generation, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilterConfig, EnvoyMetrics, HttpFilter, HttpFilterConfig, LogLevel,
};

use super::{BODY, HEADERS, configured, host};

const CONFIG: &str = r#"{"metrics":{"labels":{"model":"extracted.model"}},
    "request":{"extract":[{"header":"x-model"}]}}"#;

#[test]
fn requests_are_recorded_on_every_release() {
    for generation in Generation::ALL {
        let filter = configured(&host(generation), CONFIG);
        let stream = filter.stream();
        stream.request_headers(&HEADERS, false);
        stream.request_body(BODY, true);
        stream.response_headers(&[(":status", "200")], false);
        stream.response_body(
            br#"{"usage":{"prompt_tokens":7,"completion_tokens":11}}"#,
            true,
        );
        let requests = || filter.metric("rustformations_requests_total", &["gpt-4o", "routed"]);
        assert_eq!(requests(), 0, "{generation:?}: not over yet");
        stream.complete();
        assert_eq!(requests(), 1, "{generation:?}");
        let tokens = |kind| filter.metric("rustformations_tokens_total", &["gpt-4o", kind]);
        assert_eq!(
            (tokens("input"), tokens("output")),
            (7, 11),
            "{generation:?}"
        );
        let held = filter.histogram("rustformations_held_bytes", &["gpt-4o", "request"]);
        assert_eq!(held, [u64::try_from(BODY.len()).unwrap()], "{generation:?}");
        let first = filter.histogram("rustformations_time_to_first_byte_ms", &["gpt-4o"]);
        assert_eq!(first.len(), 1, "{generation:?}");
    }
}

#[test]
fn the_version_is_there_before_the_first_request_from_1_39_on() {
    for generation in Generation::ALL {
        let filter = configured(&host(generation), "{}");
        let info = || filter.metric("rustformations_info", &[env!("CARGO_PKG_VERSION")]);
        assert_eq!(
            info(),
            u64::from(generation >= Generation::V1_39),
            "{generation:?}"
        );
        filter.stream().request_headers(&HEADERS, true);
        assert_eq!(info(), 1, "{generation:?}");
    }
}

#[test]
fn without_the_key_only_failures_are_counted() {
    let filter = configured(&host(Generation::V1_40), super::EXTRACT);
    let stream = filter.stream();
    stream.request_headers(&HEADERS, false);
    stream.request_body(b"{", true);
    stream.complete();
    assert_eq!(
        filter.metric("rustformations_failures_total", &["json_invalid"]),
        1
    );
    assert_eq!(
        filter.metric("rustformations_requests_total", &["invalid"]),
        0
    );
}

#[test]
fn a_route_may_not_measure() {
    let host = host(Generation::V1_40);
    assert!(
        host.route_config("rustformation", CONFIG.as_bytes())
            .is_none()
    );
    let logs = host.logs();
    let told = |(level, line): &(LogLevel, String)| {
        *level == LogLevel::Critical
            && line.contains("RF008: metrics: a route can define no metric")
    };
    assert!(logs.iter().any(told), "{logs:?}");
}

/// A configuration of ours, with a filter that has a bug.
struct Broken(Box<dyn HttpFilterConfig>);

impl Broken {
    fn load(
        envoy: &mut EnvoyHttpFilterConfig,
        name: &str,
        config: &[u8],
    ) -> Option<Box<dyn HttpFilterConfig>> {
        let config = crate::new_http_filter_config(envoy, name, config)?;
        Some(Box::new(Self(config)))
    }
}

impl HttpFilterConfig for Broken {
    fn new_http_filter(&self, _envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        panic!("a bug")
    }

    fn on_panic(&self, envoy: &mut EnvoyMetrics, hook: &'static str) {
        self.0.on_panic(envoy, hook);
    }
}

#[test]
fn every_filter_counts_its_panics() {
    for (name, config) in [
        ("rustformation", CONFIG),
        ("http-acl", r#"{"defaultAction":"allow"}"#),
    ] {
        let module = Module {
            init: crate::init,
            new_http_filter_config: Broken::load,
            new_http_filter_per_route_config: crate::new_http_filter_per_route_config,
        };
        let host = FakeHost::new(Generation::V1_40, module);
        let filter = host.filter_config(name, config.as_bytes()).unwrap();
        filter.stream().request_headers(&HEADERS, true);
        let failures = filter.metric("rustformations_failures_total", &["panic"]);
        assert_eq!(failures, 1, "{name}");
    }
}
