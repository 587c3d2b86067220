//! OpenAI's APIs.

use serde_json::{Value, json};

use super::{Asked, CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, events};
use crate::answer::Answer;

pub(super) fn chat_completion(asked: &Asked) -> Answer {
    let usage = json!({
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    });
    if asked.flag("/stream", false) {
        return chunks(asked, &usage);
    }
    Answer::json(&json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": asked.model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": asked.content},
            "finish_reason": "stop",
        }],
        "usage": usage,
    }))
}

pub(super) fn completion(asked: &Asked) -> Answer {
    let completion = |text: &str, finish_reason: Option<&str>| {
        json!({
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1_700_000_000,
            "model": asked.model,
            "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": finish_reason}],
        })
    };
    if asked.flag("/stream", false) {
        let [first, second] = asked.pieces();
        let data = [
            completion(first, None),
            completion(second, None),
            completion("", Some("stop")),
        ];
        return events(data, Some("[DONE]"));
    }
    let mut whole = completion(&asked.content, Some("stop"));
    if let Some(whole) = whole.as_object_mut() {
        let usage = json!({
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        });
        whole.insert("usage".to_owned(), usage);
    }
    Answer::json(&whole)
}

fn chunks(asked: &Asked, usage: &Value) -> Answer {
    let has_usage = asked.flag("/stream_options/include_usage", false);
    let chunk = |choices: Value, usage: &Value| {
        let mut chunk = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": asked.model,
            "choices": choices,
        });
        if has_usage && let Some(chunk) = chunk.as_object_mut() {
            chunk.insert("usage".to_owned(), usage.clone());
        }
        chunk
    };
    let choice = |delta: Value, finish_reason: Option<&str>| {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}]);
        chunk(choices, &Value::Null)
    };
    let [first, second] = asked.pieces();
    let mut chunks = vec![
        choice(json!({"role": "assistant", "content": first}), None),
        choice(json!({"content": second}), None),
        choice(json!({}), Some("stop")),
    ];
    if has_usage {
        chunks.push(chunk(json!([]), usage));
    }
    events(chunks, Some("[DONE]"))
}

pub(super) fn response(asked: &Asked) -> Answer {
    let response = |status: &str, output: Value, usage: Value| {
        json!({
            "id": "resp_1",
            "object": "response",
            "created_at": 1_700_000_000,
            "status": status,
            "model": asked.model,
            "output": output,
            "parallel_tool_calls": true,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage,
        })
    };
    let message = json!([{
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": asked.content, "annotations": []}],
    }]);
    let usage = json!({
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    });
    let completed = response("completed", message, usage);
    if !asked.flag("/stream", false) {
        return Answer::json(&completed);
    }
    let created = response("in_progress", json!([]), Value::Null);
    let [first, second] = asked.pieces();
    let delta = |number: u64, text: &str| {
        json!({
            "type": "response.output_text.delta",
            "sequence_number": number,
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "delta": text,
            "logprobs": [],
        })
    };
    let data = [
        json!({"type": "response.created", "sequence_number": 0, "response": created}),
        delta(1, first),
        delta(2, second),
        json!({"type": "response.completed", "sequence_number": 3, "response": completed}),
    ];
    events(data, None)
}
