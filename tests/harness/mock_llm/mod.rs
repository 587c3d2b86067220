//! An upstream that looks like the servers of language models.

mod anthropic;
mod asked;
mod bedrock;
mod busy;
mod cohere;
mod gemini;
mod ollama;
mod openai;
mod platform;
mod triton;

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::answer::{Answer, PACE};
use crate::upstream::{RecordedRequest, Upstream};
use asked::Asked;

/// The tokens that every answer counts, as far as its API has a member for them.
const INPUT_TOKENS: u64 = 7;
const CACHED_TOKENS: u64 = 2;
const OUTPUT_TOKENS: u64 = 5;

impl Upstream {
    /// A mock LLM: answers in the words of the API that the path belongs to, whole or as a stream, and names itself (also
    /// in `x-served-by`) and the model it was asked for. The APIs are those of OpenAI, Anthropic, Gemini and Vertex,
    /// Bedrock, Cohere, Mistral, Ollama and Triton; what belongs to none is a chat completion. An answer
    /// counts 7 tokens of input, 2 of them cached, and 5 of output; a streamed chat completion only if
    /// `stream_options` asks for it. A model whose name ends with `-busy` answers 429.
    ///
    /// # Errors
    /// No free port.
    pub async fn mock_llm(name: &str) -> Result<Self> {
        Self::mock_llm_with_pauses(name, PACE).await
    }

    /// The same, with this time between two events of a stream.
    ///
    /// # Errors
    /// No free port.
    pub async fn mock_llm_with_pauses(name: &str, pause: Duration) -> Result<Self> {
        let name = name.to_owned();
        Self::start(move |request| answer(&name, request).paced(pause)).await
    }
}

fn answer(name: &str, request: &RecordedRequest) -> Answer {
    let asked = Asked::of(name, request);
    let answer = if asked.is_busy() {
        busy::answer(&asked)
    } else {
        by_path(&asked)
    };
    answer.header("x-served-by", name)
}

fn by_path(asked: &Asked) -> Answer {
    let path = asked.path.as_str();
    let is_below = |folder: &str| path.starts_with(folder);
    match path.rsplit('/').next().unwrap_or_default() {
        _ if asked.verb().is_some() => gemini::answer(asked),
        _ if is_below("/model/") => bedrock::answer(asked),
        _ if is_below("/v2/models/") => triton::answer(asked),
        "responses" => openai::response(asked),
        "messages" => anthropic::message(asked),
        "chat" if is_below("/api/") => ollama::chat(asked),
        "generate" if is_below("/api/") => ollama::generate(asked),
        "embed" if is_below("/api/") => ollama::embeddings(asked),
        "chat" => cohere::chat(asked),
        "embed" => cohere::embeddings(asked),
        _ if path == "/v1/completions" => openai::completion(asked),
        _ => platform::answer(asked).unwrap_or_else(|| openai::chat_completion(asked)),
    }
}

/// Server-sent events of these data; each with its `type` as the event's name, if it has one.
fn events(data: impl IntoIterator<Item = Value>, last: Option<&str>) -> Answer {
    let event = |data: Value| match data.get("type").and_then(Value::as_str) {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    };
    let events = data.into_iter().map(event);
    let last = last.map(|data| format!("data: {data}\n\n"));
    Answer::chunks(events.chain(last)).header("content-type", "text/event-stream")
}
