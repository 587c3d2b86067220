//! `envoy-configs/unified-endpoint.yaml`: each API that it names reaches the right servers, as it was sent.

mod call;
mod openai;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use harness::{Answer, RecordedRequest, Request, Upstream};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, only, same, scenarios};
use call::{AUDIO, Call, Gateway, MODEL, PROTOCOLS, TEXT, play};
use openai::{openai, openai_files_and_batches, openai_models, openai_uploads};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All openai,
    All openai_uploads,
    All openai_files_and_batches,
    All openai_models,
    All anthropic,
    All gemini,
    All vertex,
    All bedrock,
    All azure,
    All cohere,
    All mistral,
    All ollama,
    All triton,
    All each_api_refuses_what_is_not_served,
    All files_are_not_held,
    Ends a_long_stream_is_not_cut,
];

async fn anthropic(stage: &Stage) -> Result<()> {
    let model = "claude-sonnet-4-5";
    let whole = json!({"model": model, "max_tokens": 9, "messages": []});
    let stream = json!({"model": model, "max_tokens": 9, "messages": [], "stream": true});
    let batch = json!({"requests": [{"custom_id": "1", "params": whole}]});
    play(
        stage,
        &[
            Call::post("/v1/messages", &whole, "text was asked").of(model),
            Call::post("/v1/messages?beta=true", &stream, "message_stop").of(model),
            Call::post("/v1/messages/count_tokens", &whole, "").of(model),
            Call::post("/v1/messages/batches", &batch, ""),
        ],
    )
    .await
}

/// What Gemini's API takes; it names no model.
fn contents() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
}

async fn gemini(stage: &Stage) -> Result<()> {
    let model = "gemini-2.5-flash";
    play(
        stage,
        &[
            Call::post(
                "/v1beta/models/gemini-2.5-flash:generateContent",
                &contents(),
                "text was asked",
            )
            .of(model),
            Call::post(
                "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
                &contents(),
                "STOP",
            )
            .of(model),
            Call::post(
                "/v1beta/models/gemini-embedding-001:batchEmbedContents",
                &json!({"requests": [{"model": "models/gemini-embedding-001"}]}),
                "embeddings",
            )
            .of("gemini-embedding-001"),
            Call::get("/v1beta/models", ""),
        ],
    )
    .await
}

async fn vertex(stage: &Stage) -> Result<()> {
    let project = "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse";
    let express = "/v1beta1/publishers/google/models/gemini-2.5-pro:generateContent";
    let other = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict";
    play(
        stage,
        &[
            Call::post(project, &contents(), "STOP").of("gemini-2.5-pro"),
            Call::post(express, &contents(), "text was asked").of("gemini-2.5-pro"),
            Call::post(other, &json!({"messages": []}), "text was asked")
                .of("claude-sonnet-4-5@20250929"),
        ],
    )
    .await
}

async fn bedrock(stage: &Stage) -> Result<()> {
    let model = "amazon.nova-lite-v1:0";
    let body = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]});
    play(
        stage,
        &[
            Call::post("/model/amazon.nova-lite-v1%3A0/converse", &body, "end_turn").of(model),
            Call::post(
                "/model/amazon.nova-lite-v1%3A0/converse-stream",
                &body,
                "end_turn",
            )
            .of(model),
            Call::post(
                "/model/amazon.nova-lite-v1:0/invoke",
                &body,
                "text was asked",
            )
            .of(model),
            Call::post(
                "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Fnova/converse",
                &body,
                "end_turn",
            )
            .of("arn:aws:bedrock:eu-west-1:1:inference-profile/nova"),
            Call::post(
                "/guardrail/g/version/1/apply",
                &json!({"source": "INPUT"}),
                "",
            ),
        ],
    )
    .await
}

