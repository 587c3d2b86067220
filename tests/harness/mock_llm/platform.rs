//! What OpenAI's API has beside its conversations. Mistral's files are the same.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS};
use crate::answer::Answer;

const CREATED: u64 = 1_700_000_000;

/// `None`: it is none of these.
pub(super) fn answer(asked: &Asked) -> Option<Answer> {
    let (_, path) = asked.path.split_once("/v1/")?;
    let segments: Vec<&str> = path.split('/').collect();
    let body = match (asked.method.as_str(), segments.as_slice()) {
        ("GET", ["models"]) => list(model("gpt-4o", &asked.name)),
        ("GET", ["models", id]) => model(id, &asked.name),
        ("GET", ["files"]) => list(file()),
        ("GET", ["files", _, "content"]) => return Some(Answer::body("{\"custom_id\": \"1\"}\n")),
        ("DELETE", ["files", _]) => json!({"id": "file-1", "object": "file", "deleted": true}),
        (_, ["files"] | ["files", _]) => file(),
        ("GET", ["batches"]) => list(batch()),
        (_, ["batches", ..]) => batch(),
        (_, ["vector_stores"]) => json!({
            "id": "vs_1",
            "object": "vector_store",
            "created_at": CREATED,
            "name": asked.name,
            "status": "completed",
            "usage_bytes": 0,
            "file_counts": {"total": 0, "completed": 0, "failed": 0, "cancelled": 0, "in_progress": 0},
        }),
        (_, ["fine_tuning", "jobs", ..]) => fine_tuning_job(asked),
        (_, ["moderations"]) => json!({
            "id": "modr-1",
            "model": asked.model.as_str().unwrap_or("omni-moderation-latest"),
            "results": [{"flagged": false, "categories": {}, "category_scores": {}}],
        }),
        (_, ["embeddings"]) => json!({
            "object": "list",
            "id": "1",
            "model": asked.model,
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
            "usage": {"prompt_tokens": INPUT_TOKENS, "completion_tokens": 0, "total_tokens": INPUT_TOKENS},
        }),
        (_, ["audio", ..]) => json!({"text": asked.content}),
        (_, ["images", ..]) => json!({"created": CREATED, "data": [{"b64_json": "aGk="}]}),
        _ => return None,
    };
    Some(Answer::json(&body))
}

fn list(item: Value) -> Value {
    json!({"object": "list", "data": [item], "has_more": false})
}

fn model(id: &str, owner: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": owner})
}

fn file() -> Value {
    json!({
        "id": "file-1",
        "object": "file",
        "bytes": 20,
        "created_at": CREATED,
        "filename": "batch.jsonl",
        "purpose": "batch",
        "status": "processed",
        "sample_type": "batch_request",
        "source": "upload",
    })
}

fn batch() -> Value {
    json!({
        "id": "batch_1",
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "input_file_id": "file-1",
        "completion_window": "24h",
        "status": "validating",
        "created_at": CREATED,
    })
}

fn fine_tuning_job(asked: &Asked) -> Value {
    json!({
        "id": "ftjob-1",
        "object": "fine_tuning.job",
        "created_at": CREATED,
        "model": asked.model,
        "training_file": "file-1",
        "status": "queued",
        "hyperparameters": {},
        "organization_id": asked.name,
        "result_files": [],
        "seed": 1,
    })
}
