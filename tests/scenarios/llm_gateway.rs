//! `envoy-configs/llm-gateway.yaml`: the gateway to start from does what its comments promise.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use harness::{Answer, Envoy, Example, Protocol, RawConnection, Request, Response, Upstream};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All each_model_goes_to_its_servers,
    All the_second_provider_answers_where_the_first_fails,
    All no_other_model_is_served,
    All tokens_are_bounded_and_logged,
    All a_realtime_session_is_routed_by_its_query,
    All an_upload_goes_to_its_model,
    All the_gateway_answers_for_itself,
    All fifty_streams_at_once,
];

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
const CHAT: &str = "/v1/chat/completions";
const MODEL: &str = "x-gateway-model-name";

/// The gateway with its three upstreams.
struct Gateway {
    envoy: Arc<Envoy>,
    address: SocketAddr,
    hosted: Upstream,
    second: Upstream,
    local: Upstream,
}

impl Gateway {
    async fn start(stage: &Stage) -> Result<Self> {
        let hosted = Upstream::mock_llm("hosted").await?;
        Self::with(stage, hosted, Upstream::mock_llm("local").await?).await
    }

    async fn with(stage: &Stage, hosted: Upstream, local: Upstream) -> Result<Self> {
        let second = Upstream::mock_llm("second").await?;
        let bootstrap = Example::load("llm-gateway.yaml")?.bootstrap(&[
            (9001, hosted.address()),
            (9002, second.address()),
            (9003, local.address()),
        ])?;
        let launch = stage.launch(bootstrap).env("HOSTED_API_KEY", "of-hosted");
        let envoy = stage
            .start(launch.env("SECOND_API_KEY", "of-second"))
            .await?;
        Ok(Self {
            address: envoy.address().await?,
            envoy,
            hosted,
            second,
            local,
        })
    }

    /// How many requests have reached an upstream.
    fn requests(&self) -> usize {
        let upstreams = [&self.hosted, &self.second, &self.local];
        upstreams
            .map(|upstream| upstream.requests().len())
            .iter()
            .sum()
    }
}

fn chat(protocol: Protocol, body: &Value) -> Request {
    Request::post(CHAT)
        .by(protocol)
        .header("authorization", "Bearer of-client")
        .header(MODEL, "forged")
        .json(body)
}

async fn each_model_goes_to_its_servers(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    for protocol in PROTOCOLS {
        for (model, server, key) in [
            ("gpt-4o", &gateway.hosted, "Bearer of-hosted"),
            ("gpt-4o-mini", &gateway.hosted, "Bearer of-hosted"),
            // Our own servers decide by the client's key.
            ("llama-3.3", &gateway.local, "Bearer of-client"),
        ] {
            for stream in [false, true] {
                let body = json!({"model": model, "stream": stream, "messages": []});
                let response = chat(protocol, &body).send(gateway.address).await?;
                let response = response.expect_status(200)?;
                let seen = server.request().await?;
                same("model asked for", &seen.json()?["model"], &json!(model))?;
                same("routing header", only(&seen.headers, MODEL)?, model)?;
                same("key", only(&seen.headers, "authorization")?, key)?;
                let models: BTreeSet<_> = documents(&response, stream)?
                    .iter()
                    .map(|document| document["model"].clone().to_string())
                    .collect();
                same(
                    "models of the answer",
                    models,
                    BTreeSet::from([json!(model).to_string()]),
                )?;
            }
        }
    }
    Ok(())
}

/// The JSON of an answer, or of each event of a stream.
fn documents(response: &Response, stream: bool) -> Result<Vec<Value>> {
    match stream {
        true => response.events(),
        false => Ok(vec![response.json()?]),
    }
}

