//! Configurations of routes, beside the filters that they are for.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::printed;

/// A chain with the filter of this name, and a route with a configuration for that filter.
fn chain_and_route(filter: &str, own: &str, of_route: &str, config: Value) -> String {
    let filter_type = |name: &str| {
        format!("type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.{name}")
    };
    let module = json!({"name": "rust_module", "do_not_close": true});
    let chain = json!([{"name": "ours", "typed_config": {
        "@type": filter_type("DynamicModuleFilter"),
        "dynamic_module_config": module,
        "filter_name": filter,
        "filter_config": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": own},
    }}]);
    let route = json!({"typed_per_filter_config": {"ours": {
        "@type": filter_type("DynamicModuleFilterPerRoute"),
        "dynamic_module_config": module,
        "per_route_config_name": of_route,
        "filter_config": config,
    }}});
    json!({"http_filters": chain, "routes": [route]}).to_string()
}

fn text(config: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": config})
}

#[test]
fn a_configuration_for_another_filter() {
    let denies = r#"{"defaultAction":"deny"}"#;
    let with = |name: &str, config: &str| {
        printed(&chain_and_route("rustformation", "{}", name, text(config)))
    };
    assert_snapshot!(with("http-acl", denies), @"routes[0].typed_per_filter_config.ours: error RF008: the filter `ours` is `rustformation`, and cannot read a configuration of `http-acl`: every request is answered 500; write `per_route_config_name: rustformation`");
    assert_eq!(with("rustformation", "{}"), "");
    assert_eq!(with("http_simple_mutations", "{}"), "");
    let other = chain_and_route("http-acl", denies, "rustformation", text("{}"));
    assert_snapshot!(printed(&other), @"routes[0].typed_per_filter_config.ours: error RF008: the filter `ours` is `http-acl`, and cannot read a configuration of `rustformation`: every request is answered 500; write `per_route_config_name: http-acl`");
}

#[test]
fn an_empty_struct() {
    let empty = json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {}});
    let with = |config| {
        printed(&chain_and_route(
            "rustformation",
            "{}",
            "rustformation",
            config,
        ))
    };
    assert_snapshot!(with(empty), @r#"routes[0].typed_per_filter_config.ours: warning RF008: before Envoy 1.39, an empty Struct of a route arrives as nothing, which is refused; write `"@type": type.googleapis.com/google.protobuf.StringValue` and `value: '{}'`"#);
    assert_eq!(with(text("{}")), "");
}

/// Routes know what a composite chooses among by the name of the composite.
#[test]
fn a_filter_that_a_composite_chooses() {
    let with = |key: &str| {
        let beside = chain_and_route("rustformation", "{}", "rustformation", text("{}"));
        let beside: Value = serde_json::from_str(&beside).unwrap();
        let composite = json!({
            "@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
            "xds_matcher": {"on_no_match": {"action": {"name": "run", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
                "typed_config": beside["http_filters"][0],
            }}}},
        });
        let route = &beside["routes"][0]["typed_per_filter_config"]["ours"];
        let whole = json!({
            "http_filters": [{"name": "by-tenant", "typed_config": composite}],
            "routes": [{"typed_per_filter_config": {key: route}}],
        });
        printed(&whole.to_string())
    };
    assert_eq!(with("by-tenant"), "");
    assert_snapshot!(with("ours"), @"routes[0].typed_per_filter_config.ours: warning RF005: no filter in `http_filters` is named `ours`, so Envoy ignores this; write `by-tenant`, the filter's `name`");
}