async fn azure(stage: &Stage) -> Result<()> {
    let chat = json!({"messages": [], "stream": true});
    let speech = [("file; filename=a.mp3", "\u{1}")];
    play(
        stage,
        &[
            Call::post(
                "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
                &chat,
                "[DONE]",
            )
            .of("gpt-4o"),
            Call::form(
                "/openai/deployments/whisper-1/audio/transcriptions?api-version=2024-10-21",
                &speech,
                "",
            )
            .of("whisper-1")
            .by(AUDIO),
            Call::post(
                "/openai/v1/chat/completions",
                &json!({"model": "gpt-4o", "messages": []}),
                "text was asked",
            )
            .of("gpt-4o"),
        ],
    )
    .await
}

async fn cohere(stage: &Stage) -> Result<()> {
    let model = "command-a-03-2025";
    let chat = json!({"model": model, "messages": []});
    let stream = json!({"model": model, "messages": [], "stream": true});
    let embed = json!({"model": "embed-v4.0", "texts": ["hi"], "input_type": "search_query"});
    play(
        stage,
        &[
            Call::post("/v2/chat", &chat, "text was asked").of(model),
            Call::post("/v2/chat", &stream, "message-end").of(model),
            Call::post("/v2/embed", &embed, "embeddings_by_type").of("embed-v4.0"),
        ],
    )
    .await
}

async fn mistral(stage: &Stage) -> Result<()> {
    let model = "mistral-small-latest";
    let chat = json!({"model": model, "messages": []});
    let stream = json!({"model": model, "messages": [], "stream": true});
    let fill = json!({"model": model, "prompt": "def f(", "suffix": "return a"});
    let embed = json!({"model": "mistral-embed", "input": ["hi"]});
    play(
        stage,
        &[
            Call::post("/v1/chat/completions", &chat, "text was asked").of(model),
            Call::post("/v1/chat/completions", &stream, "[DONE]").of(model),
            Call::post("/v1/fim/completions", &fill, "text was asked").of(model),
            Call::post("/v1/embeddings", &embed, "embedding").of("mistral-embed"),
        ],
    )
    .await
}

async fn ollama(stage: &Stage) -> Result<()> {
    let model = "llama3.2";
    let chat = json!({"model": model, "messages": []});
    let whole = json!({"model": model, "messages": [], "stream": false});
    let prompt = json!({"model": model, "prompt": "hi"});
    let embed = json!({"model": model, "input": ["hi"]});
    play(
        stage,
        &[
            Call::post("/api/chat", &chat, "done_reason").of(model),
            Call::post("/api/chat", &whole, "text was asked").of(model),
            Call::post("/api/generate", &prompt, "done_reason").of(model),
            Call::post("/api/embed", &embed, "embeddings").of(model),
            Call::get("/api/tags", ""),
        ],
    )
    .await
}

