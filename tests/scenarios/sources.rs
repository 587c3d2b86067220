//! Where fields come from: the files of `envoy-configs/` about it do what they promise.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use harness::{Envoy, Example, Protocol, RecordedRequest, Request, Response, Upstream};
use serde_json::json;

use crate::gateway;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All inference_extension,
    All unified_endpoint,
    All tenant_and_model,
    All expressions,
    Ends few_encoded_bytes_take_no_memory,
];

/// The gateway of a file, before clusters that listen on 9001 and 9002.
struct Gateway {
    envoy: Arc<Envoy>,
    upstreams: Vec<(String, Upstream)>,
}

impl Gateway {
    async fn start(stage: &Stage, file: &str, names: &[&str]) -> Result<Self> {
        let mut upstreams = Vec::new();
        let mut ports = Vec::new();
        for (port, name) in (9001..).zip(names) {
            let upstream = Upstream::mock_llm(name).await?;
            ports.push((port, upstream.address()));
            upstreams.push(((*name).to_owned(), upstream));
        }
        let launch = stage.launch(Example::load(file)?.bootstrap(&ports)?);
        let envoy = stage.start(launch).await?;
        Ok(Self { envoy, upstreams })
    }

    async fn send(&self, request: &Request) -> Result<Response> {
        request.clone().send(self.envoy.address().await?).await
    }

    /// The cluster that served the request, and what it got.
    async fn served(&self, request: &Request) -> Result<(&str, RecordedRequest)> {
        let response = self.send(request).await?.expect_status(200)?;
        let served_by = only(&response.headers, "x-served-by")?;
        let mut upstreams = self.upstreams.iter();
        let upstream = upstreams.find(|(name, _)| *name == served_by);
        let (name, upstream) = upstream.context("served by a stranger")?;
        Ok((name, upstream.request().await?))
    }
}

async fn inference_extension(stage: &Stage) -> Result<()> {
    let file = "inference-extension.yaml";
    let gateway = Gateway::start(stage, file, &["llama", "mistral"]).await?;
    let cases = [
        ("llama-3", Some("llama-3"), "llama"),
        ("food-review", Some("llama-3"), "llama"),
        ("mistral", Some("mistral"), "mistral"),
        ("summaries", Some("mistral"), "mistral"),
        ("other", None, "llama"),
    ];
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (model, base, cluster) in cases {
            let request = Request::post("/v1/completions")
                .by(protocol)
                .header("x-gateway-model-name", "forged")
                .header("x-gateway-base-model-name", "mistral")
                .json(&json!({"model": model, "prompt": "hi"}));
            let (served_by, seen) = gateway.served(&request).await?;
            same(model, served_by, cluster)?;
            let header = |name: &str| seen.headers.value(name);
            let own = header("x-gateway-model-name");
            same("model", own.as_deref(), Some(model))?;
            let found = header("x-gateway-base-model-name");
            same("base model", found.as_deref(), base)?;
        }
    }
    Ok(())
}

const MULTIPART: &str = "multipart/form-data; boundary=\"a boundary\"";

/// An upload, of which the models before and after the file are given.
fn upload(before: &str, after: &str) -> String {
    let part = |header: &str, content: &str| {
        format!("--a boundary\r\nContent-Disposition: form-data; {header}\r\n\r\n{content}\r\n")
    };
    let model = |value: &str| match value {
        "" => String::new(),
        value => part("name=\"model\"", value),
    };
    let content = "\r\n--a bound\0\r\n".repeat(100_000);
    let file = part("name=\"file\"; filename=\"speech.mp3\"", &content);
    let (before, after) = (model(before), model(after));
    format!("{before}{file}{after}--a boundary--\r\n")
}

