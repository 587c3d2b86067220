use std::collections::BTreeMap;

use envoy_fake_host::{FakeFilterConfig, FakeHost, FakeStream, Generation, MetadataValue};
use envoy_proxy_dynamic_modules_rust_sdk::{AttributeId, LogLevel};

use crate::tests::host;

const HEADERS: [(&str, &str); 2] = [(":method", "GET"), (":path", "/")];

const CONFIG: &str = r#"{
    "defaultAction": "allow",
    "rules": [{"name": "internal", "cidrs": ["10.0.0.0/8"], "action": "deny"}],
    "denyResponse": {"statusCode": 429, "headers": [{"name": "Retry-After", "value": "60"}], "blockedByHeaderName": "X-Blocked-By"}
}"#;

fn configured(host: &FakeHost, config: &str) -> FakeFilterConfig {
    host.filter_config("http-acl", config.as_bytes()).unwrap()
}

/// A stream from this address, not asked yet.
fn from(config: &FakeFilterConfig, source: Option<&str>) -> FakeStream {
    let stream = config.stream();
    if let Some(source) = source {
        stream.set_attribute_string(AttributeId::SourceAddress, source);
    }
    stream
}

fn blocked_by(stream: &FakeStream) -> Option<MetadataValue> {
    stream.metadata("dev.kgateway.http.acl", "blocked-by")
}

#[test]
fn a_denied_request_is_counted_marked_and_answered() {
    for generation in Generation::ALL {
        let host = host(generation);
        let config = configured(&host, CONFIG);
        let stream = from(&config, Some("10.5.5.5:49152"));
        stream.request_headers(&HEADERS, true);

        assert!(stream.upstream().headers.is_none());
        let replies = stream.local_replies();
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].status, 429);
        assert_eq!(replies[0].headers.value("retry-after"), Some("60"));
        assert_eq!(replies[0].headers.value("x-blocked-by"), Some("internal"));
        assert!(replies[0].body.is_empty());
        if !generation.is_1_36() {
            assert_eq!(replies[0].details, "http-acl: denied by policy");
        }
        assert_eq!(
            blocked_by(&stream),
            Some(MetadataValue::String("internal".into()))
        );
        assert_eq!(config.metric("dev.kgateway.http.acl.blocked", &[]), 1);
    }
}

#[test]
fn a_request_without_a_usable_address_is_denied() {
    let host = host(Generation::V1_40);
    let config = configured(&host, CONFIG);
    for source in [None, Some("/run/envoy.sock")] {
        let stream = from(&config, source);
        stream.request_headers(&HEADERS, true);
        assert_eq!(
            blocked_by(&stream),
            Some(MetadataValue::String("unknown-ip".into()))
        );
        assert_eq!(stream.local_replies().len(), 1);
    }
    assert_eq!(config.metric("dev.kgateway.http.acl.blocked", &[]), 2);
}

#[test]
fn an_allowed_request_goes_on_and_nothing_else() {
    let config = configured(&host(Generation::V1_40), CONFIG);
    let stream = from(&config, Some("[2001:db8::1]:49152"));
    stream.request_headers(&HEADERS, false);
    stream.request_body(b"x", true);
    stream.response_headers(&[(":status", "200")], false);
    stream.response_body(b"y", true);
    assert_eq!(stream.upstream().body(), b"x");
    assert_eq!(stream.downstream().body(), b"y");
    assert_eq!(
        stream.all_calls(),
        BTreeMap::from([
            ("get_most_specific_route_config", 1),
            // Whether there is a connection, and the address of its other end.
            ("http_filter_get_attribute_int", 1),
            ("http_filter_get_attribute_string", 1),
        ])
    );
    assert_eq!(config.metric("dev.kgateway.http.acl.blocked", &[]), 0);
}

#[test]
fn a_route_replaces_the_listener_and_another_filters_configuration_refuses() {
    let host = host(Generation::V1_40);
    let listener = configured(&host, CONFIG);
    let route = host
        .route_config("http-acl", br#"{"defaultAction":"deny"}"#)
        .unwrap();
    let foreign = host.route_config("rustformation", b"{}").unwrap();
    for (route, source, status) in [
        (None, "10.0.0.1", Some(429)),
        (None, "11.0.0.1", None),
        (Some(&route), "10.0.0.1", Some(403)),
        (Some(&route), "11.0.0.1", Some(403)),
        (Some(&foreign), "10.0.0.1", Some(500)),
        (Some(&foreign), "11.0.0.1", Some(500)),
    ] {
        let stream = from(&listener, Some(source));
        stream.set_route_config(route);
        stream.request_headers(&HEADERS, true);
        let replies = stream.local_replies();
        assert_eq!(replies.first().map(|reply| reply.status), status);
    }
    assert!(host.logged(LogLevel::Error, "made by another filter"));
}

#[test]
fn broken_configurations_are_refused_with_reasons_and_odd_ones_warned_of() {
    let broken = br#"{"defaultAction":"allow","rules":[{"cidrs":["10.0.0.1/8"],"action":"deny"}]}"#;
    for generation in Generation::ALL {
        let host = host(generation);
        assert!(host.filter_config("http-acl", broken).is_none());
        assert!(host.route_config("http-acl", b"{}").is_none());
        assert!(host.logged(LogLevel::Critical, "http-acl: RF010: rules[0].cidrs[0]: "));
        assert!(host.logged(
            LogLevel::Critical,
            "http-acl (per route): RF002: missing key `defaultAction`"
        ));
        configured(&host, r#"{"defaultAction":"allow","rule":[]}"#);
        assert!(host.logged(LogLevel::Warn, "http-acl: RF003: rule: unknown key"));
    }
}

/// Of a mirrored request in a cluster's chain there is no address, and Envoy up to 1.39 dies when asked.
#[test]
fn a_request_that_no_client_sent_is_denied() {
    for generation in Generation::ALL {
        let host = host(generation);
        let config = configured(&host, CONFIG);
        let stream = from(&config, Some("192.0.2.1:1"));
        stream.without_connection();
        stream.request_headers(&HEADERS, true);
        assert_eq!(stream.local_replies()[0].status, 429);
    }
}
