//! The calls of OpenAI's API.

use anyhow::Result;
use serde_json::json;

use super::call::{AUDIO, Call, play};
use crate::stage::Stage;

pub(super) async fn openai(stage: &Stage) -> Result<()> {
    let model = "gpt-4o";
    let chat = json!({"model": model, "messages": []});
    let stream = json!({"model": model, "messages": [], "stream": true});
    let prompt = json!({"model": model, "prompt": "hi"});
    let input = json!({"model": model, "input": "hi"});
    let streamed = json!({"input": "hi", "stream": true, "model": model});
    let embed = json!({"model": "text-embedding-3-small", "input": ["hi"]});
    let speech = json!({"model": "whisper-tts", "input": "hi", "voice": "alloy"});
    play(
        stage,
        &[
            Call::post("/v1/chat/completions", &chat, "text was asked").of(model),
            Call::post("/v1/chat/completions", &stream, "[DONE]").of(model),
            Call::post("/v1/completions", &prompt, "text_completion").of(model),
            Call::post("/v1/responses", &input, "output_text").of(model),
            Call::post("/v1/responses", &streamed, "response.completed").of(model),
            // The default has what `text` keeps.
            Call::get("/v1/responses/resp_1", ""),
            Call::bare("POST", "/v1/responses/resp_1/cancel", ""),
            Call::bare("DELETE", "/v1/responses/resp_1", ""),
            Call::post("/v1/embeddings", &embed, "embedding").of("text-embedding-3-small"),
            Call::post("/v1/audio/speech", &speech, "audio was asked")
                .of("whisper-tts")
                .by(AUDIO),
            Call::post("/v1/moderations", &json!({"input": "hi"}), "flagged"),
            Call::post(
                "/v1/moderations",
                &json!({"input": "hi", "model": "omni-moderation-latest"}),
                "flagged",
            )
            .of("omni-moderation-latest"),
            Call::post("/v1/vector_stores", &json!({"name": "a"}), "vs_1"),
        ],
    )
    .await
}

pub(super) async fn openai_uploads(stage: &Stage) -> Result<()> {
    let speech = "\u{1}\r\n--a".repeat(50_000);
    let file = ("file; filename=a.mp3", speech.as_str());
    let audio = ("model", "whisper-1");
    let image = ("image; filename=a.png", speech.as_str());
    let (prompt, model) = (("prompt", "a hat"), ("model", "gpt-image-1"));
    let edits = "/v1/images/edits";
    play(
        stage,
        &[
            Call::form(
                "/v1/audio/transcriptions",
                &[file, audio],
                "audio was asked",
            )
            .of("whisper-1")
            .by(AUDIO),
            Call::form("/v1/audio/translations", &[audio, file], "audio was asked")
                .of("whisper-1")
                .by(AUDIO),
            Call::form(edits, &[image, prompt, model], "b64_json").of("gpt-image-1"),
            // OpenAI has a model of its own choice here.
            Call::form(edits, &[image, prompt], "b64_json"),
        ],
    )
    .await
}

pub(super) async fn openai_files_and_batches(stage: &Stage) -> Result<()> {
    let line = json!({
        "custom_id": "1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "whisper-large", "messages": []},
    });
    let lines = format!("{line}\n{line}\n");
    let purpose = ("purpose", "batch");
    let file = ("file; filename=batch.jsonl", lines.as_str());
    let batch = json!({
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    });
    let job = json!({"training_file": "file-1", "model": "gpt-4o-mini"});
    play(
        stage,
        &[
            Call::form("/v1/files", &[purpose, file], "file-1"),
            Call::form(
                "/v1/uploads/upload_1/parts",
                &[("data; filename=a", "a")],
                "",
            ),
            Call::get("/v1/files?purpose=batch", "file-1"),
            Call::get("/v1/files/file-1", "file-1"),
            Call::get("/v1/files/file-1/content", "custom_id"),
            Call::bare("DELETE", "/v1/files/file-1", "deleted"),
            Call::post("/v1/batches", &batch, "batch_1"),
            Call::get("/v1/batches", "batch_1"),
            Call::get("/v1/batches/batch_1", "batch_1"),
            Call::bare("POST", "/v1/batches/batch_1/cancel", "batch_1"),
            Call::post("/v1/fine_tuning/jobs", &job, "ftjob-1").of("gpt-4o-mini"),
            Call::get("/v1/fine_tuning/jobs/ftjob-1", "ftjob-1"),
            Call::bare("POST", "/v1/fine_tuning/jobs/ftjob-1/cancel", "ftjob-1"),
        ],
    )
    .await
}

pub(super) async fn openai_models(stage: &Stage) -> Result<()> {
    let tuned = "/v1/models/ft:gpt-4o:acme::1";
    play(
        stage,
        &[
            Call::get("/v1/models", "gpt-4o"),
            Call::get("/v1/models/gpt-4o", "gpt-4o").of("gpt-4o"),
            Call::get("/v1/models/whisper-1", "whisper-1")
                .of("whisper-1")
                .by(AUDIO),
            Call::get(tuned, "ft:gpt-4o").of("ft:gpt-4o:acme::1"),
        ],
    )
    .await
}