async fn unified_endpoint(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, "unified-endpoint.yaml", &["text", "audio"]).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let post = |path: &str| Request::post(path).by(protocol);
        let vertex = "/v1/projects/p/publishers/google/models/gemini:generateContent?alt=sse";
        let azure = "/openai/deployments/gpt-4o/chat/completions?api-version=1";
        for (path, model) in [
            ("/model/claude%3A1/invoke", "claude:1"),
            (vertex, "gemini"),
            (azure, "gpt-4o"),
        ] {
            let body = json!({"prompt": "hi"});
            let (served_by, seen) = gateway.served(&post(path).json(&body)).await?;
            same(path, served_by, "text")?;
            let header = only(&seen.headers, "x-gateway-model-name")?;
            same(path, header.as_str(), model)?;
            same(path, seen.json()?, body)?;
        }

        let chat = post("/v1/chat/completions");
        let body = json!({"model": "gpt-4o", "messages": []});
        let (served_by, seen) = gateway.served(&chat.clone().json(&body)).await?;
        same("chat", served_by, "text")?;
        same("chat", seen.json()?, body)?;

        // Patched, it is not encoded any more.
        let encoded = &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV\xca\xcdOI\xcdQ\xb2R*\xcf\xc8,.H-\xd2\xcdI,JOU\xaa\x05\x00yb\x0c[\x19\x00\x00\x00"[..];
        let encoded = chat
            .clone()
            .header("content-encoding", "gzip")
            .body(encoded);
        let (served_by, seen) = gateway.served(&encoded).await?;
        same("gzip", served_by, "audio")?;
        same("gzip", seen.json()?, json!({"model": "whisper-1"}))?;
        let still = seen.headers.contains("content-encoding");
        ensure!(!still, "still called gzip");

        let transcribe = post("/v1/audio/transcriptions").header("content-type", MULTIPART);
        for (before, after) in [("whisper-large", ""), ("", "whisper-large")] {
            let request = transcribe.clone().body(upload(before, after));
            let (served_by, seen) = gateway.served(&request).await?;
            same("upload", served_by, "audio")?;
            let renamed = |value: &str| value.replace("large", "1");
            let expected = upload(&renamed(before), &renamed(after));
            ensure!(seen.text() == expected, "the upload is not as it should be");
        }

        for (what, request) in [
            ("no model", chat.clone().json(&json!({"messages": []}))),
            ("no JSON", chat.body("hello")),
            ("two models", transcribe.clone().body(upload("a", "b"))),
            (
                "a second model in the file, to some",
                transcribe.body(upload("a", "").replacen(
                    "\r\n--a bound\0",
                    "\n--a boundary\r\n",
                    1,
                )),
            ),
            (
                "another model, to servers that tidy paths up",
                post("/openai/deployments/a/../b/chat").json(&json!({"model": "a"})),
            ),
        ] {
            same(what, gateway.send(&request).await?.status, 400)?;
        }
        // A name with a slash is one of no family, and not another place.
        for path in [
            "/model/evil/x/converse",
            "/v1beta/models/evil/x:generateContent",
        ] {
            let answer = gateway.send(&post(path).json(&json!({}))).await?;
            same(path, answer.status, 404)?;
        }
        let models = Request::get("/v1/models").by(protocol);
        same("GET", gateway.served(&models).await?.0, "text")?;
    }
    Ok(())
}

/// Tokens of the example key for the tenants `acme` and `globex`.
const ACME: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiAiZXhhbXBsZSIsICJ0ZW5hbnQiOiAiYWNtZSJ9.fSLZr01Iw4pNsUQUFxleSjrJtiFIZEyfp58JQcFKdZ0";
const GLOBEX: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiAiZXhhbXBsZSIsICJ0ZW5hbnQiOiAiZ2xvYmV4In0.Y4bvREibzjciKKyTEIQgwiOcv3ErEw6z0_OsNuLGBxg";

