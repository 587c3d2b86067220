//! The manifests of `deploy/` do on a real Envoy what they promise: those of kgateway, Envoy Gateway and Istio, as their
//! control planes would translate them, and the bootstrap inside deploy/plain.

mod control_plane;
mod dashboard;
mod envoy_gateway;
mod gateway_api;
mod istio;
mod other_gateways;
mod plain;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use harness::{Envoy, Manifests, Protocol, Request, Upstream};
use serde_json::{Value, json};

use crate::mirrors::{check_shares, shares};
use crate::stage::{Scenario, Stage, only, same, scenarios};
use control_plane::ControlPlane;
use dashboard::the_dashboard_asks_for_what_there_is;
use other_gateways::{
    envoy_gateway_fails_over, envoy_gateway_fetches_the_module, envoy_gateway_limits_tokens,
    envoy_gateway_routes_models, istio_gives_the_key_to_one_cluster, istio_routes_models,
};
use plain::{
    the_plain_bootstrap_is_valid_as_it_is, the_plain_gateway_drains,
    the_plain_gateway_routes_models,
};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_lab_routes_models,
    All production_knows_its_models,
    ByFile envoy_gateway_routes_models,
    ByFile envoy_gateway_fetches_the_module,
    ByFile envoy_gateway_fails_over,
    ByFile envoy_gateway_limits_tokens,
    All istio_routes_models,
    All istio_gives_the_key_to_one_cluster,
    Ends the_walkthrough_says_who_answers,
    Ends the_lab_mirrors,
    Ends only_openai_gets_the_key,
    All the_dashboard_asks_for_what_there_is,
    All the_plain_gateway_routes_models,
    Ends the_plain_bootstrap_is_valid_as_it_is,
    Ends the_plain_gateway_drains,
];

const LAB: &str = "kgateway/overlays/lab";

/// A model server for each name.
async fn servers<'a>(names: &[&'a str]) -> Result<BTreeMap<&'a str, Upstream>> {
    let mut servers = BTreeMap::new();
    for name in names {
        servers.insert(*name, Upstream::mock_llm(name).await?);
    }
    Ok(servers)
}

/// The Gateway of a kustomization.
async fn gateway(
    stage: &Stage,
    manifests: &Manifests,
    servers: &BTreeMap<&str, Upstream>,
    secrets: &[(&str, &str)],
) -> Result<Arc<Envoy>> {
    let control_plane = ControlPlane::new(manifests, addresses(servers))?;
    let mut launch = stage.launch(control_plane.bootstrap()?.build(stage.release));
    for (name, value) in control_plane.environment(secrets)? {
        launch = launch.env(&name, &value);
    }
    stage.start(launch).await
}

fn addresses<'a>(
    servers: &BTreeMap<&'a str, Upstream>,
) -> impl Iterator<Item = (&'a str, SocketAddr)> {
    servers
        .iter()
        .map(|(name, server)| (*name, server.address()))
}

/// The variables of a container; `secrets` has the values of entries of Secrets.
fn variables<'v>(
    variables: impl Iterator<Item = &'v Value>,
    secrets: &[(&str, &str)],
) -> Result<Vec<(String, String)>> {
    let variables = variables.map(|variable| {
        let secret = variable["valueFrom"]["secretKeyRef"]["name"].as_str();
        let value = match secret {
            None => variable["value"].as_str(),
            Some(name) => secrets
                .iter()
                .find(|(secret, _)| *secret == name)
                .map(|(_, value)| *value),
        };
        let name = gateway_api::name(variable)?;
        let value = value.with_context(|| format!("{name} has no value"))?;
        Ok((name.to_owned(), value.to_owned()))
    });
    variables.collect()
}

fn ask(path: &str, body: &str) -> Request {
    Request::post(path)
        .header("content-type", "application/json")
        .body(body.to_owned())
}

