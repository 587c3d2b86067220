//! `rustformations eval` of files with routes, as users call it.
#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// A connection manager with these filters and routes, in Envoy's words.
fn manager(filters: &Value, routes: &Value) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "http_filters": filters,
        "route_config": routes,
    })
}

fn filter(name: &str, config: &Value) -> Value {
    json!({"name": name, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
        "dynamic_module_config": {"name": "rust_module", "do_not_close": true},
        "filter_name": "rustformation",
        "filter_config": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": config},
    }})
}

fn of_route(config: &Value) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute",
        "dynamic_module_config": {"name": "rust_module", "do_not_close": true},
        "per_route_config_name": "rustformation",
        "filter_config": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": config},
    })
}

fn hosts(routes: &Value) -> Value {
    json!({"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]})
}

/// What `eval` of a file prints, and whether it succeeded.
fn eval(file: &Value, arguments: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("e.yaml"), file.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustformations"));
    let command = command.args(["eval", "--config", "e.yaml"]).args(arguments);
    let output = command.current_dir(folder.path()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

fn exchange(file: &Value, arguments: &[&str]) -> Value {
    let (_, printed) = eval(file, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn what_is_not_played_of_a_route_is_named() {
    let fraction = json!({"default_value": {"numerator": 1}});
    let routes = json!([
        {"match": {"path_match_policy": {"name": "template"}}, "route": {"cluster": "never"}},
        {
            "match": {"prefix": "/", "runtime_fraction": fraction, "dynamic_metadata": []},
            "route": {"cluster_specifier_plugin": "x", "regex_rewrite": {}},
            "request_headers_to_add": [{"header": {"key": "x-a", "value": "%PROTOCOL%"}}],
        },
    ]);
    let names = json!({"request": {"extract": [{"header": "x-model"}]}});
    let lua = json!({"name": "lua", "typed_config": {"@type": "x.lua.v3.Lua"}});
    let file = manager(&json!([lua, filter("ours", &names)]), &hosts(&routes));
    let (_, printed) = eval(&file, &["-d", "{}"]);
    let (_, not_played) = printed.split_once("not played\n").unwrap();
    insta::assert_snapshot!(not_played, @r"
      `lua` is a filter that is not played
      `route_config.virtual_hosts[0].routes[0].match.path_match_policy` is not played: the route is passed over
      `route_config.virtual_hosts[0].routes[1].request_headers_to_add[0].header` is not played: its value is of the request
      `route_config.virtual_hosts[0].routes[1].match.dynamic_metadata` is not played, and counts as met
      `route_config.virtual_hosts[0].routes[1].match.runtime_fraction` is not played, and counts as met
      `route_config.virtual_hosts[0].routes[1].route.cluster_specifier_plugin` is not played
      `route_config.virtual_hosts[0].routes[1].route.regex_rewrite` cannot be read, and is not played
    ");
}

/// A route that matches a path template.
fn of_template(matched: &str, action: &Value) -> Value {
    let config = json!({
        "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
        "path_template": matched,
    });
    json!({"match": {"path_match_policy": {"name": "template", "typed_config": config}}, "route": action})
}

/// What Envoy 1.40 sends; `tests/scenarios/dry_run` plays more with real ones.
#[test]
fn paths_are_rewritten_by_expressions_and_by_templates() {
    let by_expression = |prefix: &str, pattern: &str, substitution: &str| {
        let rewrite = json!({"pattern": {"regex": pattern}, "substitution": substitution});
        json!({"match": {"prefix": prefix}, "route": {"cluster": "up", "regex_rewrite": rewrite}})
    };
    let by_template = json!({"cluster": "up", "path_rewrite_policy": {"name": "template", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig",
        "path_template_rewrite": "/n/{rest}/{model}",
    }}});
    let routes = hosts(&json!([
        by_expression("/groups", "^/groups/([^/]+)/(.*)$", r"/\2/\1$1\\"),
        by_expression("/often", "a*", "-"),
        by_expression("/empty", "/empty", ""),
        of_template("/t/{model}/x/{rest=**}", &by_template),
        of_template("/v/{name=videos/*}/s", &json!({"cluster": "up"})),
        {"match": {"prefix": "/"}, "direct_response": {"status": 404}},
    ]));
    let file = manager(&json!([filter("ours", &json!({}))]), &routes);
    for (path, sent) in [
        ("/groups/a/b?q=1", Some(r"/b/a$1\?q=1")),
        ("/often?aa", Some("-/-o-f-t-e-n-?aa")),
        ("/empty/x", Some("/x")),
        ("/empty?y", Some("/empty?y")),
        ("/t/q%20r/x/y/z?k=v", Some("/n/y/z/q%20r?k=v")),
        ("/t/q/x/", Some("/n//q")),
        ("/t/q/x", None),
        ("/t//x/y", None),
        ("/v/videos/*=~/s", Some("/v/videos/*=~/s")),
        ("/v/videos/a[b/s", None),
        ("/v/videos/a/b/s", None),
    ] {
        let played = exchange(&file, &["--url", path]);
        let upstream = played.pointer("/upstream/headers").unwrap_or(&Value::Null);
        let headers = upstream.as_array().into_iter().flatten();
        let mut paths = headers.filter(|header| header[0] == ":path");
        let path_sent = paths.next().and_then(|header| header[1].as_str());
        assert_eq!(path_sent, sent, "{path}: {played}");
    }
}

#[test]
fn two_filters_are_played_in_turn() {
    let add = |value: &str| {
        let add = json!([{"name": "x-order", "value": value}]);
        json!({"request": {"add": add}, "response": {"add": add}})
    };
    let filters = json!([filter("first", &add("1")), filter("second", &add("2"))]);
    let routes = hosts(&json!([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]));
    let played = exchange(&manager(&filters, &routes), &["-d", "{}"]);
    let order = |headers: &Value| -> Vec<String> {
        let headers = headers.as_array().unwrap().iter();
        let named = headers.filter(|header| header[0] == "x-order");
        named
            .map(|header| header[1].as_str().unwrap().to_owned())
            .collect()
    };
    let request = played.pointer("/filters/1/request/sentHeaders").unwrap();
    assert_eq!(order(request), ["1", "2"]);
    assert_eq!(
        order(played.pointer("/answer/headers").unwrap()),
        ["2", "1"]
    );
}

#[test]
fn routes_by_themselves_are_played() {
    let set = json!({"request": {"set": [{"name": "x-of", "value": "route"}]}});
    let routes = hosts(&json!([{"match": {"path": "/a"}, "route": {"cluster": "a"},
        "typed_per_filter_config": {"ours": of_route(&set)}}]));
    let played = exchange(&routes, &["--url", "/a"]);
    let change = json!([{"name": "x-of", "before": [], "after": ["route"]}]);
    assert_eq!(played.pointer("/filters/0/request/headers"), Some(&change));
    assert_eq!(played.pointer("/upstream/cluster"), Some(&json!("a")));
    let (_, printed) = eval(&routes, &["--url", "/b"]);
    assert!(
        printed.starts_with("route: none, so Envoy answers 404\n"),
        "{printed}"
    );
    assert!(printed.ends_with("the client gets 404\n"), "{printed}");
}

#[test]
fn one_of_several_connection_managers_is_named() {
    let filters = json!([filter(
        "ours",
        &json!({"request": {"set": [{"name": "x-a", "value": "b"}]}})
    )]);
    let answer = |status: u16| {
        let routes = json!([{"match": {"prefix": "/"}, "direct_response": {"status": status}}]);
        manager(&filters, &hosts(&routes))
    };
    let file = json!({"static_resources": {"listeners": [{"a": answer(201)}, {"a": answer(202)}]}});
    let (succeeded, printed) = eval(&file, &[]);
    assert!(!succeeded);
    let places = "choose one with `--at`:\n  static_resources.listeners[0].a\n  static_resources.listeners[1].a";
    assert!(printed.contains(places), "{printed}");
    let (_, printed) = eval(&file, &["--at", "static_resources.listeners[1].a"]);
    assert!(printed.contains("the client gets 202"), "{printed}");
    // A filter by itself has no routes.
    let filter = "static_resources.listeners[1].a.http_filters[0].typed_config";
    let (_, printed) = eval(&file, &["--at", filter]);
    assert!(
        printed.starts_with("request GET") && printed.ends_with("goes on changed\n"),
        "{printed}"
    );
}

#[test]
fn a_piece_that_waits_in_one_filter_comes_later_to_the_next() {
    let holds = json!({"request": {"extract": [{"header": "x-model"}]}});
    let filters = json!([filter("first", &holds), filter("second", &holds)]);
    let routes = hosts(&json!([{"match": {"prefix": "/"}, "route": {"cluster": "a"}}]));
    let file = manager(&filters, &routes);
    let arguments = ["-d", r#"{"model":"a"}"#, "--pieces", "5"];
    let played = exchange(&file, &arguments);
    let steps = |filter: usize| {
        let steps = played.pointer(&format!("/filters/{filter}/request/steps"));
        steps.unwrap().as_array().unwrap().len()
    };
    assert_eq!((steps(0), steps(1)), (4, 2));
}

#[test]
fn an_answer_to_grpc_is_named() {
    let rule = json!([{"when": "true", "status": 403}]);
    let filters = json!([filter(
        "ours",
        &json!({"request": {"onFailure": "reject", "reject": rule}})
    )]);
    let file = manager(&filters, &hosts(&json!([])));
    let grpc = ["-H", "content-type: application/grpc", "-d", "x"];
    let (_, printed) = eval(&file, &grpc);
    assert!(
        printed.contains("`grpc-status` is how Envoy answers gRPC"),
        "{printed}"
    );
    let (_, printed) = eval(&file, &["-d", "x"]);
    assert!(!printed.contains("grpc"), "{printed}");
}
