//! A route's configuration replaces the listener's as a whole.

use anyhow::Result;
use harness::{Bootstrap, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::gateway::MODEL;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_route_replaces_and_empties,
    Ends the_most_specific_configuration_wins,
    All a_route_that_disables_the_filter_is_found_by_a_forged_header,
    All a_filter_that_the_chosen_route_disables_runs,
    All a_streamed_request_waits_for_the_route_that_needs_its_body,
    All a_method_does_not_become_head,
];

fn set(value: &str) -> Value {
    json!({
        "request": {"set": [{"name": "x-request", "value": value}]},
        "response": {"set": [{"name": "x-response", "value": value}]},
    })
}

async fn a_route_replaces_and_empties(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let only_request = json!({"request": {"set": [{"name": "x-request", "value": "route"}]}});
    let bootstrap = Bootstrap::new()
        .filter(set("listener"))
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .prefix("/route")
                .per_route(only_request),
        )
        .route(Route::to("upstream").prefix("/off").per_route(json!({})))
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for (path, request, response) in [
        ("/", Some("listener"), Some("listener")),
        ("/route", Some("route"), None),
        ("/off", None, None),
    ] {
        let answer = Request::post(path)
            .body("x")
            .send(address)
            .await?
            .expect_status(200)?;
        let seen = upstream.request().await?;
        same(path, seen.headers.value("x-request").as_deref(), request)?;
        same(
            path,
            answer.headers.value("x-response").as_deref(),
            response,
        )?;
    }
    Ok(())
}

async fn the_most_specific_configuration_wins(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = Bootstrap::new()
        .filter(json!({}))
        .per_route_configuration(set("configuration"))
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .prefix("/route")
                .per_route(set("route")),
        )
        .route(Route::to("upstream"));
    let with_host = bootstrap.clone().per_virtual_host(set("host"));
    for (bootstrap, path, expected) in [
        (&bootstrap, "/", "configuration"),
        (&with_host, "/", "host"),
        (&with_host, "/route", "route"),
    ] {
        let envoy = stage.envoy(bootstrap).await?;
        let response = Request::get(path)
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        same(
            path,
            only(&response.headers, "x-response")?.as_str(),
            expected,
        )?;
    }
    Ok(())
}

/// A first route that extracts the model, and one that a model chooses, with a configuration of its own.
fn chosen(first: Value, second: Value, upstream: &Upstream) -> Bootstrap {
    Bootstrap::new()
        .filter(json!({}))
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .header(MODEL, "gpt-4o")
                .per_route(second),
        )
        .route(Route::to("upstream").per_route(first))
}

/// Of a filter on a route, as Envoy's own configuration has it.
fn disabled() -> Value {
    json!({"rustformations": {
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
        "disabled": true,
    }})
}

/// Envoy makes no filter for the route that it finds first, so nothing removes what a client forges;
/// but the connection manager can, before there is a route.
async fn a_route_that_disables_the_filter_is_found_by_a_forged_header(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let extract = || {
        Bootstrap::new()
            .filter(json!({"request": {"extract": [{"header": MODEL}]}}))
            .cluster("upstream", upstream.address())
    };
    let forged = || Route::to("upstream").header(MODEL, "gpt-4o");
    let off = || forged().field("typed_per_filter_config", disabled());
    let early = json!([{
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [{"remove": MODEL}],
        },
    }]);
    for (what, bootstrap, model) in [
        ("disabled", extract().route(off()), "gpt-4o"),
        (
            "{}",
            extract().route(forged().per_route(json!({}))),
            "mistral",
        ),
        (
            "disabled, and removed early",
            extract()
                .route(off())
                .connection_manager("early_header_mutation_extensions", early),
            "mistral",
        ),
    ] {
        let envoy = stage.envoy(&bootstrap.route(Route::to("upstream"))).await?;
        let request = Request::post("/").header(MODEL, "gpt-4o");
        let request = request.body(r#"{"model":"mistral"}"#);
        request
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        let seen = upstream.request().await?;
        same(what, only(&seen.headers, MODEL)?.as_str(), model)?;
    }
    Ok(())
}

/// Envoy hides from modules that a route disables them, and gives the virtual host's configuration.
async fn a_filter_that_the_chosen_route_disables_runs(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = Bootstrap::new()
        .filter(json!({"request": {"extract": [{"header": MODEL}]}}))
        .per_virtual_host(set("virtual host"))
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .header(MODEL, "gpt-4o")
                .field("typed_per_filter_config", disabled()),
        )
        .route(Route::to("upstream").per_route(json!({
            "request": {"extract": [{"header": MODEL}]},
            "response": {"set": [{"name": "x-response", "value": "first"}]},
        })));
    let envoy = stage.envoy(&bootstrap).await?;
    let answer = Request::post("/")
        .json(&json!({"model": "gpt-4o"}))
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    same(
        "response",
        only(&answer.headers, "x-response")?.as_str(),
        "virtual host",
    )
}

async fn a_streamed_request_waits_for_the_route_that_needs_its_body(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let streamed = json!({"request": {"bodyMode": "streamed", "extract": [{"header": MODEL}]}});
    let patch = json!({"request": {"patch": [{"replace": "/model", "value": "real"}]}});
    let bootstrap = chosen(streamed, patch, &upstream);
    let envoy = stage.envoy(&bootstrap).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let sent =
            Request::post("/")
                .by(protocol)
                .chunks([r#"{"model":"gpt-4o","#, r#""n":1"#, "}"]);
        sent.send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        let seen = upstream.request().await?;
        same("body", seen.text().as_str(), r#"{"model":"real","n":1}"#)?;
    }
    Ok(())
}

/// The answer would have no body, and the one to the next request would be taken for it.
async fn a_method_does_not_become_head(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let config = json!({"request": {"set": [
        {"name": ":method", "value": "{{ header('x-http-method-override') }}"},
    ]}});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    for (wanted, method) in [("HEAD", "POST"), ("CONNECT", "POST"), ("PUT", "PUT")] {
        let request = Request::post("/")
            .header("x-http-method-override", wanted)
            .body("x");
        let response = request.send(envoy.address().await?).await?;
        response.expect_status(200)?;
        same(wanted, upstream.request().await?.method.as_str(), method)?;
    }
    Ok(())
}
