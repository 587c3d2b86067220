//! What does nothing, or something else, in a cluster.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{envoy_filter, loads, printed};

/// An Envoy configuration with filters in a listener and in a cluster.
fn bootstrap(in_listener: &Value, in_cluster: &Value) -> String {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "http_filters": [in_listener],
    });
    let options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "http_filters": [in_cluster],
    });
    json!({"static_resources": {
        "listeners": [{"filter_chains": [{"filters": [{"typed_config": manager}]}]}],
        "clusters": [{"typed_extension_protocol_options": {"options": options}}],
    }})
    .to_string()
}

/// The same with nothing in the listener.
fn cluster(config: &str) -> String {
    bootstrap(&Value::Null, &envoy_filter("ours", config))
}

#[test]
fn a_route_that_cannot_be_chosen_again() {
    let route = r#"{"request": {"extract": [{"header": "x-model"}]}}"#;
    assert_snapshot!(printed(&cluster(route)), @"static_resources.clusters[0].typed_extension_protocol_options.options.http_filters[0].typed_config: warning RF015: request: a filter in a cluster cannot change the route: headers are set, and the route stays; route in the listener's filter, or set `clearRouteCache: false`");
    loads(&cluster(
        r#"{"request": {"extract": [{"header": "x-model"}], "clearRouteCache": false}}"#,
    ));
}

#[test]
fn a_rejection_that_ends_every_attempt() {
    let reject = r#"{"request": {"extract": [{"metadata": {"namespace": "llm", "key": "model"}, "onMissing": "reject"}]}}"#;
    assert_snapshot!(printed(&cluster(reject)), @"static_resources.clusters[0].typed_extension_protocol_options.options.http_filters[0].typed_config: warning RF015: request.extract: `reject` in a cluster ends the request: no other attempt follows; reject in the listener's filter, which sees a request once");
}

#[test]
fn an_address_that_may_be_missing() {
    let address = r#"{"request": {"set": [{"name": "x-a", "cel": "source.address"}]}}"#;
    assert_snapshot!(printed(&cluster(address)), @"static_resources.clusters[0].typed_extension_protocol_options.options.http_filters[0].typed_config: warning RF015: `source` and `destination` have no value in requests that no client sent, such as mirrored ones; write `default(source.address, '')`");
}

#[test]
fn a_name_in_both() {
    let ours = envoy_filter("ours", "{}");
    assert_snapshot!(printed(&bootstrap(&ours, &ours)), @"static_resources.clusters[0].typed_extension_protocol_options.options.http_filters[0].typed_config: warning RF015: the filter at static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config has the name `ours` too, so a route's configuration of that name reaches both; give one of them another `name`");
    loads(&bootstrap(&ours, &envoy_filter("theirs", "{}")));
}

#[test]
fn what_only_an_attempt_has() {
    let reads = r#"{"request": {"set": [{"name": "x-a", "cel": "string(request.attempt)"},
        {"name": "x-b", "cel": "xds.upstream_host_metadata.filter_metadata.llm.model"}]}}"#;
    let own = envoy_filter("ours", reads);
    assert_snapshot!(printed(&bootstrap(&own, &Value::Null)), @r"
    static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config: warning RF015: request: `request.attempt` has no value before a host is chosen; read it in the filter of a cluster
    static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config: warning RF015: request: `xds.upstream_host_metadata` has no value before a host is chosen; read it in the filter of a cluster
    ");
    loads(&bootstrap(&Value::Null, &own));
    let answers = r#"{"response": {"set": [{"name": "x-a", "cel": "string(request.attempt)"}]}}"#;
    loads(&bootstrap(&envoy_filter("ours", answers), &Value::Null));
}

/// What `check` prints for a response that the listener's filter answers and the cluster's filter works on.
fn replaced(in_listener: &str, in_cluster: &str) -> String {
    printed(&bootstrap(
        &envoy_filter("outer", &format!(r#"{{"response": {in_listener}}}"#)),
        &envoy_filter("inner", &format!(r#"{{"response": {in_cluster}}}"#)),
    ))
}

const BY_HEADERS: &str =
    r#"{"onFailure": "continue", "reject": [{"when": "response.code == 429", "status": 503}]}"#;
const PATCH: &str = r#"{"patch": [{"replace": "/model", "value": "ours"}]}"#;

#[test]
fn an_answer_in_place_of_a_held_response_kills_envoy_1_36() {
    assert_snapshot!(replaced(BY_HEADERS, PATCH), @"static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config: warning RF015: response.reject: Envoy 1.36 dies if this answers in place of a response that the cluster's filter `inner` holds; run Envoy 1.37 or later, or read and edit the bodies of responses in the listener's filter only");
    let fails = r#"{"onFailure": "reject", "when": "response.code == 200", "set": [{"name": "x-a", "value": "a"}]}"#;
    assert!(replaced(fails, PATCH).contains("RF015: response.onFailure: Envoy 1.36 dies"));
}

#[test]
fn no_answer_at_the_headers_and_no_held_response_are_well() {
    let by_body = r#"{"bodyMode": "buffered", "onFailure": "continue", "reject": [{"when": "json(response.body).a == 1", "status": 503}]}"#;
    assert_eq!(replaced(by_body, PATCH), "");
    let reads = r#"{"extract": [{"from": [{"usage": "total"}], "metadata": {"namespace": "llm", "key": "total"}}]}"#;
    assert_eq!(replaced(BY_HEADERS, reads), "");
    loads(&bootstrap(
        &envoy_filter("outer", &format!(r#"{{"response": {BY_HEADERS}}}"#)),
        &Value::Null,
    ));
}
