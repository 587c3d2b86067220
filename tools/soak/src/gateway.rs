//! The Envoy that is soaked: one listener whose routes use the whole of the module.

use harness::{Bootstrap, Cluster, Filter, Route};
use serde_json::{Value, json};

use crate::exchange::{LARGE, SMALL};
use crate::upstream::{ROUTE, Upstream};

/// The upstreams: one that always answers, one that dies, and the one that answers then.
pub(crate) struct Upstreams {
    steady: Upstream,
    first: Upstream,
    second: Upstream,
}

impl Upstreams {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Ok(Self {
            steady: Upstream::start("steady").await?,
            first: Upstream::start("first").await?,
            second: Upstream::start("second").await?,
        })
    }
}

/// Its listener, routes and clusters.
pub(crate) fn bootstrap(upstreams: &Upstreams) -> Bootstrap {
    let steady = upstreams.steady.address;
    let listener = json!({
        "metrics": {"labels": {"model": "extracted.model"}, "maxValues": 10},
        "request": {"extract": [model()]},
        "response": {"extract": [{"from": [{"usage": "total"}], "metadata": {"namespace": "soak", "key": "tokens"}}]},
    });
    let mut bootstrap = Bootstrap::new()
        .filter(acl(&json!({"defaultAction": "allow"})))
        .filter(listener)
        .cluster("steady", steady)
        .http2_cluster("multiplexed", steady)
        .add_cluster(failover(upstreams));
    for (path, cluster) in [("/count", "steady"), ("/stream", "multiplexed")] {
        for model in [SMALL, LARGE] {
            let route = Route::to(cluster).prefix(path).header("x-model", model);
            bootstrap = bootstrap.route(with_config(route, path).field(
                "request_headers_to_add",
                json!([{"header": {"key": ROUTE, "value": model}}]),
            ));
        }
    }
    for path in [
        "/count",
        "/patch",
        "/template",
        "/cel",
        "/reject",
        "/denied",
        "/breaks",
    ] {
        bootstrap = bootstrap.route(with_config(Route::to("steady").prefix(path), path));
    }
    for path in ["/stream", "/endless"] {
        bootstrap = bootstrap.route(with_config(Route::to("multiplexed").prefix(path), path));
    }
    bootstrap.route(
        Route::to("failover")
            .prefix("/failover")
            .action("retry_policy", retries()),
    )
}

fn with_config(route: Route, path: &str) -> Route {
    let config = match path {
        "/stream" => json!({
            "request": {"extract": [model()]},
            "response": {
                "extract": [{"from": [{"usage": "total"}], "metadata": {"namespace": "soak", "key": "tokens"}}],
                "patch": [{"replace": "/model", "value": "{{ extracted.model }}"}],
            },
        }),
        "/patch" => json!({"request": {
            "extract": [model()],
            "patch": [
                {"replace": "/model", "value": "real-{{ extracted.model }}"},
                {"set": "/n", "cel": "document.n + 1"},
            ],
        }}),
        "/template" => json!({
            "request": {
                "extract": [model()],
                "body": {"parseAs": "AsJson", "value": "{\"asked\":\"{{ prompt }}\",\"of\":\"{{ extracted.model }}\"}"},
                "set": [{"name": ROUTE, "value": "{{ extracted.model | upper }}"}],
            },
        }),
        "/cel" => json!({
            "request": {
                "extract": [model()],
                "set": [{"name": ROUTE, "cel": "json(request.body).messages.map(m, m.role).join(',')"}],
            },
        }),
        "/reject" => json!({
            "errorFormat": "openai",
            "request": {
                "extract": [{"name": "model", "from": [{"json": "/model"}], "header": "x-model", "onInvalid": "reject"}],
                "reject": [{
                    "when": "!(extracted.model in ['small', 'large'])",
                    "status": 404,
                    "code": "model_not_found",
                    "message": "no `{{ extracted.model }}` here",
                }],
            },
        }),
        "/denied" => {
            return route.per_route(acl(&json!({
                "defaultAction": "allow",
                "rules": [{"cidrs": ["127.0.0.0/8"], "action": "deny"}],
            })));
        }
        _ => return route,
    };
    route.per_route(Filter::new(config))
}

fn model() -> Value {
    json!({"name": "model", "from": [{"json": "/model"}, {"multipart": "model"}], "header": "x-model"})
}

fn acl(config: &Value) -> Filter {
    Filter::new(config.clone())
        .filter_name("http-acl")
        .instance("dynamic_modules/http-acl")
}

/// Two priorities. Each attempt gets the model of its host.
fn failover(upstreams: &Upstreams) -> Cluster {
    let host = |priority: u32, upstream: &Upstream, model: &str| {
        json!({
            "priority": priority,
            "lb_endpoints": [{
                "endpoint": {"address": {"socket_address": {
                    "address": upstream.address.ip().to_string(),
                    "port_value": upstream.address.port(),
                }}},
                "metadata": {"filter_metadata": {"llm": {"model": model}}},
            }],
        })
    };
    let endpoints = [
        host(0, &upstreams.first, "of-first"),
        host(1, &upstreams.second, "of-second"),
    ];
    let per_host = json!({"replace": "/model", "cel": "xds.upstream_host_metadata.filter_metadata['llm'].model"});
    Cluster::new("failover", upstreams.first.address)
        .filter(Filter::new(json!({"request": {"patch": [per_host]}})).instance("of-cluster"))
        .field(
            "load_assignment",
            json!({"cluster_name": "failover", "endpoints": endpoints}),
        )
        .field(
            "circuit_breakers",
            json!({"thresholds": [{"max_retries": 1000}]}),
        )
}

fn retries() -> Value {
    json!({
        "retry_on": "5xx,reset,connect-failure",
        "num_retries": 2,
        "retry_back_off": {"base_interval": "0.001s"},
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
    })
}
