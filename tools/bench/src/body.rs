//! The bodies that are sent: chat completions, as the OpenAI clients write them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What every filter has to find.
pub(super) const MODEL: &str = "gpt-4o";

/// An escape every sixty characters or so, and a character of two bytes: a prompt, not a best case.
pub(super) const LINE: &str = "Summarize the incident report below in three sentences, then list \"open questions\" for the caf\u{e9}'s on-call engineer.\n";

/// Where in the body `model` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub(super) enum Position {
    /// Before the messages, as curl examples have it.
    First,
    /// After the messages, as the Python client sends it.
    Last,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::First => "first",
            Self::Last => "last",
        })
    }
}

/// A chat completion request of about this many bytes.
pub(super) fn chat(bytes: usize, model: Position) -> String {
    let room = bytes.saturating_sub(request("", model).len());
    let line = encoded(LINE);
    let mut text = LINE.repeat(room / line);
    let mut left = room % line;
    for character in LINE.chars() {
        let cost = encoded(character.encode_utf8(&mut [0; 4]));
        if cost > left {
            break;
        }
        left -= cost;
        text.push(character);
    }
    request(&text, model)
}

fn request(text: &str, model: Position) -> String {
    let messages = json!([{"role": "user", "content": text}]);
    match model {
        Position::First => {
            format!(r#"{{"model":"{MODEL}","messages":{messages},"temperature":0.7}}"#)
        }
        Position::Last => {
            format!(r#"{{"messages":{messages},"temperature":0.7,"model":"{MODEL}"}}"#)
        }
    }
}

/// The bytes of this text inside a JSON string.
pub(super) fn encoded(text: &str) -> usize {
    Value::from(text).to_string().len() - 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_size_asked_for() {
        for size in [368, 10 << 10, 200 << 10, 1 << 20] {
            for model in [Position::First, Position::Last] {
                let body = chat(size, model);
                assert!(size - body.len() < 8, "{} instead of {size}", body.len());
                let value: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(value["model"], MODEL);
                let first = body.starts_with(r#"{"model""#);
                assert_eq!(first, model == Position::First);
            }
        }
    }
}
