//! Cohere's API, version 2.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS, OUTPUT_TOKENS, events};
use crate::answer::Answer;

pub(super) fn chat(asked: &Asked) -> Answer {
    let tokens = json!({"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS});
    let usage = json!({"billed_units": tokens, "tokens": tokens});
    if !asked.flag("/stream", false) {
        let content = json!([{"type": "text", "text": asked.content}]);
        return Answer::json(&json!({
            "id": "1",
            "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": content},
            "usage": usage,
        }));
    }
    let delta = |kind: &str, content: Value| {
        let message = json!({"message": {"content": content}});
        json!({"type": kind, "index": 0, "delta": message})
    };
    let [first, second] = asked.pieces();
    let start = json!({"message": {"role": "assistant", "content": []}});
    let end = json!({"finish_reason": "COMPLETE", "usage": usage});
    let data = [
        json!({"type": "message-start", "id": "1", "delta": start}),
        delta("content-start", json!({"type": "text", "text": ""})),
        delta("content-delta", json!({"text": first})),
        delta("content-delta", json!({"text": second})),
        json!({"type": "content-end", "index": 0}),
        json!({"type": "message-end", "delta": end}),
    ];
    events(data, None)
}

pub(super) fn embeddings(asked: &Asked) -> Answer {
    Answer::json(&json!({
        "id": "1",
        "response_type": "embeddings_by_type",
        "embeddings": {"float": [[0.5]]},
        "texts": asked.body.get("texts"),
    }))
}
