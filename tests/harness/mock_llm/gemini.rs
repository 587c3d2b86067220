//! Gemini's API, and Vertex AI's.

use serde_json::{Value, json};

use super::{Asked, CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, events};
use crate::answer::Answer;

pub(super) fn answer(asked: &Asked) -> Answer {
    match asked.verb() {
        Some("streamGenerateContent") => {
            let [first, second] = asked.pieces();
            events(
                [
                    content(asked, first, None),
                    content(asked, second, None),
                    content(asked, "", Some("STOP")),
                ],
                None,
            )
        }
        Some("batchEmbedContents") => Answer::json(&json!({"embeddings": [{"values": [0.5]}]})),
        Some("countTokens") => Answer::json(&json!({"totalTokens": INPUT_TOKENS})),
        _ => Answer::json(&content(asked, &asked.content, Some("STOP"))),
    }
}

fn content(asked: &Asked, text: &str, finish_reason: Option<&str>) -> Value {
    let mut candidate = json!({
        "content": {"role": "model", "parts": [{"text": text}]},
        "index": 0,
    });
    if let (Some(reason), Some(candidate)) = (finish_reason, candidate.as_object_mut()) {
        candidate.insert("finishReason".to_owned(), json!(reason));
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": INPUT_TOKENS,
            "cachedContentTokenCount": CACHED_TOKENS,
            "candidatesTokenCount": OUTPUT_TOKENS,
            "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
        },
        "modelVersion": asked.model,
    })
}
