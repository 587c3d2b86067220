//! A route's configuration replaces the listener's as a whole.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_route_replaces_and_empties,
    Ends the_most_specific_configuration_wins,
    All a_route_chosen_by_the_body_applies_its_own_configuration,
    All an_empty_configuration_of_the_route_turns_off_both_passes,
    All a_route_that_disables_the_filter_is_found_by_a_forged_header,
    All a_filter_that_the_chosen_route_disables_runs,
    All a_streamed_request_waits_for_the_route_that_needs_its_body,
    Ends a_route_found_later_transforms_the_response,
    All a_forged_header_does_not_choose_a_route_with_a_configuration_of_its_own,
    All a_forged_header_chooses_no_route_where_the_condition_does_not_hold,
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

fn extract_then(response: &str) -> Value {
    json!({
        "request": {"extract": [{"header": MODEL}]},
        "response": {"set": [{"name": "x-response", "value": response}]},
    })
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

async fn a_route_chosen_by_the_body_applies_its_own_configuration(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = chosen(extract_then("first"), set("second"), &upstream);
    let envoy = stage.envoy(&bootstrap).await?;
    for (model, response, request) in [
        ("gpt-4o", "second", Some("second")),
        ("other", "first", None),
    ] {
        let sent = Request::post("/").json(&json!({"model": model}));
        let answer = sent
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        same(
            model,
            only(&answer.headers, "x-response")?.as_str(),
            response,
        )?;
        let seen = upstream.request().await?;
        same(model, seen.headers.value("x-request").as_deref(), request)?;
        same(model, only(&seen.headers, MODEL)?.as_str(), model)?;
    }
    Ok(())
}

async fn an_empty_configuration_of_the_route_turns_off_both_passes(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = chosen(extract_then("first"), json!({}), &upstream);
    let envoy = stage.envoy(&bootstrap).await?;
    let answer = Request::post("/")
        .json(&json!({"model": "gpt-4o"}))
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    ensure!(
        !answer.headers.contains("x-response"),
        "the first route's response pass ran"
    );
    let seen = upstream.request().await?;
    same("model", only(&seen.headers, MODEL)?.as_str(), "gpt-4o")
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
        .route(Route::to("upstream").per_route(extract_then("first")));
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

async fn a_route_found_later_transforms_the_response(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let of_route = json!({"response": {"set": [
        {"name": "x-response", "value": "{{ request_header('x-gateway-model-name') }} {{ extracted.model }}"},
    ]}, "request": {"extract": [{"header": MODEL}]}});
    let bootstrap = Bootstrap::new()
        .filter(extract_then("listener"))
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .header(MODEL, "gpt-4o")
                .per_route(of_route),
        )
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let ask = |model: &str| Request::post("/").json(&json!({"model": model}));
    let response = ask("gpt-4o").send(address).await?.expect_status(200)?;
    same(
        "route",
        only(&response.headers, "x-response")?.as_str(),
        "gpt-4o gpt-4o",
    )?;
    let response = ask("mistral").send(address).await?.expect_status(200)?;
    same(
        "listener",
        only(&response.headers, "x-response")?.as_str(),
        "listener",
    )
}

/// The route's configuration would replace the listener's, and with it what removes the forged header.
async fn a_forged_header_does_not_choose_a_route_with_a_configuration_of_its_own(
    stage: &Stage,
) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = Bootstrap::new()
        .filter(extract_then("listener"))
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .header(MODEL, "gpt-4o")
                .per_route(set("route")),
        )
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for (body, model) in [
        (r#"{"model":"mistral"}"#, Some("mistral")),
        ("{}", None),
        ("", None),
    ] {
        let forged = Request::post("/").header(MODEL, "gpt-4o").body(body);
        let response = forged.send(address).await?.expect_status(200)?;
        same(
            body,
            only(&response.headers, "x-response")?.as_str(),
            "listener",
        )?;
        same(
            body,
            upstream.request().await?.headers.value(MODEL).as_deref(),
            model,
        )?;
    }
    Ok(())
}

async fn a_forged_header_chooses_no_route_where_the_condition_does_not_hold(
    stage: &Stage,
) -> Result<()> {
    for when in [
        "request.method == 'GET'",
        "json(request.body).a == 1",
        "request.headers['x-none'] == ''",
    ] {
        let config = json!({"request": {"when": when, "extract": [{"header": MODEL}]}});
        let gateway = Gateway::start(stage, config).await?;
        for body in ["", r#"{"model":"mistral"}"#] {
            let forged = Request::post("/").header(MODEL, "gpt-4o").body(body);
            let response = forged.send(gateway.address).await?.expect_status(200)?;
            let served_by = only(&response.headers, "x-served-by")?;
            ensure!(
                served_by != "routed",
                "{when}: the forged header chose the route"
            );
        }
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