async fn tenant_and_model(stage: &Stage) -> Result<()> {
    let file = "tenant-and-model.yaml";
    let gateway = Gateway::start(stage, file, &["dedicated", "shared"]).await?;
    let ask = |token: &str, model: &str| {
        Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {token}"))
            .header("x-tenant", "acme")
            .header("x-gateway-model-name", "large")
            .json(&json!({"model": model}))
    };
    for (token, tenant, model, cluster) in [
        (ACME, "acme", "large", "dedicated"),
        (ACME, "acme", "small", "shared"),
        (GLOBEX, "globex", "large", "shared"),
    ] {
        let (served_by, seen) = gateway.served(&ask(token, model)).await?;
        same(tenant, served_by, cluster)?;
        let header = only(&seen.headers, "x-tenant")?;
        same("tenant", header.as_str(), tenant)?;
        let header = only(&seen.headers, "x-gateway-model-name")?;
        same("model", header.as_str(), model)?;
        ensure!(!seen.headers.contains("authorization"), "the token went on");
    }
    let forged = ask(&GLOBEX.replace("Z2xvYmV4", "YWNtZSAg"), "large");
    same("forged", gateway.send(&forged).await?.status, 401)?;
    // The token that is checked is the one that is read: that of the query is not checked.
    let beside = |authorization: &str| {
        Request::post(&format!("/?access_token={GLOBEX}"))
            .header("authorization", authorization)
            .json(&json!({"model": "large"}))
    };
    let token = ACME.replace("fSLZ", "ZLSf");
    for scheme in ["bearer ", "BEARER ", ""] {
        let answer = gateway.send(&beside(&format!("{scheme}{token}"))).await?;
        same(scheme, answer.status, 401)?;
    }
    // The prefix may stand anywhere to jwt_authn.
    let behind = beside(&format!("{token} Bearer {GLOBEX}"));
    let (served_by, seen) = gateway.served(&behind).await?;
    same("a token behind another", served_by, "shared")?;
    ensure!(!seen.headers.contains("x-tenant"), "a tenant was forged");
    let none = Request::post("/")
        .header("x-tenant", "acme")
        .json(&json!({"model": "large"}));
    same("no token", gateway.send(&none).await?.status, 401)
}

async fn expressions(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, "expressions.yaml", &["small", "large"]).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (body, model, roles, cluster) in [
            (
                r#"{"model": "large", "messages": [{"role": "system"}, {"role": "user"}]}"#,
                Some("large"),
                Some("system,user"),
                "large",
            ),
            (r#"{"model": "small"}"#, Some("small"), None, "small"),
            (r#"{"model": ["large"]}"#, None, None, "small"),
            ("hello", None, None, "small"),
        ] {
            let request = Request::post("/")
                .by(protocol)
                .header("x-llm-model", "large")
                .header("x-roles", "admin")
                .body(body);
            let (served_by, seen) = gateway.served(&request).await?;
            same(body, served_by, cluster)?;
            let header = |name: &str| seen.headers.value(name);
            same(body, header("x-llm-model").as_deref(), model)?;
            same(body, header("x-roles").as_deref(), roles)?;
        }
    }
    Ok(())
}

/// What announces megabytes to come makes no room for them: a header of brotli with a block of 16 MiB,
/// and a frame of zstd whose blocks are one byte each.
async fn few_encoded_bytes_take_no_memory(stage: &Stage) -> Result<()> {
    const STREAMS: u64 = 30;
    let config = json!({"request": {"extract": [{"header": gateway::MODEL}]}});
    let gateway = gateway::Gateway::start(stage, config).await?;
    let block = [2, 0, 16, b' '].repeat(60);
    let frame = [&b"\x28\xb5\x2f\xfd\x00\x68"[..], &block].concat();
    for (coding, encoded) in [("br", b"\xcf\xff\xff\xff  ".to_vec()), ("zstd", frame)] {
        let before = gateway.envoy.peak_memory()?;
        let mut open = Vec::new();
        for _ in 0..STREAMS {
            let request = Request::post("/")
                .http2()
                .header("content-encoding", coding);
            let (mut body, response) = request.open(gateway.address).await?;
            let (last, first) = encoded.split_last().context("no body")?;
            body.send(first.to_vec()).await?;
            body.send(vec![*last]).await?;
            open.push((body, response));
        }
        // Only what has been read can be answered.
        for (body, response) in open {
            body.finish();
            response.response().await?.expect_status(200)?;
        }
        let grown = gateway.envoy.peak_memory()? - before;
        let most = STREAMS * (512 << 10);
        ensure!(grown < most, "{coding}: Envoy has grown by {grown} bytes");
    }
    gateway.check_alive().await
}
