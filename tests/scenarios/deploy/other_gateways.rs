//! deploy/envoy-gateway and deploy/istio.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use harness::{
    Answer, AnswerStream, Envoy, Launch, Manifests, Protocol, RateLimitService, Request, Upstream,
};
use serde_json::{Value, json};

use super::envoy_gateway::EnvoyGateway;
use super::istio::Istio;
use super::{addresses, ask, servers};
use crate::stage::{Stage, only, same};

const CHAT: &str = "/v1/chat/completions";

/// The chat completions of the mock models.
const UPSTREAM_CHAT: &str = "/llm/chat/completions";

async fn envoy_gateway(
    stage: &Stage,
    overlay: &str,
    servers: &BTreeMap<&str, Upstream>,
    limits: Option<&RateLimitService>,
) -> Result<Arc<Envoy>> {
    let manifests = Manifests::render(&format!("envoy-gateway/overlays/{overlay}"))?;
    let mut control_plane = EnvoyGateway::new(&manifests, addresses(servers))?;
    if let Some(limits) = limits {
        control_plane = control_plane.rate_limit_service(limits.address());
    }
    let bootstrap = control_plane.bootstrap(stage.release, stage.module()?.path())?;
    let mut launch = stage.launch(bootstrap);
    for (name, value) in control_plane.environment(&[("openai", "sk-1")])? {
        launch = launch.env(&name, &value);
    }
    started(stage, launch).await
}

async fn istio(
    stage: &Stage,
    overlay: &str,
    servers: &BTreeMap<&str, Upstream>,
) -> Result<Arc<Envoy>> {
    let manifests = Manifests::render(&format!("istio/overlays/{overlay}"))?;
    let control_plane = Istio::new(&manifests, addresses(servers))?;
    let mut launch = stage.launch(control_plane.bootstrap(stage.release)?);
    for (name, value) in control_plane.environment(&[("openai", "sk-1")])? {
        launch = launch.env(&name, &value);
    }
    started(stage, launch).await
}

/// The Envoy, whose log has no warning of a configuration.
async fn started(stage: &Stage, launch: Launch) -> Result<Arc<Envoy>> {
    let envoy = stage.start(launch).await?;
    let log = envoy.log();
    ensure!(!log.contains(": RF0"), "{log}");
    Ok(envoy)
}

