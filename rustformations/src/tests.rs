//! The module under a fake Envoy: its life cycle in every generation, and what it asks of the host.

mod host_calls;
mod metrics;
mod streaming;

use std::sync::Arc;

use envoy_fake_host::{FakeFilterConfig, FakeHost, FakeStream, Generation, MetadataValue, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{AttributeId, LogLevel, MetadataSource};
use transformations::SharedProgram;

const EXTRACT: &str = r#"{"request":{"extract":[{"header":"x-model"}]}}"#;
const BODY: &[u8] = br#"{"messages":[],"model":"gpt-4o"}"#;
const HEADERS: [(&str, &str); 5] = [
    (":method", "POST"),
    (":path", "/"),
    ("content-type", "application/json"),
    ("content-length", "32"),
    ("x-model", "forged"),
];

/// How often the route is chosen: without the forged header, and with the one of the body.
const ROUTED: usize = 2;

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
fn what_when_rules_out_by_its_headers_is_not_held() {
    let asked = |when: &str| {
        let config = r#"{"request":{"when":"WHEN","extract":[{"header":"x-model"}]}}"#;
        let filter = configured(&host(Generation::V1_40), &config.replace("WHEN", when));
        let stream = filter.stream();
        stream.request_headers(&HEADERS, false);
        let held = stream.upstream().headers.is_none();
        stream.request_body(BODY, true);
        assert_eq!(stream.upstream().body(), BODY);
        let failures = filter.metric("rustformations_failures_total", &["render"]);
        (held, model(&stream), failures)
    };
    let routed = Some("gpt-4o".to_owned());
    assert_eq!(asked("request.method == 'POST'"), (true, routed.clone(), 0));
    assert_eq!(asked("request.method == 'PUT'"), (false, None, 0));
    assert_eq!(asked("request.headers['x-none'] == ''"), (false, None, 1));
    assert_eq!(asked("json(request.body).model == 'a'"), (true, None, 0));
    // Asked once: each answer is another.
    let answers = (0..60).map(|_| asked("random() < 0.5"));
    assert!(
        answers
            .into_iter()
            .all(|(held, model, _)| held == model.is_some())
    );
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
            assert_eq!(stream.route_cache_cleared(), ROUTED);
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
fn a_route_whose_configuration_does_not_compile_is_answered_500() {
    let module = Module {
        init: crate::init,
        new_http_filter_config: crate::new_http_filter_config,
        new_http_filter_per_route_config: |_, config| {
            let program = SharedProgram::unchecked(&Arc::default(), config);
            let program = Arc::new(program);
            Some(Box::new(crate::configuration::Route { program }))
        },
    };
    let host = FakeHost::new(Generation::V1_40, module);
    let listener = configured(&host, EXTRACT);
    let route = host.route_config("rustformation", b"{").unwrap();
    let stream = listener.stream();
    stream.set_route_config(Some(&route));
    stream.request_headers(&HEADERS, true);
    let replies = stream.local_replies();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].status, 500);
    assert!(stream.upstream().headers.is_none());
    let counted = listener.metric("rustformations_failures_total", &["config"]);
    assert_eq!(counted, 1);
    assert!(host.logged(LogLevel::Error, "does not compile"));
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
        assert!(host.logged(LogLevel::Critical, "rustformation: RF001: not JSON"));
        assert!(host.logged(
            LogLevel::Critical,
            "rustformation (per route): RF001: the configuration is empty"
        ));
        assert!(host.logged(LogLevel::Critical, "unknown filter `rustformatoin`"));
    }
}

