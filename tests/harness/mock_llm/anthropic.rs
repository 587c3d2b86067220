//! Anthropic's Messages API.

use serde_json::{Value, json};

use super::{Asked, CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, events};
use crate::answer::Answer;

pub(super) fn message(asked: &Asked) -> Answer {
    let message = |content: Value, stop_reason: Option<&str>, output_tokens: u64| {
        json!({
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": null,
            "usage": {
                // Those that were cached are counted apart.
                "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
                "cache_read_input_tokens": CACHED_TOKENS,
                "output_tokens": output_tokens,
            },
        })
    };
    if !asked.flag("/stream", false) {
        let content = json!([{"type": "text", "text": asked.content}]);
        return Answer::json(&message(content, Some("end_turn"), OUTPUT_TOKENS));
    }
    let delta = |text: &str| {
        let delta = json!({"type": "text_delta", "text": text});
        json!({"type": "content_block_delta", "index": 0, "delta": delta})
    };
    let [first, second] = asked.pieces();
    let block = json!({"type": "text", "text": ""});
    let data = [
        json!({"type": "message_start", "message": message(json!([]), None, 1)}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        json!({"type": "ping"}),
        delta(first),
        delta(second),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": OUTPUT_TOKENS},
        }),
        json!({"type": "message_stop"}),
    ];
    events(data, None)
}
