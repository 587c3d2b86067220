//! The answers of the upstream: a stream of events and a whole completion, as OpenAI writes them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::body;

/// The events of a stream, without `[DONE]` behind them; the last has the usage.
pub(super) const EVENTS: usize = 200;

/// About the size of a whole completion.
pub(super) const JSON_BYTES: usize = 200 << 10;

/// What `model` is in each answer.
pub(super) const ANSWERED: &str = "gpt-4o-2024-08-06";

/// What `total_tokens` is in each answer.
pub(super) const TOTAL: u64 = 4242;

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    /// Server-sent events.
    Stream,
    /// One JSON document.
    Json,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Stream, Self::Json];

    /// The path by which the upstream answers so.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Stream => "/stream",
            Self::Json => "/json",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stream => "stream",
            Self::Json => "JSON",
        })
    }
}

/// The events, one by one, `[DONE]` the last.
pub(super) fn events() -> Vec<String> {
    let words = (1..EVENTS).map(|number| {
        let delta = json!([{
            "index": 0,
            "delta": {"content": format!(" word{number}")},
            "logprobs": null,
            "finish_reason": null,
        }]);
        event(&delta, &Value::Null)
    });
    let usage = event(&json!([]), &usage());
    let done = "data: [DONE]\n\n".to_owned();
    words.chain([usage, done]).collect()
}

fn event(choices: &Value, usage: &Value) -> String {
    // In the order of the API, which `json!` would not keep.
    format!(
        r#"data: {{"id":"chatcmpl-CgkPbYJ0xT2mFh8rVq5sLw3nKd7Ea","object":"chat.completion.chunk","created":1764410400,"model":"{ANSWERED}","system_fingerprint":"fp_b28b39ffa8","choices":{choices},"usage":{usage}}}"#
    ) + "\n\n"
}

/// A completion of about [`JSON_BYTES`].
pub(super) fn completion() -> String {
    let content = body::LINE.repeat(JSON_BYTES / body::encoded(body::LINE));
    let choices = json!([{
        "index": 0,
        "message": {"role": "assistant", "content": content, "refusal": null},
        "logprobs": null,
        "finish_reason": "stop",
    }]);
    format!(
        r#"{{"id":"chatcmpl-CgkPbYJ0xT2mFh8rVq5sLw3nKd7Ea","object":"chat.completion","created":1764410400,"model":"{ANSWERED}","choices":{choices},"usage":{},"system_fingerprint":"fp_b28b39ffa8"}}"#,
        usage()
    )
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 4042,
        "completion_tokens": 200,
        "total_tokens": TOTAL,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_and_the_last_has_the_usage() {
        let events = events();
        let size: usize = events.iter().map(String::len).sum();
        assert!((50_000..60_000).contains(&size), "{size}");
        let (done, events) = events.split_last().unwrap();
        assert_eq!((done.as_str(), events.len()), ("data: [DONE]\n\n", EVENTS));
        for (number, event) in (1..).zip(events) {
            let data = event.strip_prefix("data: ").unwrap();
            let value: Value = serde_json::from_str(data).unwrap();
            assert_eq!(value["model"], ANSWERED);
            let total = value["usage"]["total_tokens"].as_u64();
            assert_eq!(total, (number == EVENTS).then_some(TOTAL));
        }
    }

    #[test]
    fn the_completion_has_its_size() {
        let completion = completion();
        assert!(
            completion.len().abs_diff(JSON_BYTES) < 1024,
            "{}",
            completion.len()
        );
        let value: Value = serde_json::from_str(&completion).unwrap();
        assert_eq!(value["usage"]["total_tokens"], TOTAL);
    }
}
