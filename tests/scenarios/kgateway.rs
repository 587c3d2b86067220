//! The shapes kgateway's control plane emits: filters disabled in the chain, enabled by configurations of routes.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Filter, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    Ends body_based_routing_through_a_traffic_policy,
    All a_member_and_an_expression_answer_what_the_document_reports,
    Ends a_forged_header_does_not_choose_a_models_policy,
    Ends several_instances_keep_apart,
    Ends templates_read_only_allowed_variables,
    Ends a_routing_header_that_is_none_is_named,
];

/// The chain's filter, and its name there.
const INSTANCE: &str = "dynamic_modules/simple_mutations";

fn in_chain(instance: &str) -> Filter {
    Filter::new("{}").instance(instance).disabled()
}

/// A policy, as the control plane writes it.
fn policy(policy: &Value) -> Filter {
    Filter::new(policy.clone()).instance(INSTANCE)
}

/// The transformation sits on the Gateway, so at the route configuration; a catch-all route and one for a model.
async fn body_based_routing_through_a_traffic_policy(stage: &Stage) -> Result<()> {
    let (routed, fallback) = (
        Upstream::named("routed").await?,
        Upstream::named("fallback").await?,
    );
    let extraction = json!({"request": {
        "set": [{"name": "x-gateway-model-name", "value": "{{ model }}"}],
        "body": {"parseAs": "AsJson"},
    }});
    let bootstrap = Bootstrap::new()
        .filter(in_chain(INSTANCE))
        .per_route_configuration(policy(&extraction))
        .cluster("routed", routed.address())
        .cluster("fallback", fallback.address())
        .route(Route::to("routed").header("x-gateway-model-name", "gpt-4o"))
        .route(Route::to("fallback"))
        .build(stage.release);
    for (variable, expected) in [
        (None, "fallback"),
        (Some("x-other"), "fallback"),
        (Some("x-other, X-Gateway-Model-Name"), "routed"),
    ] {
        let mut launch = stage.launch(bootstrap.clone());
        if let Some(variable) = variable {
            launch = launch.env("RUSTFORMATIONS_ROUTING_HEADERS", variable);
        }
        let envoy = stage.start(launch).await?;
        let address = envoy.address().await?;
        let request = Request::post("/").body(r#"{"messages":[],"model":"gpt-4o"}"#);
        let response = request.send(address).await?.expect_status(200)?;
        let what = format!("with {variable:?}");
        same(
            &what,
            only(&response.headers, "x-served-by")?.as_str(),
            expected,
        )?;
        let upstream = if expected == "routed" {
            &routed
        } else {
            &fallback
        };
        let seen = upstream.request().await?;
        same(
            &what,
            only(&seen.headers, "x-gateway-model-name")?.as_str(),
            "gpt-4o",
        )?;

        let forged = Request::post("/")
            .header("x-gateway-model-name", "gpt-4o")
            .body("{}");
        let response = forged.send(address).await?.expect_status(200)?;
        // Without the variable the route was chosen before the filter ran, by what the client said.
        let chosen = if expected == "routed" {
            "fallback"
        } else {
            "routed"
        };
        same(
            &what,
            only(&response.headers, "x-served-by")?.as_str(),
            chosen,
        )?;
    }
    Ok(())
}

const DOCUMENT: &str = include_str!("../../docs/kgateway.md");

/// The table of docs/kgateway.md: what a policy with `{{ model }}` and one with `{{ cel(…) }}` answer to each request.
async fn a_member_and_an_expression_answer_what_the_document_reports(stage: &Stage) -> Result<()> {
    let (routed, fallback) = (
        Upstream::named("routed").await?,
        Upstream::named("fallback").await?,
    );
    let chosen = |template: &str, parse_as: &str| {
        json!({"request": {
            "set": [{"name": "x-gateway-model-name", "value": template}],
            "body": {"parseAs": parse_as},
        }})
    };
    let policies = [
        chosen("{{ model }}", "AsJson"),
        chosen("{{ cel(\"json(request.body).model\") }}", "AsString"),
    ];
    let mut played = 0;
    for (column, configuration) in policies.iter().enumerate() {
        let bootstrap = Bootstrap::new()
            .filter(in_chain(INSTANCE))
            .per_route_configuration(policy(configuration))
            .cluster("routed", routed.address())
            .cluster("fallback", fallback.address())
            .route(Route::to("routed").header("x-gateway-model-name", "gpt-4o"))
            .route(Route::to("fallback"))
            .build(stage.release);
        let launch = stage
            .launch(bootstrap)
            .env("RUSTFORMATIONS_ROUTING_HEADERS", "x-gateway-model-name");
        let address = stage.start(launch).await?.address().await?;
        for line in DOCUMENT.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let ["", request, model, cel, ""] = cells[..] else {
                continue;
            };
            let Some(request) = request_of(request) else {
                continue;
            };
            let expected = [model, cel][column];
            let response = request.send(address).await?;
            let answered = match response.status {
                200 => match only(&response.headers, "x-served-by")?.as_str() {
                    "routed" => "the model's route".to_owned(),
                    _ => "the catch-all route".to_owned(),
                },
                status => status.to_string(),
            };
            same(line, answered.as_str(), expected)?;
            played += 1;
        }
    }
    same("requests played", played, 14)
}

