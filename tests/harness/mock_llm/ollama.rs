//! Ollama's own API: a stream unless the request says otherwise, of one JSON document a line.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS, OUTPUT_TOKENS};
use crate::answer::Answer;

pub(super) fn chat(asked: &Asked) -> Answer {
    lines(asked, |text| {
        ("message", json!({"role": "assistant", "content": text}))
    })
}

pub(super) fn generate(asked: &Asked) -> Answer {
    lines(asked, |text| ("response", json!(text)))
}

pub(super) fn embeddings(asked: &Asked) -> Answer {
    Answer::json(&json!({
        "model": asked.model,
        "embeddings": [[0.5]],
        "prompt_eval_count": INPUT_TOKENS,
    }))
}

/// Each text of the answer in its member.
fn lines(asked: &Asked, member: fn(&str) -> (&'static str, Value)) -> Answer {
    let document = |text: &str, done: bool| {
        let mut document = json!({
            "model": asked.model,
            "created_at": "2023-11-14T22:13:20Z",
            "done": done,
        });
        if let Some(document) = document.as_object_mut() {
            let (name, value) = member(text);
            document.insert(name.to_owned(), value);
            if done {
                document.insert("done_reason".to_owned(), json!("stop"));
                document.insert("prompt_eval_count".to_owned(), json!(INPUT_TOKENS));
                document.insert("eval_count".to_owned(), json!(OUTPUT_TOKENS));
            }
        }
        document
    };
    if !asked.flag("/stream", true) {
        return Answer::json(&document(&asked.content, true));
    }
    let [first, second] = asked.pieces();
    let documents = [
        document(first, false),
        document(second, false),
        document("", true),
    ];
    let lines = documents.map(|document| format!("{document}\n"));
    Answer::chunks(lines).header("content-type", "application/x-ndjson")
}