/// What the lab of either gateway does with requests.
async fn the_lab_routes(envoy: &Envoy, servers: &BTreeMap<&str, Upstream>) -> Result<()> {
    let address = envoy.address().await?;
    let large = format!(
        r#"{{"prompt": "{}", "model": "llama"}}"#,
        "x".repeat(3_000_000)
    );
    let upload =
        "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nmistral\r\n--b--\r\n";
    let upload = Request::post("/v1/audio/transcriptions")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(upload);
    // What is sent, which route and server answer, at which path.
    let cases = [
        (
            ask(CHAT, r#"{"model": "llama"}"#),
            "llama",
            "llama",
            UPSTREAM_CHAT,
        ),
        (
            ask(CHAT, r#"{"model": "llama-3.1-70b"}"#),
            "llama",
            "llama",
            UPSTREAM_CHAT,
        ),
        (
            ask(CHAT, r#"{"model": "mistral"}"#),
            "mistral",
            "mistral",
            UPSTREAM_CHAT,
        ),
        (upload, "mistral", "mistral", "/llm/audio/transcriptions"),
        (ask(CHAT, &large), "llama", "llama", UPSTREAM_CHAT),
        (
            ask(CHAT, r#"{"model": "other"}"#),
            "fallback",
            "httpbun",
            UPSTREAM_CHAT,
        ),
        (ask(CHAT, "{}"), "fallback", "httpbun", UPSTREAM_CHAT),
        (
            ask("/v1x", r#"{"model": "llama"}"#),
            "fallback",
            "httpbun",
            "/v1x",
        ),
        (
            Request::get("/v1/models"),
            "fallback",
            "httpbun",
            "/llm/models",
        ),
        (
            ask(CHAT, r#"{"model": "mistral"}"#).header("x-gateway-model-name", "llama"),
            "mistral",
            "mistral",
            UPSTREAM_CHAT,
        ),
        (
            ask(CHAT, "{}").header("x-gateway-model-name", "llama"),
            "fallback",
            "httpbun",
            UPSTREAM_CHAT,
        ),
        (
            Request::get("/v1/models").header("x-gateway-model-name", "llama"),
            "fallback",
            "httpbun",
            "/llm/models",
        ),
    ];
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (request, route, server, path) in &cases {
            let what: String = format!("{request:?}").chars().take(300).collect();
            let request = request
                .clone()
                .by(protocol)
                .header("authorization", "Bearer mine");
            let response = request.send(address).await?.expect_status(200)?;
            same(
                &what,
                only(&response.headers, "x-served-by")?.as_str(),
                *route,
            )?;
            let seen = servers[server].request().await?;
            same(&what, seen.path.as_str(), *path)?;
            ensure!(
                !seen.headers.contains("authorization"),
                "{what}: the client's credentials"
            );
        }
    }
    let too_large = ask(CHAT, &" ".repeat(4_300_000)).send(address).await?;
    same("too large", too_large.status, 413)?;
    let log = envoy.access_log(2 * cases.len() + 1).await?;
    let first: Value = serde_json::from_str(log.first().context("no log")?)?;
    same("logged model", first["model"].as_str(), Some("llama"))?;
    same(
        "logged tokens",
        first["total_tokens"].to_string().trim_matches('"'),
        "12",
    )
}

/// An event of the answer is with the client before the next one is made.
async fn the_lab_streams(envoy: &Envoy, stream: &AnswerStream) -> Result<()> {
    let request = ask(CHAT, r#"{"model": "llama", "stream": true}"#);
    stream.send("data: {\"id\": 1}\n\n").await?;
    let mut answer = request.stream(envoy.address().await?).await?;
    for number in [1, 2, 3] {
        if number > 1 {
            stream
                .send(format!("data: {{\"id\": {number}}}\n\n"))
                .await?;
        }
        let event = answer.next().await?.context("no event")?;
        ensure!(
            format!("{event:?}").contains(&format!("{number}}}")),
            "{number}: {event:?}"
        );
    }
    Ok(())
}

/// The mock models, and a stream that `llama` answers with.
async fn streaming() -> Result<(AnswerStream, BTreeMap<&'static str, Upstream>)> {
    let (stream, answer) = Answer::stream("text/event-stream");
    let mut servers = servers(&["mistral", "httpbun"]).await?;
    servers.insert("llama", Upstream::answering(answer).await?);
    Ok((stream, servers))
}

pub(super) async fn envoy_gateway_routes_models(stage: &Stage) -> Result<()> {
    let servers = servers(&["llama", "mistral", "httpbun"]).await?;
    let envoy = envoy_gateway(stage, "lab", &servers, None).await?;
    the_lab_routes(&envoy, &servers).await?;
    // What it cannot edit would not be counted.
    let unreadable = ask(CHAT, "not JSON").send(envoy.address().await?).await?;
    same("not JSON", unreadable.status, 400)?;
    let (stream, servers) = streaming().await?;
    let envoy = envoy_gateway(stage, "lab", &servers, None).await?;
    the_lab_streams(&envoy, &stream).await
}

/// Envoy fetches the module before the listener is there.
pub(super) async fn envoy_gateway_fetches_the_module(stage: &Stage) -> Result<()> {
    // As it is shipped: with its debug information it is beyond Envoy's 32 MiB.
    let directory = tempfile::tempdir()?;
    let file = &directory.path().join("librust_module.so");
    let mut strip = Command::new("strip");
    strip
        .arg("--strip-debug")
        .arg("-o")
        .arg(file)
        .arg(stage.module()?.path());
    ensure!(
        strip.status()?.success(),
        "strip does not run: install binutils"
    );
    let sum = Command::new("sha256sum").arg(file).output()?;
    let sum = String::from_utf8(sum.stdout)?;
    let sum = sum.split(' ').next().context("no sum")?.to_owned();
    let files = Upstream::answering(Answer::body(std::fs::read(file)?)).await?;
    let servers = servers(&["llama", "mistral", "httpbun"]).await?;
    let manifests = Manifests::render("envoy-gateway/overlays/remote")?;
    let control_plane = EnvoyGateway::new(&manifests, addresses(&servers))?;
    let control_plane = control_plane.download(files.address(), sum);
    // It keeps what it fetched among the temporary files, for the next time.
    let kept = directory.path().to_string_lossy();
    let launch = stage
        .launch(control_plane.bootstrap(stage.release, file)?)
        .env("TMPDIR", &kept);
    let envoy = stage.start(launch).await?;
    let fetched = files.request().await?;
    same(
        "path",
        fetched.path.as_str(),
        "/rustformations-0.1.0/librust_module.so",
    )?;
    let request = ask(CHAT, r#"{"model": "llama"}"#);
    let response = request
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    same(
        "route",
        only(&response.headers, "x-served-by")?.as_str(),
        "llama",
    )
}

pub(super) async fn istio_routes_models(stage: &Stage) -> Result<()> {
    let servers = servers(&["llama", "mistral", "httpbun"]).await?;
    let envoy = istio(stage, "lab", &servers).await?;
    the_lab_routes(&envoy, &servers).await?;
    let unreadable = ask(CHAT, "not JSON").send(envoy.address().await?).await?;
    same(
        "not JSON",
        only(&unreadable.headers, "x-served-by")?.as_str(),
        "fallback",
    )?;
    let (stream, servers) = streaming().await?;
    let envoy = istio(stage, "lab", &servers).await?;
    the_lab_streams(&envoy, &stream).await
}

/// Another host answers, with its own name, key and model; the first one sees none of them.
pub(super) async fn envoy_gateway_fails_over(stage: &Stage) -> Result<()> {
    let mut servers = servers(&["mistral", "openai"]).await?;
    servers.insert("llama", Upstream::answering(Answer::status(503)).await?);
    let limits = RateLimitService::start(1_000_000).await?;
    let envoy = envoy_gateway(stage, "production", &servers, Some(&limits)).await?;
    let address = envoy.address().await?;
    // More than Envoy Gateway's window of a stream.
    let large = json!({"prompt": "x".repeat(2_000_000), "model": "llama-3.1-70b"});
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for forged in [None, Some("7")] {
            let mut request = ask(CHAT, &large.to_string()).by(protocol);
            if let Some(forged) = forged {
                request = request.header("x-envoy-attempt-count", forged);
            }
            let request = request.header("authorization", "Bearer mine");
            let response = request.send(address).await?.expect_status(200)?;
            same(
                "answered by",
                only(&response.headers, "x-served-by")?.as_str(),
                "openai",
            )?;
            let first = servers["llama"].request().await?;
            same(
                "first model",
                &first.json()?["model"],
                &json!("llama-3.1-70b"),
            )?;
            same("first key", first.headers.value("authorization"), None)?;
            let second = servers["openai"].request().await?;
            same(
                "second model",
                &second.json()?["model"],
                &json!("gpt-4o-mini"),
            )?;
            same("second host", second.authority.as_str(), "api.openai.com")?;
            let key = only(&second.headers, "authorization")?;
            same("second key", key.as_str(), "Bearer sk-1")?;
        }
    }
    // The second host's key opens more than chats.
    let chats = servers["openai"].requests().len();
    let files = ask("/v1/files", r#"{"model": "llama"}"#);
    files.send(address).await?.expect_status(503)?;
    same("second host", servers["openai"].requests().len(), chats)?;
    let unknown = ask(CHAT, r#"{"model": "other"}"#).send(address).await?;
    let unknown = unknown.expect_status(404)?;
    same(
        "unknown",
        &unknown.json()?["error"]["code"],
        &json!("model_not_found"),
    )?;
    let content_type = only(&unknown.headers, "content-type")?;
    same("unknown", content_type.as_str(), "application/json")
}

/// An answer of the mock counts 12 tokens: the second request finds 12 of 20, the third 24.
pub(super) async fn envoy_gateway_limits_tokens(stage: &Stage) -> Result<()> {
    let servers = servers(&["llama", "mistral", "openai"]).await?;
    let limits = RateLimitService::start(20).await?;
    let envoy = envoy_gateway(stage, "production", &servers, Some(&limits)).await?;
    let address = envoy.address().await?;
    for stream in [false, true] {
        limits.next_window();
        for (model, status, used) in [
            ("llama", 200, 12),
            ("llama", 200, 24),
            ("llama", 429, 24),
            ("mistral", 200, 12),
        ] {
            let body = json!({"model": model, "messages": [], "stream": stream});
            Request::post(CHAT)
                .json(&body)
                .send(address)
                .await?
                .expect_status(status)?;
            let descriptor = format!("rule-0-match-0={model}");
            limits.expect_hits(&descriptor, used).await?;
            same(&descriptor, limits.hits()[&descriptor], used)?;
        }
    }
    Ok(())
}

/// The filter in OpenAI's cluster sets the key and the model; no other host sees either.
pub(super) async fn istio_gives_the_key_to_one_cluster(stage: &Stage) -> Result<()> {
    let servers = servers(&["llama", "mistral", "api.openai.com"]).await?;
    let envoy = istio(stage, "production", &servers).await?;
    let address = envoy.address().await?;
    for (asked, server, model, key) in [
        (
            "gpt-4o",
            "api.openai.com",
            "gpt-4o-2024-11-20",
            Some("Bearer sk-1"),
        ),
        ("llama", "llama", "llama", None),
        ("other", "mistral", "other", None),
    ] {
        let request = ask(CHAT, &json!({"model": asked}).to_string());
        let request = request.header("authorization", "Bearer mine");
        request.send(address).await?.expect_status(200)?;
        let seen = servers[server].request().await?;
        same(asked, &seen.json()?["model"], &json!(model))?;
        same(asked, seen.headers.value("authorization").as_deref(), key)?;
        if key.is_some() {
            same(asked, seen.authority.as_str(), server)?;
        }
    }
    // The key opens more than chats.
    let files = ask("/v1/files", r#"{"model": "gpt-4o"}"#).send(address);
    files.await?.expect_status(200)?;
    let seen = servers["mistral"].request().await?;
    same("key of files", seen.headers.value("authorization"), None)
}
