//! The choice of a route, both ways.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::both_ways::{BothWays, End};
use crate::stage::{Stage, same};

/// A route that answers with its name.
fn route(name: &str, matched: Value) -> Value {
    json!({
        "name": name,
        "match": matched,
        "direct_response": {"status": 200, "body": {"inline_string": name}},
    })
}

fn of_header(name: &str, header: Value) -> Value {
    route(
        name,
        json!({"prefix": format!("/{name}"), "headers": [header]}),
    )
}

/// Routes of every kind that is played.
fn routes() -> Vec<Value> {
    let string =
        |name: &str, matcher: Value| of_header(name, json!({"name": "x", "string_match": matcher}));
    let parameter = |name: &str, matcher: Value| {
        route(
            name,
            json!({"prefix": format!("/{name}"), "query_parameters": [matcher]}),
        )
    };
    vec![
        route("exact", json!({"path": "/exact"})),
        route("cased", json!({"path": "/Cased", "case_sensitive": false})),
        route("separated", json!({"path_separated_prefix": "/separated"})),
        route("regex", json!({"safe_regex": {"regex": "/regex/\\d+"}})),
        // Envoy's own answers to gRPC look otherwise.
        json!({"match": {"prefix": "/grpc", "grpc": {}}, "route": {"cluster": "upstream"}}),
        string("h-exact", json!({"exact": "a"})),
        string("h-prefix", json!({"prefix": "a"})),
        string("h-suffix", json!({"suffix": "a"})),
        string("h-contains", json!({"contains": "B", "ignore_case": true})),
        string("h-regex", json!({"safe_regex": {"regex": "a|b,c"}})),
        of_header("h-present", json!({"name": "x", "present_match": true})),
        of_header("h-absent", json!({"name": "x", "present_match": false})),
        of_header("h-any", json!({"name": "x"})),
        of_header(
            "h-inverted-present",
            json!({"name": "x", "present_match": true, "invert_match": true}),
        ),
        of_header(
            "h-inverted",
            json!({"name": "x", "string_match": {"exact": "a"}, "invert_match": true}),
        ),
        of_header(
            "h-empty",
            json!({"name": "x", "string_match": {"exact": "a"}, "invert_match": true,
            "treat_missing_header_as_empty": true}),
        ),
        of_header(
            "h-range",
            json!({"name": "x", "range_match": {"start": 5, "end": 10}}),
        ),
        of_header(
            "h-host",
            json!({"name": "host", "string_match": {"exact": "h"}}),
        ),
        of_header(
            "h-path",
            json!({"name": ":path", "string_match": {"suffix": "?x=a"}}),
        ),
        parameter(
            "q-exact",
            json!({"name": "x", "string_match": {"exact": "a"}}),
        ),
        parameter(
            "q-encoded",
            json!({"name": "x", "string_match": {"exact": "a%20b"}}),
        ),
        parameter("q-present", json!({"name": "x", "present_match": true})),
        route("default", json!({"prefix": "/"})),
    ]
}

/// A configuration of every kind of virtual host, with one `routes` each.
fn virtual_hosts() -> Value {
    let host = |domains: Value, name: &str| json!({"name": name, "domains": domains, "routes": [route(name, json!({"prefix": "/"}))]});
    json!([
        {"name": "all", "domains": ["*"], "routes": routes()},
        host(json!(["www.example.com", "port.example.com:81"]), "same"),
        host(json!(["*.example.com"]), "behind"),
        host(json!(["*-b.example.com"]), "behind-longer"),
        host(json!(["api.*"]), "before"),
        host(json!(["api.v1.*"]), "before-longer"),
        {"name": "empty", "domains": ["none.test"], "routes": [route("one", json!({"path": "/one"}))]},
    ])
}

const HOSTS: [&str; 12] = [
    "WWW.example.com",
    "www.example.com:81",
    "port.example.com:81",
    "port.example.com",
    "a.example.com",
    "a-b.example.com",
    "-b.example.com",
    ".example.com",
    "api.test",
    "api.v1.test",
    "api.example.com",
    "none.test",
];

const PATHS: [&str; 15] = [
    "/exact",
    "/exact?x=1",
    "/exact/",
    "/cASED",
    "/separated",
    "/separated/a",
    "/separated?x",
    "/separateda",
    "/regex/12",
    "/regex/12?x=y",
    "/regex/12a",
    "/grpc",
    "/",
    "/other?x=a#y",
    "/q-present?y=1&x",
];

/// What headers and parameters are tried.
const VALUES: [&[&str]; 11] = [
    &["a", "b"],
    &["b", "a"],
    &[],
    &["a"],
    &["abc"],
    &["cba"],
    &["b", "c"],
    &["a", "a"],
    &["5"],
    &["10"],
    &["7.5"],
];

pub(super) async fn eval_chooses_the_route_that_envoy_chooses(stage: &Stage) -> Result<()> {
    let hosts = virtual_hosts();
    let both_ways = BothWays::with_routes(stage, "routes", hosts).await?;
    let mut calls: Vec<Vec<String>> = Vec::new();
    calls.extend(PATHS.map(|path| vec![format!("h{path}")]));
    calls.extend(HOSTS.map(|host| vec![format!("http://{host}/")]));
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpcs",
        "application/grpc;a=b",
        "application/json",
    ] {
        calls.push(vec![
            "h/grpc".to_owned(),
            "-H".to_owned(),
            format!("content-type: {kind}"),
        ]);
    }
    for route in routes() {
        let name = route
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for values in VALUES.iter().filter(|_| name.starts_with("h-")) {
            let mut call = vec![format!("h/{name}")];
            for value in *values {
                call.extend(["-H".to_owned(), format!("x: {value}")]);
            }
            calls.push(call);
        }
        for query in [
            "",
            "?x",
            "?x=",
            "?x=a",
            "?x=b&x=a",
            "?x=a&x=b",
            "?y=1&x=a%20b",
            "?&x=a",
        ] {
            calls.push(vec![format!("h/{name}{query}")]);
        }
    }
    let joins = !stage.release.at_least(1, 39);
    let (mut differences, mut by_upstream, mut joined) = (Vec::new(), 0, 0);
    for call in &calls {
        let call: Vec<&str> = call.iter().map(String::as_str).collect();
        match both_ways.play(&call).await {
            Ok((end, _)) => by_upstream += usize::from(end == End::Upstream),
            // What the newer releases do is played, and what the others do is named.
            Err(_) if joins && names_older_releases(&both_ways, &call)? => joined += 1,
            Err(error) => differences.push(format!("{}: {error:#}", call.join(" "))),
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    same(
        "calls whose values are joined",
        joined,
        if joins { 18 } else { 0 },
    )?;
    same("calls of gRPC", by_upstream, 2)?;
    same("calls", calls.len(), 15 + 12 + 5 + 14 * 11 + 23 * 8)
}

fn names_older_releases(both_ways: &BothWays, call: &[&str]) -> Result<bool> {
    let dry = both_ways.dry(call)?;
    let mut named = dry.not_played.iter();
    Ok(named.any(|what| what.contains("before Envoy 1.39")))
}
