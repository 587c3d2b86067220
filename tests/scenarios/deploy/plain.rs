//! deploy/plain: the bootstrap and the preStop hook inside its ConfigMap.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Answer, Connection, Envoy, Manifests, Protocol, Request, Upstream};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::{ask, servers};
use crate::stage::{Stage, only, same};

/// A file inside the ConfigMap.
fn file(name: &str) -> Result<String> {
    let manifests = Manifests::render("plain/base")?;
    let mut maps = manifests.of_kind("ConfigMap");
    let map = maps.next().context("no ConfigMap")?;
    let text = map.0["data"][name].as_str();
    text.map(ToOwned::to_owned)
        .with_context(|| format!("no {name}"))
}

fn plain_bootstrap() -> Result<Value> {
    Ok(serde_saphyr::from_str(&file("envoy.yaml")?)?)
}

/// The gateway with these servers behind it, and its admin's port.
async fn gateway(stage: &Stage, servers: &BTreeMap<&str, Upstream>) -> Result<(Arc<Envoy>, u16)> {
    let mut bootstrap = plain_bootstrap()?;
    let admin = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = json!(admin.port());
    for listener in bootstrap["static_resources"]["listeners"]
        .as_array_mut()
        .context("no listeners")?
    {
        listener["address"]["socket_address"] = json!({"address": "127.0.0.1", "port_value": 0});
    }
    for cluster in bootstrap["static_resources"]["clusters"]
        .as_array_mut()
        .context("no clusters")?
    {
        let name = cluster["name"].as_str().context("no name")?.to_owned();
        let address = servers.get(name.as_str()).map_or(admin, Upstream::address);
        cluster["type"] = json!("STATIC");
        let endpoint =
            "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let endpoint = cluster.pointer_mut(endpoint).context("no endpoint")?;
        let port = if name == "admin" { 9901 } else { 3090 };
        same(&name, &endpoint["port_value"], &json!(port))?;
        *endpoint = json!({"address": "127.0.0.1", "port_value": address.port()});
    }
    let envoy = stage.start(stage.launch(bootstrap)).await?;
    Ok((envoy, admin.port()))
}

pub(super) async fn the_plain_bootstrap_is_valid_as_it_is(stage: &Stage) -> Result<()> {
    let validation = stage.launch(plain_bootstrap()?).validate().await?;
    ensure!(validation.status.success(), "{}", validation.output);
    ensure!(
        !validation.output.contains(": RF0"),
        "{}",
        validation.output
    );
    Ok(())
}

pub(super) async fn the_plain_gateway_routes_models(stage: &Stage) -> Result<()> {
    let servers = servers(&["llama", "mistral", "httpbun"]).await?;
    let (envoy, _) = gateway(stage, &servers).await?;
    let address = envoy.listener_address("gateway").await?;
    let chat = "/v1/chat/completions";
    for (request, route, server) in [
        (ask(chat, r#"{"model": "llama"}"#), "llama", "llama"),
        (ask(chat, r#"{"model": "llama-3.1-70b"}"#), "llama", "llama"),
        (ask(chat, r#"{"model": "mistral"}"#), "mistral", "mistral"),
        (ask(chat, r#"{"model": "other"}"#), "fallback", "httpbun"),
        (ask(chat, "not JSON"), "fallback", "httpbun"),
        (
            ask(chat, "{}").header("x-gateway-model-name", "llama"),
            "fallback",
            "httpbun",
        ),
        (Request::get("/v1/models"), "fallback", "httpbun"),
        (Request::get("/health"), "fallback", "httpbun"),
    ] {
        let what = format!("{request:?}");
        let response = request.send(address).await?.expect_status(200)?;
        same(
            &what,
            only(&response.headers, "x-served-by")?.as_str(),
            route,
        )?;
        let seen = servers[server].request().await?;
        ensure!(!seen.path.starts_with("/v1"), "{what}: {}", seen.path);
    }
    let operations = envoy.listener_address("operations").await?;
    let ready = Request::get("/ready")
        .send(operations)
        .await?
        .expect_status(200)?;
    same("ready", ready.text().trim(), "LIVE")?;
    let metrics = Request::get("/metrics")
        .send(operations)
        .await?
        .expect_status(200)?;
    ensure!(
        metrics.text().contains("envoy_cluster_upstream_rq_total"),
        "no metrics"
    );
    for other in [
        "/",
        "/config_dump",
        "/quitquitquit",
        "/metrics/../quitquitquit",
        "/ready/x",
    ] {
        for method in ["GET", "POST"] {
            let refused = Request::new(method, other).send(operations).await?;
            same(other, refused.status, 404)?;
        }
    }
    Ok(())
}

/// Kubernetes' steps when a pod goes: the hook beside requests, and only then the signal.
pub(super) async fn the_plain_gateway_drains(stage: &Stage) -> Result<()> {
    let (stream, answer) = Answer::stream("text/event-stream");
    let mut servers = servers(&["mistral", "httpbun"]).await?;
    servers.insert("llama", Upstream::answering(answer).await?);
    let (envoy, admin) = gateway(stage, &servers).await?;
    let address = envoy.listener_address("gateway").await?;
    let operations = envoy.listener_address("operations").await?;
    let chat = "/v1/chat/completions";
    let mut idle = Connection::open(address, Protocol::Http1).await?;
    let mistral = || ask(chat, r#"{"model": "mistral"}"#);
    idle.send(mistral()).await?.expect_status(200)?;
    let mut long = ask(chat, r#"{"model": "llama"}"#).stream(address).await?;
    stream.send("data: 1\n\n").await?;
    long.next().await?.context("no event")?;

    let manifests = Manifests::render("plain/base")?;
    let deployment = manifests.find("Deployment", "gateway");
    let container = "/spec/template/spec/containers/0/lifecycle/preStop/exec/command";
    let command = deployment.and_then(|deployment| deployment.0.pointer(container));
    let expected = json!(["bash", "/etc/envoy/drain.sh"]);
    same("preStop", command, Some(&expected))?;
    let hook = file("drain.sh")?;
    let (port, pause) = (format!("/{admin}"), "\nsleep 10\n");
    ensure!(hook.contains("/9901") && hook.contains(pause), "{hook}");
    let hook = hook.replace("/9901", &port).replace(pause, "\n");
    let mut hook = Command::new("bash")
        .args(["-c", &hook])
        .stdout(Stdio::null())
        .spawn()?;
    while Request::get("/ready").send(operations).await?.status != 503 {
        ensure!(hook.try_wait()?.is_none(), "it ended, and Envoy is ready");
    }
    let last = idle.send(mistral()).await?.expect_status(200)?;
    let connection = last.headers.value("connection");
    same("connection", connection.as_deref(), Some("close"))?;
    // It looks every second.
    let ended = timeout(Duration::from_millis(1500), hook.wait()).await;
    ensure!(ended.is_err(), "it ended before the long answer: {ended:?}");

    stream.send("data: 2\n\n").await?;
    long.next().await?.context("no second event")?;
    drop(stream);
    same("rest", long.response().await?.text().as_str(), "")?;
    let status = hook.wait().await?;
    ensure!(status.success() && envoy.is_alive(), "{status}");
    Ok(())
}