/// Whole, as an operator reads them. The command's tests hold the text of every diagnostic.
#[test]
fn diagnostics_are_lines_of_the_log() {
    let host = host(Generation::ALL[0]);
    let typo =
        br#"{"request": {"set": [{"name": "x-a", "value": "{{ \"a\" | uper }}"}], "remve": []}}"#;
    assert!(host.filter_config("rustformation", typo).is_some());
    let wrong =
        br#"{"request": {"remove": ["a b"], "set": [{"name": "x-a", "cel": "requst.path"}]}}"#;
    assert!(host.route_config("rustformation", wrong).is_none());
    assert!(host.filter_config("http-acl", b"{}").is_none());
    assert!(host.filter_config("rustformatoin", b"{}").is_none());
    let lines = host.logs().into_iter();
    let lines = lines.filter(|(level, _)| matches!(level, LogLevel::Warn | LogLevel::Critical));
    let lines: Vec<String> = lines
        .map(|(level, line)| format!("{level:?} {line}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Warn rustformation: RF003: request.remve: unknown key, which is ignored; did you mean `remove`?
    Warn rustformation: RF005: request.set[0] `x-a`: unknown filter `uper` at 1:10; did you mean `upper`?
    Critical rustformation (per route): RF012: request.set[0] `x-a`: unknown name `requst` at 1:1; did you mean `request`?
    Critical rustformation (per route): RF006: request.remove[0]: `a b` is not a header name; use letters, digits and `-`
    Critical http-acl: RF002: missing key `defaultAction`; add `"defaultAction": "deny"`, or `"allow"`
    Critical unknown filter `rustformatoin`; set filter_name (per route: per_route_config_name) to one of `rustformation`, `http_simple_mutations`, `http-acl`
    "#);
}

#[test]
fn expressions_read_what_the_host_tells() {
    let config = r#"{"request": {"set": [
        {"name": "x-address", "cel": "source.address"},
        {"name": "x-port", "cel": "source.port + 1"},
        {"name": "x-mtls", "cel": "connection.mtls"},
        {"name": "x-subject", "cel": "connection.subject_peer_certificate"},
        {"name": "x-text", "cel": "metadata['n'].text"},
        {"name": "x-number", "cel": "int(metadata['n'].number)"},
        {"name": "x-none", "cel": "default(metadata['n'].none, 'none')"}
    ]}}"#;
    for generation in Generation::ALL {
        let stream = configured(&host(generation), config).stream();
        stream.set_attribute_string(AttributeId::SourceAddress, "10.1.2.3:4567");
        stream.set_attribute_int(AttributeId::SourcePort, 4567);
        stream.set_attribute_bool(AttributeId::ConnectionMtls, true);
        stream.set_attribute_string(AttributeId::ConnectionSubjectPeerCertificate, "CN=a");
        let dynamic = MetadataSource::Dynamic;
        stream.set_metadata(dynamic, "n", "text", MetadataValue::String("t".to_owned()));
        stream.set_metadata(dynamic, "n", "number", MetadataValue::Number(7.0));
        stream.request_headers(&HEADERS, true);
        let header = |name| stream.upstream().header(name).map(str::to_owned);
        assert_eq!(header("x-address").as_deref(), Some("10.1.2.3"));
        assert_eq!(header("x-port").as_deref(), Some("4568"));
        // Releases before 1.37.1 tell no booleans.
        if generation >= Generation::V1_37_1 {
            assert_eq!(header("x-mtls").as_deref(), Some("true"), "{generation:?}");
        }
        assert_eq!(header("x-subject").as_deref(), Some("CN=a"));
        assert_eq!(header("x-text").as_deref(), Some("t"));
        assert_eq!(header("x-number").as_deref(), Some("7"));
        assert_eq!(header("x-none").as_deref(), Some("none"));
    }
}

#[test]
fn a_request_that_no_client_sent_has_no_addresses() {
    let config = r#"{"request": {"set": [
        {"name": "x-source", "cel": "default(source.address, 'none') + string(default(source.port, 0))"},
        {"name": "x-destination", "cel": "default(destination.address, 'none') + string(default(destination.port, 0))"}
    ]}}"#;
    for generation in Generation::ALL {
        let stream = configured(&host(generation), config).stream();
        stream.without_connection();
        stream.set_attribute_string(AttributeId::SourceAddress, "10.1.2.3:4567");
        stream.request_headers(&HEADERS, true);
        for header in ["x-source", "x-destination"] {
            assert_eq!(stream.upstream().header(header), Some("none0"));
        }
    }
}

/// As by RDS: the route is configured after its listener.
#[test]
fn a_route_with_the_listeners_text_runs_once() {
    let config = r#"{"request": {"extract": [{"header": "x-model"}], "set": [
        {"name": "x-n", "value": "{{ header('x-n') }}1"}]}}"#;
    for generation in Generation::ALL {
        let host = host(generation);
        let listener = configured(&host, config);
        let route = host
            .route_config("rustformation", config.as_bytes())
            .unwrap();
        let stream = listener.stream();
        stream.request_headers(&HEADERS, false);
        stream.set_route_config(Some(&route));
        stream.request_body(BODY, true);
        assert_eq!(stream.upstream().header("x-n"), Some("1"));
    }
}
