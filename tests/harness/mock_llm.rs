//! An upstream that looks like an OpenAI-compatible server.

use anyhow::Result;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::upstream::{RecordedRequest, Upstream};

impl Upstream {
    /// A mock LLM: answers a chat completion that names itself (also in `x-served-by`) and the model it was
    /// asked for.
    ///
    /// # Errors
    /// No free port.
    pub async fn mock_llm(name: &str) -> Result<Self> {
        let name = name.to_owned();
        Self::start(move |request| chat_completion(&name, request)).await
    }
}

fn chat_completion(name: &str, request: &RecordedRequest) -> Answer {
    let model = match request.json() {
        Ok(Value::Object(body)) => body.get("model").cloned().unwrap_or(Value::Null),
        _ => Value::Null,
    };
    let content = format!("{name} was asked for model {model}");
    let body = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content},
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    });
    Answer::json(&body).header("x-served-by", name)
}
