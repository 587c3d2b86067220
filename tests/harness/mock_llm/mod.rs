//! An upstream that looks like the servers of language models.

mod anthropic;
mod ollama;
mod openai;

use anyhow::Result;
use serde_json::Value;

use crate::answer::Answer;
use crate::upstream::{RecordedRequest, Upstream};

/// The tokens that every answer counts, as far as its API has a member for them.
const INPUT_TOKENS: u64 = 7;
const CACHED_TOKENS: u64 = 2;
const OUTPUT_TOKENS: u64 = 5;

impl Upstream {
    /// A mock LLM: answers in the words of the API that the path belongs to, whole or as a stream, and names itself (also
    /// in `x-served-by`) and the model it was asked for. The paths are OpenAI's `/responses`, Anthropic's
    /// `/messages`, Ollama's `/api/chat` and `/api/generate`; all others are chat completions. An answer
    /// counts 7 tokens of input, 2 of them cached, and 5 of output; a streamed chat completion only if
    /// `stream_options` asks for it.
    ///
    /// # Errors
    /// No free port.
    pub async fn mock_llm(name: &str) -> Result<Self> {
        let name = name.to_owned();
        Self::start(move |request| answer(&name, request)).await
    }
}

fn answer(name: &str, request: &RecordedRequest) -> Answer {
    let asked = Asked::of(name, request);
    let path = request.path.split('?').next().unwrap_or_default();
    let answer = if path.ends_with("/responses") {
        openai::response(&asked)
    } else if path.ends_with("/messages") {
        anthropic::message(&asked)
    } else if path.ends_with("/api/chat") {
        ollama::chat(&asked)
    } else if path.ends_with("/api/generate") {
        ollama::generate(&asked)
    } else {
        openai::chat_completion(&asked)
    };
    answer.header("x-served-by", name)
}

/// What a request asks for.
#[derive(Debug)]
struct Asked {
    body: Value,
    model: Value,
    /// What the answer says.
    content: String,
}

impl Asked {
    fn of(name: &str, request: &RecordedRequest) -> Self {
        // A body that is no JSON object asks for no model.
        let body = request.json().unwrap_or_default();
        let model = body.get("model").cloned().unwrap_or_default();
        let content = format!("{name} was asked for model {model}");
        Self {
            body,
            model,
            content,
        }
    }

    /// Whether this member of the body is `true`; `default` without it.
    fn flag(&self, pointer: &str, default: bool) -> bool {
        let flag = self.body.pointer(pointer);
        flag.map_or(default, |flag| *flag == Value::Bool(true))
    }

    /// The answer's text in two pieces, as a stream has it.
    fn pieces(&self) -> [&str; 2] {
        self.content
            .split_at_checked(self.content.len() / 2)
            .unwrap_or((&self.content, ""))
            .into()
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