async fn the_second_provider_answers_where_the_first_fails(stage: &Stage) -> Result<()> {
    for status in [429, 500, 503] {
        let hosted = Upstream::answering(Answer::status(status)).await?;
        let gateway = Gateway::with(stage, hosted, Upstream::named("local").await?).await?;
        for stream in [false, true] {
            let body = json!({"model": "gpt-4o", "stream": stream, "messages": []});
            let response = chat(Protocol::Http2, &body).send(gateway.address).await?;
            for document in documents(&response.expect_status(200)?, stream)? {
                same("model of the answer", &document["model"], &json!("gpt-4o"))?;
            }
            let seen = gateway.second.request().await?;
            let asked = &seen.json()?["model"];
            same("model asked for", asked, &json!("llama-3.3-70b-versatile"))?;
            same("path", seen.path.as_str(), "/openai/v1/chat/completions")?;
            same(
                "key",
                only(&seen.headers, "authorization")?,
                "Bearer of-second",
            )?;
        }
        for line in gateway.envoy.access_log(2).await? {
            let logged: Value = serde_json::from_str(&line)?;
            same("attempts", &logged["attempts"], &json!(2))?;
            same("tokens", &logged["output_tokens"], &json!(5))?;
        }
    }
    Ok(())
}

async fn no_other_model_is_served(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    let unknown = json!({"model": "gpt-7", "messages": []});
    let missing = json!({"messages": []});
    for protocol in PROTOCOLS {
        for (path, body, status, kind) in [
            (CHAT, &unknown, 404, "/error/code"),
            ("/v1/messages", &unknown, 404, "/error/type"),
            (CHAT, &missing, 400, "/error/type"),
            ("/v1/files", &missing, 404, "/error/code"),
        ] {
            let request = Request::post(path).by(protocol).header(MODEL, "gpt-4o");
            let response = request.json(body).send(gateway.address).await?;
            let answer = response.expect_status(status)?.json()?;
            ensure!(answer.pointer(kind).is_some(), "{path}: {answer}");
            let anthropic = answer["type"] == "error";
            same(path, anthropic, path == "/v1/messages")?;
        }
        for body in ["{", "", r#"{"model": "gpt-4o", "model": "gpt-7"}"#] {
            let request = Request::post(CHAT).by(protocol).header(MODEL, "gpt-4o");
            let request = request.header("content-type", "application/json");
            request
                .body(body)
                .send(gateway.address)
                .await?
                .expect_status(400)?;
        }
        // The query of a body's request names no model, and a limit in other letters is none that the rules know.
        for (query, body) in [
            ("?model=gpt-4o", r#"{"Model": "evil"}"#),
            ("?model=gpt-4o", r#"{"model": ["evil"]}"#),
            ("", r#"{"model": "llama-3.3", "Max_Tokens": 99999}"#),
            (
                "",
                r#"{"model": "llama-3.3", "max_output_to\u212aens": 99999}"#,
            ),
        ] {
            let request = Request::post(&format!("{CHAT}{query}")).by(protocol);
            let request = request.header("content-type", "application/json");
            let response = request.body(body).send(gateway.address).await?;
            ensure!(
                response.status == 400,
                "{query} {body}: {}",
                response.status
            );
        }
        // Without a body no model is named, whatever the client's header says.
        let request = Request::get("/v1/anything")
            .by(protocol)
            .header(MODEL, "gpt-4o");
        request.send(gateway.address).await?.expect_status(404)?;
    }
    same("requests that went on", gateway.requests(), 0)
}

async fn tokens_are_bounded_and_logged(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    for (member, asked, sent) in [
        ("max_tokens", json!(100_000), json!(4096)),
        ("max_tokens", json!(-1), json!(1)),
        ("max_tokens", json!(7), json!(7)),
        ("max_completion_tokens", json!(100_000), json!(4096)),
    ] {
        let mut body = json!({"model": "llama-3.3", "messages": []});
        body[member] = asked;
        let response = chat(Protocol::Http1, &body).send(gateway.address).await?;
        response.expect_status(200)?;
        let seen = gateway.local.request().await?.json()?;
        same(member, &seen[member], &sent)?;
    }
    let unbounded = json!({"model": "llama-3.3", "messages": []});
    chat(Protocol::Http1, &unbounded)
        .send(gateway.address)
        .await?
        .expect_status(200)?;
    let seen = gateway.local.request().await?.json()?;
    same("default", &seen["max_tokens"], &json!(1024))?;
    let text = json!({"model": "llama-3.3", "messages": [], "max_tokens": "100000"});
    chat(Protocol::Http1, &text)
        .send(gateway.address)
        .await?
        .expect_status(400)?;

    // A client that asked for the usage of a stream gets it, and no other does.
    for asks in [false, true] {
        let mut body = json!({"model": "llama-3.3", "messages": [], "stream": true});
        if asks {
            body["stream_options"] = json!({"include_usage": true});
        }
        let response = chat(Protocol::Http2, &body).send(gateway.address).await?;
        let events = response.expect_status(200)?.events()?;
        let usage = events.iter().any(|event| event["usage"].is_object());
        same("usage", usage, asks)?;
    }
    let log = gateway.envoy.access_log(8).await?;
    for (index, line) in log.iter().enumerate() {
        let logged: Value = serde_json::from_str(line)?;
        let (status, tokens) = match index {
            5 => (400, [json!(null), json!(null)]),
            _ => (200, [json!(7), json!(5)]),
        };
        same("status", &logged["status"], &json!(status))?;
        same("model", &logged["model"], &json!("llama-3.3"))?;
        same("input", &logged["input_tokens"], &tokens[0])?;
        same("output", &logged["output_tokens"], &tokens[1])?;
    }
    Ok(())
}

async fn a_realtime_session_is_routed_by_its_query(stage: &Stage) -> Result<()> {
    let local = Upstream::answering(Answer::websocket_echo()).await?;
    let gateway = Gateway::with(stage, Upstream::named("hosted").await?, local).await?;
    let path = "/v1/realtime?model=llama-3.3";
    let (mut connection, _) =
        RawConnection::upgrade(gateway.address, path, "websocket", &[(MODEL, "gpt-4o")]).await?;
    for text in ["ping.", "{\"type\":1}."] {
        connection.echo(text).await?;
    }
    let seen = gateway.local.request().await?;
    same("routing header", only(&seen.headers, MODEL)?, "llama-3.3")?;
    for path in ["/v1/realtime?model=gpt-7", "/v1/realtime"] {
        let refused = RawConnection::upgrade(gateway.address, path, "websocket", &[]).await;
        ensure!(refused.is_err(), "{path} is served");
    }
    same("requests that went on", gateway.requests(), 1)
}

async fn an_upload_goes_to_its_model(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    let part = |head: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
    };
    let file = part(r#"name="file"; filename="a.mp3""#, &"\u{1}".repeat(300_000));
    let model = part(r#"name="model""#, "whisper-1");
    for (protocol, parts) in [
        (Protocol::Http1, [&model, &file]),
        (Protocol::Http2, [&file, &model]),
    ] {
        let body = format!("{}{}--b--\r\n", parts[0], parts[1]);
        let request = Request::post("/v1/audio/transcriptions").by(protocol);
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let response = request.body(body.clone()).send(gateway.address).await?;
        response.expect_status(200)?;
        ensure!(
            gateway.local.request().await?.text() == body,
            "the upload has changed"
        );
    }
    Ok(())
}

async fn the_gateway_answers_for_itself(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    for protocol in PROTOCOLS {
        let health = Request::get("/healthz").by(protocol).send(gateway.address);
        health.await?.expect_status(200)?;
        let models = Request::get("/v1/models")
            .by(protocol)
            .send(gateway.address);
        let models = models.await?.expect_status(200)?.json()?;
        let names = models["data"].as_array().context("no models")?;
        same("models", names.len(), 4)?;
        let odd = Request::post(CHAT)
            .by(protocol)
            .header("x_gateway_model_name", "gpt-4o");
        let odd = odd.json(&json!({"model": "gpt-4o", "messages": []}));
        // By HTTP/2 the stream is reset.
        if let Ok(answer) = odd.send(gateway.address).await {
            answer.expect_status(400)?;
        }
    }
    same("requests that went on", gateway.requests(), 0)
}

async fn fifty_streams_at_once(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    let mut streams = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (model, server) = [("gpt-4o", "hosted"), ("llama-3.3", "local")][number % 2];
        let body = json!({"model": model, "stream": true, "messages": []});
        let request = chat(PROTOCOLS[number % 2], &body).send(gateway.address);
        streams.spawn(async move { (server, request.await) });
    }
    while let Some(ended) = streams.join_next().await {
        let (server, response) = ended?;
        let response = response?.expect_status(200)?;
        same("server", only(&response.headers, "x-served-by")?, server)?;
        ensure!(
            response.text().ends_with("data: [DONE]\n\n"),
            "a stream is cut"
        );
    }
    Ok(())
}