async fn the_lab_routes_models(stage: &Stage) -> Result<()> {
    let manifests = Manifests::render(LAB)?;
    let servers = servers(&["llama", "mistral", "httpbun", "candidate"]).await?;
    let envoy = gateway(stage, &manifests, &servers, &[]).await?;
    let address = envoy.address().await?;
    let chat = "/v1/chat/completions";
    let upstream_chat = "/llm/chat/completions";
    let large = format!(
        r#"{{"prompt": "{}", "model": "llama"}}"#,
        "x".repeat(3_000_000)
    );
    // What is sent, which route and server answer, at which path.
    let cases = [
        (
            ask(chat, r#"{"model": "llama"}"#),
            "llama",
            "llama",
            upstream_chat,
        ),
        (
            ask(chat, r#"{"messages": [], "model": "mistral"}"#),
            "mistral",
            "mistral",
            upstream_chat,
        ),
        (
            ask(chat, r#"{"model": "other"}"#),
            "fallback",
            "httpbun",
            upstream_chat,
        ),
        (ask(chat, r"{}"), "fallback", "httpbun", upstream_chat),
        (ask(chat, &large), "llama", "llama", upstream_chat),
        (
            ask("/v1x", r#"{"model": "llama"}"#),
            "fallback",
            "httpbun",
            "/v1x",
        ),
        (
            Request::get("/v1/models"),
            "without-body",
            "httpbun",
            "/v1/models",
        ),
        (
            Request::get("/health"),
            "without-body",
            "httpbun",
            "/health",
        ),
        (
            ask(chat, r#"{"model": "mistral"}"#).header("x-gateway-model-name", "llama"),
            "mistral",
            "mistral",
            upstream_chat,
        ),
        (
            ask(chat, r"{}").header("x-gateway-model-name", "llama"),
            "fallback",
            "httpbun",
            upstream_chat,
        ),
        (
            Request::get("/v1/models").header("x-gateway-model-name", "llama"),
            "without-body",
            "httpbun",
            "/v1/models",
        ),
    ];
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (request, route, server, path) in &cases {
            let what: String = format!("{request:?}").chars().take(300).collect();
            let request = request.clone().by(protocol);
            let response = request.send(address).await?.expect_status(200)?;
            same(
                &what,
                only(&response.headers, "x-served-by")?.as_str(),
                *route,
            )?;
            let seen = servers[server].request().await?;
            same(&what, seen.path.as_str(), *path)?;
        }
    }
    let refused = ask(chat, "not JSON").send(address).await?;
    same("not JSON", refused.status, 400)?;
    let too_large = ask(chat, &" ".repeat(4_300_000)).send(address).await?;
    same("too large", too_large.status, 413)?;

    let log = envoy.access_log(2 * cases.len() + 2).await?;
    let first: Value = serde_json::from_str(log.first().context("no log")?)?;
    same("logged model", first["model"].as_str(), Some("llama"))?;
    same("logged cluster", first["cluster"].as_str(), Some("llama"))?;
    let refused: Value = serde_json::from_str(&log[2 * cases.len()])?;
    same(
        "logged failure",
        refused["failure"].as_str(),
        Some("json_invalid"),
    )
}

/// Models by name, and a 404 in OpenAI's words for every other.
async fn production_knows_its_models(stage: &Stage) -> Result<()> {
    let manifests = Manifests::render("kgateway/overlays/production")?;
    let servers = servers(&["llama", "mistral"]).await?;
    let envoy = gateway(stage, &manifests, &servers, &[]).await?;
    let address = envoy.address().await?;
    let chat = "/v1/chat/completions";
    for model in ["llama", "mistral"] {
        let request = ask(chat, &json!({"model": model}).to_string());
        let request = request.header("x-gateway-model-name", "other");
        request.send(address).await?.expect_status(200)?;
        same(model, servers[model].request().await?.path.as_str(), chat)?;
    }
    let unknown = ask(chat, r#"{"model": "other"}"#).header("x-gateway-model-name", "llama");
    let unknown = unknown.send(address).await?.expect_status(404)?;
    same(
        "code",
        &unknown.json()?["error"]["code"],
        &json!("model_not_found"),
    )?;
    let content_type = only(&unknown.headers, "content-type")?;
    same("type", content_type.as_str(), "application/json")?;
    Request::get("/v1/models")
        .send(address)
        .await?
        .expect_status(200)?;
    same(
        "models",
        servers["llama"].request().await?.path.as_str(),
        "/v1/models",
    )
}

const WALKTHROUGH: &str = include_str!("../../../docs/kgateway-lab.md");

/// The table of requests in docs/kgateway-lab.md.
async fn the_walkthrough_says_who_answers(stage: &Stage) -> Result<()> {
    let manifests = Manifests::render(LAB)?;
    let servers = servers(&["llama", "mistral", "httpbun", "candidate"]).await?;
    let envoy = gateway(stage, &manifests, &servers, &[]).await?;
    let address = envoy.address().await?;
    let mut played = 0;
    for line in WALKTHROUGH.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", request, body, status, route, ""] = cells[..] else {
            continue;
        };
        let Some((method @ ("GET" | "POST"), path)) = request.split_once(' ') else {
            continue;
        };
        let request = Request::new(method, path).body(body.trim_matches('`').to_owned());
        let response = request
            .send(address)
            .await?
            .expect_status(status.parse()?)?;
        let answered = response.headers.value("x-served-by");
        same(line, answered.as_deref().unwrap_or_default(), route)?;
        played += 1;
    }
    same("requests played", played, 7)
}

async fn the_lab_mirrors(stage: &Stage) -> Result<()> {
    let manifests = Manifests::render(LAB)?;
    let servers = servers(&["llama", "mistral", "httpbun", "candidate"]).await?;
    let envoy = gateway(stage, &manifests, &servers, &[]).await?;
    check_shares(
        &envoy,
        shares("llama", "mistral"),
        |model| Request::post("/v1/chat/completions").json(&json!({"model": model})),
        |_| Ok(()),
    )
    .await?;
    Ok(())
}

async fn only_openai_gets_the_key(stage: &Stage) -> Result<()> {
    let manifests = Manifests::render("kgateway/overlays/openai")?;
    let servers = servers(&["llama", "mistral", "httpbun", "candidate", "openai"]).await?;
    let envoy = gateway(stage, &manifests, &servers, &[("openai", "sk-1")]).await?;
    let address = envoy.address().await?;
    let chat = "/v1/chat/completions";
    for (request, server, key) in [
        (
            ask(chat, r#"{"model": "gpt-4o"}"#),
            "openai",
            Some("Bearer sk-1"),
        ),
        (ask("/elsewhere", r#"{"model": "gpt-4o"}"#), "openai", None),
        (
            ask("/v1/chat/../files", r#"{"model": "gpt-4o"}"#),
            "openai",
            None,
        ),
        (ask(chat, r#"{"model": "llama"}"#), "llama", None),
        (ask(chat, r#"{"model": "gpt-4o-mini"}"#), "httpbun", None),
        (
            ask(chat, "{}").header("x-gateway-model-name", "gpt-4o"),
            "httpbun",
            None,
        ),
        (
            ask(chat, r#"{"model": "llama"}"#).header("x-gateway-model-name", "gpt-4o"),
            "llama",
            None,
        ),
        (Request::get("/v1/models"), "httpbun", None),
        (
            ask(chat, r#"{"model": "mistral"}"#).header("authorization", "Bearer of-the-client"),
            "mistral",
            None,
        ),
        (
            ask(chat, r#"{"model": "gpt-4o"}"#).header("authorization", "Bearer of-the-client"),
            "openai",
            Some("Bearer sk-1"),
        ),
    ] {
        let what = format!("{request:?}");
        request.send(address).await?.expect_status(200)?;
        let seen = servers[server].request().await?;
        same(&what, seen.headers.value("authorization").as_deref(), key)?;
        if server == "openai" {
            same(&what, seen.authority.as_str(), "api.openai.com")?;
        }
    }
    Ok(())
}