async fn triton(stage: &Stage) -> Result<()> {
    let inputs = json!([{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]);
    let body = json!({"inputs": inputs});
    let infer = "/v2/models/resnet50/infer";
    // Behind the JSON stand the tensors as they are.
    let binary = Call {
        content_type: Some("application/octet-stream"),
        body: [body.to_string().as_bytes(), &[0, 0, 128, 63]].concat(),
        ..Call::post(infer, &body, "resnet50").of("resnet50")
    };
    play(
        stage,
        &[
            Call::post(infer, &body, "resnet50").of("resnet50"),
            Call::post("/v2/models/whisper/versions/1/infer", &body, "outputs")
                .of("whisper")
                .by(AUDIO),
            binary,
            Call::get("/v2/models/resnet50/ready", "").of("resnet50"),
            Call::get("/v2/health/ready", ""),
        ],
    )
    .await
}

async fn each_api_refuses_what_is_not_served(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    let unknown = json!({"model": "unknown", "messages": []});
    let missing = json!({"messages": []});
    for protocol in PROTOCOLS {
        for (path, body, status, place, value) in [
            (
                "/v1/chat/completions",
                &unknown,
                404,
                "/error/code",
                json!("model_not_found"),
            ),
            (
                "/v1/messages",
                &unknown,
                404,
                "/error/type",
                json!("not_found_error"),
            ),
            (
                "/v1beta/models/unknown:generateContent",
                &missing,
                404,
                "/error/status",
                json!("NOT_FOUND"),
            ),
            (
                "/model/unknown/converse",
                &missing,
                404,
                "/error/code",
                json!("model_not_found"),
            ),
            (
                "/v2/models/unknown/infer",
                &missing,
                404,
                "/error/code",
                json!("model_not_found"),
            ),
            (
                "/v1/chat/completions",
                &missing,
                400,
                "/error/code",
                json!("missing_model"),
            ),
            (
                "/v1/embeddings",
                &missing,
                400,
                "/error/code",
                json!("missing_model"),
            ),
            (
                "/v2/chat",
                &missing,
                400,
                "/error/code",
                json!("missing_model"),
            ),
            (
                "/api/chat",
                &missing,
                400,
                "/error/code",
                json!("missing_model"),
            ),
            (
                "/v1/messages",
                &missing,
                400,
                "/error/type",
                json!("invalid_request_error"),
            ),
            // Not the path of files.
            (
                "/v1/files/../messages",
                &unknown,
                404,
                "/error/code",
                json!("model_not_found"),
            ),
        ] {
            let request = Request::post(path).by(protocol).json(body);
            let response = request
                .header(MODEL, "gpt-4o")
                .send(gateway.address)
                .await?;
            let response = response.expect_status(status)?;
            if status == 404 {
                let kind = only(&response.headers, "x-amzn-errortype")?;
                same(path, kind.as_str(), "ResourceNotFoundException")?;
            }
            same(path, response.json()?.pointer(place), Some(&value))?;
        }
        // An upstream's own refusal stays as it is.
        for (path, place) in [
            ("/v1/chat/completions", "/error/message"),
            ("/v2/chat", "/message"),
        ] {
            let request = Request::post(path).by(protocol);
            let request = request.json(&json!({"model": "command-busy", "messages": []}));
            let response = request.send(gateway.address).await?.expect_status(429)?;
            let message = response.json()?.pointer(place).cloned();
            same(path, message, Some(json!("text is busy")))?;
        }
    }
    same("requests of audio", gateway.audio.requests().len(), 0)
}

async fn files_are_not_held(stage: &Stage) -> Result<()> {
    let text = Upstream::answering(Answer::json(&json!({"id": "file-1"}))).await?;
    let gateway = Gateway::with(stage, text).await?;
    for protocol in PROTOCOLS {
        let request = Request::post("/v1/files")
            .by(protocol)
            .header("content-type", "multipart/form-data; boundary=b");
        let (mut body, _response) = request.open(gateway.address).await?;
        body.send("--b\r\n").await?;
        // Its end has not come.
        let arrived = |seen: &RecordedRequest| seen.text() == "--b\r\n";
        gateway
            .text
            .request_where("the first part", arrived)
            .await?;
        body.abort();
    }
    let over = vec![b'a'; 40 << 20];
    for path in ["/v1/files", "/v1/chat/completions"] {
        let request = Request::post(path).http2();
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let response = request.body(over.clone()).send(gateway.address).await?;
        response.expect_status(if path == "/v1/files" { 200 } else { 413 })?;
    }
    ensure!(gateway.envoy.is_alive(), "envoy crashed");
    Ok(())
}

/// Envoy's default ends an answer after 15 seconds.
async fn a_long_stream_is_not_cut(stage: &Stage) -> Result<()> {
    let pause = Duration::from_millis(2300);
    let text = Upstream::mock_llm_with_pauses(TEXT, pause).await?;
    let gateway = Gateway::with(stage, text).await?;
    let body = json!({"model": "claude-sonnet-4-5", "messages": [], "stream": true});
    let request = Request::post("/v1/messages").json(&body);
    let started = Instant::now();
    let response = request.send(gateway.address).await?.expect_status(200)?;
    ensure!(response.text().contains("message_stop"), "it is cut");
    ensure!(started.elapsed() > Duration::from_secs(15), "it was short");
    Ok(())
}
