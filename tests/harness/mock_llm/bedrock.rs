//! Bedrock's Converse API. Its streams are messages of AWS's binary event stream.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS, OUTPUT_TOKENS};
use crate::answer::Answer;

pub(super) fn answer(asked: &Asked) -> Answer {
    let usage = json!({
        "inputTokens": INPUT_TOKENS,
        "outputTokens": OUTPUT_TOKENS,
        "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS,
    });
    let metrics = json!({"latencyMs": 1});
    if asked.path.ends_with("/converse") {
        let content = json!([{"text": asked.content}]);
        return Answer::json(&json!({
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "end_turn",
            "usage": usage,
            "metrics": metrics,
        }));
    }
    if !asked.path.ends_with("/converse-stream") {
        // What `invoke` answers is the model's own.
        return Answer::json(&json!({"completion": asked.content}));
    }
    let delta = |text: &str| json!({"contentBlockIndex": 0, "delta": {"text": text}});
    let [first, second] = asked.pieces();
    Answer::chunks([
        message("messageStart", &json!({"role": "assistant"})),
        message("contentBlockDelta", &delta(first)),
        message("contentBlockDelta", &delta(second)),
        message("contentBlockStop", &json!({"contentBlockIndex": 0})),
        message("messageStop", &json!({"stopReason": "end_turn"})),
        message("metadata", &json!({"usage": usage, "metrics": metrics})),
    ])
    .header("content-type", "application/vnd.amazon.eventstream")
}

/// A message with its two checksums: of its lengths, and of all before the last four bytes.
fn message(event: &str, payload: &Value) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [
        (":event-type", event),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ] {
        headers.extend(name.len().to_be_bytes().last());
        headers.extend(name.as_bytes());
        // The type of a text, and its length in two bytes.
        headers.extend([7, 0]);
        headers.extend(value.len().to_be_bytes().last());
        headers.extend(value.as_bytes());
    }
    let payload = payload.to_string();
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut message = Vec::new();
    message.extend(length(headers.len() + payload.len() + 16));
    message.extend(length(headers.len()));
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload.as_bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}
