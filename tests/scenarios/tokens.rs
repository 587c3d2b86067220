//! Tokens of answers: the files of `envoy-configs/` about them do what they promise.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use harness::{Connection, Envoy, Example, Protocol, RateLimitService, Request, Upstream};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_log_has_the_tokens_of_every_api,
    All the_event_with_the_usage_is_for_who_asked,
    All tenants_are_limited_by_the_tokens_they_used,
    All the_log_has_the_cost,
];

const CHAT: &str = "/v1/chat/completions";

async fn start(stage: &Stage, file: &str, ports: &[(u16, SocketAddr)]) -> Result<Arc<Envoy>> {
    stage
        .start(stage.launch(Example::load(file)?.bootstrap(ports)?))
        .await
}

/// The JSON object of the last of so many lines.
async fn logged(envoy: &Envoy, lines: usize) -> Result<Value> {
    let log = envoy.access_log(lines).await?;
    let line = log.last().context("no line")?;
    serde_json::from_str(line).with_context(|| format!("the log is no JSON: {line}"))
}

/// A request for `gpt-4o`, as this member of its body says, whole or streamed.
fn ask(path: &str, stream: bool) -> Request {
    Request::post(path).json(&json!({"model": "gpt-4o", "messages": [], "stream": stream}))
}

async fn the_log_has_the_tokens_of_every_api(stage: &Stage) -> Result<()> {
    let llm = Upstream::mock_llm("llm").await?;
    let envoy = start(stage, "answer-tokens.yaml", &[(9001, llm.address())]).await?;
    let address = envoy.address().await?;
    let mut lines = 0;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (path, cached) in [
            (CHAT, json!(2)),
            ("/v1/responses", json!(2)),
            ("/v1/messages", json!(2)),
            ("/api/chat", Value::Null),
            ("/api/generate", Value::Null),
        ] {
            for stream in [false, true] {
                let response = ask(path, stream).by(protocol).send(address).await?;
                let text = response.expect_status(200)?.text();
                let what = format!("{path}, stream: {stream}");
                ensure!(text.contains("llm was"), "{what}: {text}");
                lines += 1;
                let expected = json!({
                    "path": path,
                    "status": 200,
                    "model": "gpt-4o",
                    "input_tokens": 7,
                    "output_tokens": 5,
                    "total_tokens": 12,
                    "cached_tokens": cached,
                });
                same(&what, logged(&envoy, lines).await?, expected)?;
            }
        }
    }
    Ok(())
}

async fn the_event_with_the_usage_is_for_who_asked(stage: &Stage) -> Result<()> {
    let llm = Upstream::mock_llm("llm").await?;
    let envoy = start(stage, "answer-tokens.yaml", &[(9001, llm.address())]).await?;
    let address = envoy.address().await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut connection = Connection::open(address, protocol).await?;
        for (options, asked) in [
            (Value::Null, false),
            (json!({}), false),
            (json!({"include_usage": false}), false),
            (json!({"include_usage": true}), true),
        ] {
            let mut body = json!({"model": "gpt-4o", "messages": [], "stream": true});
            if !options.is_null() {
                body["stream_options"] = options.clone();
            }
            let response = connection.send(Request::post(CHAT).json(&body)).await?;
            let response = response.expect_status(200)?;
            let what = format!("stream_options: {options}");
            let seen = llm.request().await?.json()?;
            same(
                &what,
                &seen["stream_options"],
                &json!({"include_usage": true}),
            )?;
            let events = response.events()?;
            let with_usage = events.iter().filter(|event| !event["usage"].is_null());
            same(&what, with_usage.count(), usize::from(asked))?;
            same(&what, events.len(), if asked { 4 } else { 3 })?;
            ensure!(
                response.text().ends_with("data: [DONE]\n\n"),
                "{what}: no end"
            );
        }
        let response = connection.send(ask(CHAT, false)).await?;
        response.expect_status(200)?;
        let seen = llm.request().await?.json()?;
        same("no stream", seen.get("stream_options"), None)?;
    }
    Ok(())
}

async fn tenants_are_limited_by_the_tokens_they_used(stage: &Stage) -> Result<()> {
    let llm = Upstream::mock_llm("llm").await?;
    let limits = RateLimitService::start(20).await?;
    let ports = [(9001, llm.address()), (9002, limits.address())];
    let envoy = start(stage, "token-rate-limit.yaml", &ports).await?;
    let address = envoy.address().await?;
    for stream in [false, true] {
        limits.next_window();
        // An answer has 12 tokens: the second finds 12 of 20, the third 24.
        for (tenant, status, used) in [
            ("acme", 200, 12),
            ("acme", 200, 24),
            ("acme", 429, 24),
            ("other", 200, 12),
            ("acme", 429, 24),
        ] {
            let request = ask(CHAT, stream).header("x-tenant", tenant);
            request.send(address).await?.expect_status(status)?;
            let descriptor = format!("tenant={tenant}");
            limits.expect_hits(&descriptor, used).await?;
            same(&descriptor, limits.hits()[&descriptor], used)?;
        }
        for _ in 0..3 {
            ask(CHAT, stream).send(address).await?.expect_status(200)?;
        }
        same("tenants", limits.hits().len(), 2)?;
    }
    limits.next_window();
    let request = ask(CHAT, false).header("x-tenant", "acme");
    request.send(address).await?.expect_status(200)?;
    Ok(())
}

async fn the_log_has_the_cost(stage: &Stage) -> Result<()> {
    let llm = Upstream::mock_llm("llm").await?;
    let envoy = start(stage, "token-cost.yaml", &[(9001, llm.address())]).await?;
    let address = envoy.address().await?;
    let mut lines = 0;
    for stream in [false, true] {
        for (model, cost) in [
            ("gpt-4o", Some(5.0 * 2.5 + 2.0 * 1.25 + 5.0 * 10.0)),
            ("gpt-4o-mini", Some(5.0 * 0.15 + 2.0 * 0.075 + 5.0 * 0.6)),
            ("free", None),
        ] {
            let body = json!({"model": model, "messages": [], "stream": stream});
            let request = Request::post(CHAT).json(&body);
            request.send(address).await?.expect_status(200)?;
            lines += 1;
            let line = logged(&envoy, lines).await?;
            same(model, &line["model"], &json!(model))?;
            let logged = line["cost_microdollars"].as_f64();
            let is_right = match (logged, cost) {
                (Some(logged), Some(cost)) => (logged - cost).abs() < 1e-9,
                (logged, cost) => logged.is_none() && cost.is_none(),
            };
            ensure!(is_right, "{model} costs {cost:?}, not {line}");
        }
    }
    Ok(())
}