/// What a cell of that table names.
fn request_of(cell: &str) -> Option<Request> {
    let upload = concat!(
        "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngpt-4o\r\n",
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b--\r\n"
    );
    let post = || Request::post("/v1/chat/completions").header("content-type", "application/json");
    Some(match cell {
        "JSON with the model" => post().body(r#"{"messages": [], "model": "gpt-4o"}"#),
        "JSON without a model" => post().body(r#"{"messages": []}"#),
        "JSON whose model is a number" => post().body(r#"{"model": 4}"#),
        "JSON that is cut off" => post().body(r#"{"model": "gpt-4o", "messages": ["#),
        "an upload (`multipart/form-data`)" => Request::post("/v1/audio/transcriptions")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(upload),
        "text that is no JSON" => Request::post("/v1/chat/completions").body("hello"),
        "no body" => Request::get("/v1/models"),
        _ => return None,
    })
}

/// The policy of a model's route would replace the Gateway's, which sets the header.
async fn a_forged_header_does_not_choose_a_models_policy(stage: &Stage) -> Result<()> {
    let (routed, fallback) = (
        Upstream::named("routed").await?,
        Upstream::named("fallback").await?,
    );
    let extraction = json!({"request": {
        "set": [{"name": "x-gateway-model-name", "value": "{{ model }}"}],
        "body": {"parseAs": "AsJson"},
    }});
    let of_model = json!({"response": {"set": [{"name": "x-model", "value": "mine"}]}});
    let bootstrap = Bootstrap::new()
        .filter(in_chain(INSTANCE))
        .per_route_configuration(policy(&extraction))
        .cluster("routed", routed.address())
        .cluster("fallback", fallback.address())
        .route(
            Route::to("routed")
                .header("x-gateway-model-name", "gpt-4o")
                .per_route(policy(&of_model)),
        )
        .route(Route::to("fallback"))
        .build(stage.release);
    let launch = stage
        .launch(bootstrap)
        .env("RUSTFORMATIONS_ROUTING_HEADERS", "x-gateway-model-name");
    let address = stage.start(launch).await?.address().await?;
    let ask = |model: &str| Request::post("/").json(&json!({"model": model}));
    for (request, expected) in [
        (ask("gpt-4o"), "routed"),
        (ask("mistral"), "fallback"),
        (
            ask("mistral").header("x-gateway-model-name", "gpt-4o"),
            "fallback",
        ),
    ] {
        let what = format!("{request:?}");
        let response = request.send(address).await?.expect_status(200)?;
        same(
            &what,
            only(&response.headers, "x-served-by")?.as_str(),
            expected,
        )?;
    }
    Ok(())
}

/// kgateway puts up to six instances into one chain, each enabled by its own configuration.
async fn several_instances_keep_apart(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let authenticated = json!({
        "request": {
            "body": {"parseAs": "None"},
            "dynamicMetadata": [{
                "namespace": "dev.kgateway.auth_policy",
                "key": "auth_succeeded",
                "value": {"stringValue": "true"},
            }],
        },
        "response": {"body": {"parseAs": "None"}},
    });
    let transformed = json!({
        "request": {"body": {"parseAs": "AsJson"}, "set": [{"name": "x-model", "value": "{{ model }}"}]},
        "response": {"set": [{"name": "x-request-model", "value": "{{ request_header('x-model') }}"}]},
    });
    let later = json!({
        "request": {"set": [{"name": "x-seen", "value": "{{ header('x-model') }}"}]},
        "response": {"set": [{"name": "x-request-model-later", "value": "{{ request_header('x-model') }}"}]},
    });
    let bootstrap = Bootstrap::new()
        .filter(in_chain("ext_auth_enabled"))
        .filter(in_chain(INSTANCE))
        .filter(in_chain("later"))
        .access_log("%DYNAMIC_METADATA(dev.kgateway.auth_policy:auth_succeeded)%")
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .per_route(Filter::new(authenticated).instance("ext_auth_enabled"))
                .per_route(policy(&transformed))
                .per_route(Filter::new(later).instance("later")),
        );
    let envoy = stage.envoy(&bootstrap).await?;
    let request = Request::post("/").body(r#"{"model":"gpt-4o"}"#);
    let response = request
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    let seen = upstream.request().await?;
    same(
        "set by the second",
        only(&seen.headers, "x-model")?.as_str(),
        "gpt-4o",
    )?;
    same(
        "seen by the third",
        only(&seen.headers, "x-seen")?.as_str(),
        "gpt-4o",
    )?;
    // Each response pass sees the request as it reached that instance.
    ensure!(
        !response.headers.contains("x-request-model"),
        "the second saw its own change"
    );
    same(
        "third",
        only(&response.headers, "x-request-model-later")?.as_str(),
        "gpt-4o",
    )?;
    same("metadata", envoy.access_log(1).await?, ["true"])
}

async fn templates_read_only_allowed_variables(stage: &Stage) -> Result<()> {
    let config = json!({"response": {"set": [
        {"name": "x-pod", "value": "{{ env('POD_NAME') }}"},
        {"name": "x-secret", "value": "{{ env('SECRET') }}"},
    ]}});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .route(Route::direct_response(200, "ok"))
        .build(stage.release);
    for (allowed, secret) in [(None, Some("s3cr3t")), (Some("POD_*,NODE"), None)] {
        let mut launch = stage
            .launch(bootstrap.clone())
            .env("POD_NAME", "pod-1")
            .env("SECRET", "s3cr3t");
        if let Some(allowed) = allowed {
            launch = launch.env("RUSTFORMATIONS_ENV_ALLOW", allowed);
        }
        let envoy = stage.start(launch).await?;
        let response = Request::get("/")
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        same("pod", only(&response.headers, "x-pod")?.as_str(), "pod-1")?;
        same(
            "secret",
            response.headers.value("x-secret").as_deref(),
            secret,
        )?;
        let warned = envoy
            .log()
            .contains("the environment variable `SECRET` may not be read");
        same("warned", warned, allowed.is_some())?;
    }
    Ok(())
}

/// Else the variable would be there and do nothing.
async fn a_routing_header_that_is_none_is_named(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new()
        .filter(json!({}))
        .route(Route::direct_response(200, "ok"))
        .build(stage.release);
    let launch = stage
        .launch(bootstrap)
        .env("RUSTFORMATIONS_ROUTING_HEADERS", "x-model x-tenant,:path");
    let log = stage.start(launch).await?.log_containing("RF006").await?;
    let named = "RUSTFORMATIONS_ROUTING_HEADERS: RF006: `x-model x-tenant` is not a header name";
    ensure!(log.contains(named), "{log}");
    same("warnings", log.matches("RF006").count(), 1)
}
