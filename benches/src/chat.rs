//! Chat completion requests of any size.

use std::fmt;

/// Where `model` stands among the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the messages.
    First,
    /// After everything, as the OpenAI client for Python writes it.
    Last,
}

/// A kind of body, for the name of a benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// About how many bytes it has.
    pub bytes: usize,
    /// Where its `model` stands.
    pub model: Place,
}

impl Body {
    /// From 1 KiB to 16 MiB, `model` last and first.
    pub const ALL: [Self; 8] = {
        const fn body(bytes: usize, model: Place) -> Body {
            Body { bytes, model }
        }
        [
            body(1 << 10, Place::Last),
            body(32 << 10, Place::Last),
            body(1 << 20, Place::Last),
            body(16 << 20, Place::Last),
            body(1 << 10, Place::First),
            body(32 << 10, Place::First),
            body(1 << 20, Place::First),
            body(16 << 20, Place::First),
        ]
    };
}

impl fmt::Display for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match self.bytes {
            bytes if bytes >= 1 << 20 => format!("{:>2} MiB", bytes >> 20),
            bytes => format!("{:>2} KiB", bytes >> 10),
        };
        write!(formatter, "{size}, model {:?}", self.model)
    }
}

/// Text as people write it: a quotation, an accent and the end of a line every 120 bytes or so.
const LINE: &str = "Summarize the report below in three sentences, then list the \\\"open questions\\\" \
    for the caf\u{e9}'s on-call engineer.\\n";

/// A chat completion request with one long message.
pub fn chat(body: Body) -> Vec<u8> {
    let text = LINE.repeat(body.bytes / LINE.len());
    let messages = format!(r#""messages":[{{"role":"user","content":"{text}"}}]"#);
    let model = r#""model":"gpt-4o""#;
    match body.model {
        Place::First => format!(r#"{{{model},{messages},"temperature":0.7}}"#),
        Place::Last => format!(r#"{{{messages},"temperature":0.7,{model}}}"#),
    }
    .into_bytes()
}
