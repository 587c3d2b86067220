//! What `ext_proc` asks, and what the router answers: `envoy.service.ext_proc.v3`.

use std::borrow::Cow;

use anyhow::Result;
use bytes::Bytes;
use harness::protobuf::{self, Value};
use serde::Deserialize;

use crate::peers::HEADER;

/// Fields of a `ProcessingRequest`.
const REQUEST_HEADERS: u64 = 2;
const REQUEST_BODY: u64 = 4;
const REQUEST_TRAILERS: u64 = 6;
const PROTOCOL_CONFIG: u64 = 11;

/// `FULL_DUPLEX_STREAMED`, among the modes in which bodies are sent.
const FULL_DUPLEX: u64 = 4;

/// Fields of a `ProcessingResponse`.
const OF_HEADERS: u64 = 1;
const OF_BODY: u64 = 3;
const OF_TRAILERS: u64 = 5;

/// One request of Envoy's, as far as the router has seen it.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    mode: Mode,
    pieces: Vec<Bytes>,
}

/// A `ProcessingResponse`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) head: Vec<u8>,
    /// What follows: a body that is handed back is not copied.
    pub(super) body: Bytes,
}

/// How Envoy sends the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Whole, and it keeps it: `BUFFERED`.
    #[default]
    Kept,
    /// In pieces behind the headers, and it waits for both to come back: `FULL_DUPLEX_STREAMED`.
    Handed,
}

impl Mode {
    /// As a `ProtocolConfiguration` announces it.
    fn of(config: &[u8]) -> Result<Self> {
        Ok(match protobuf::number(config, 1)? {
            FULL_DUPLEX => Self::Handed,
            _ => Self::Kept,
        })
    }
}

/// What a message is about.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    Headers,
    Piece,
    LastPiece,
    Trailers,
}

/// What a body says, of all that is in it.
#[derive(Deserialize)]
struct Chat<'b> {
    #[serde(borrow)]
    model: Cow<'b, str>,
}

impl Exchange {
    /// What to answer to a message: nothing that matters until the body is whole.
    ///
    /// # Errors
    /// The message is cut, or no message.
    pub(super) fn answers(&mut self, message: &Bytes) -> Result<Vec<Answer>> {
        let mut asked = Asked::Nothing;
        for field in protobuf::fields(message) {
            match field? {
                (REQUEST_HEADERS, _) => asked = Asked::Headers,
                (REQUEST_BODY, Value::Bytes(body)) => asked = self.take(message, body)?,
                (REQUEST_TRAILERS, _) => asked = Asked::Trailers,
                // In the first message, behind its contents.
                (PROTOCOL_CONFIG, Value::Bytes(config)) => self.mode = Mode::of(config)?,
                _ => {}
            }
        }
        Ok(match (asked, self.mode) {
            // Envoy sends a body that it keeps only after that; what is set in the headers can wait for the body.
            (Asked::Headers, Mode::Kept) => vec![Answer::of(&[OF_HEADERS], Vec::new())],
            (Asked::Headers, Mode::Handed) | (Asked::Piece | Asked::Nothing, _) => Vec::new(),
            (Asked::LastPiece, _) => self.when_whole(),
            // They end a body that has no last piece.
            (Asked::Trailers, _) => {
                let mut answers = self.when_whole();
                answers.push(Answer::of(&[OF_TRAILERS], Vec::new()));
                answers
            }
        })
    }

    /// Keeps a piece of the body, which lies in this message.
    fn take(&mut self, message: &Bytes, body: &[u8]) -> Result<Asked> {
        let mut piece = Asked::Piece;
        for field in protobuf::fields(body) {
            match field? {
                (1, Value::Bytes(bytes)) => self.pieces.push(message.slice_ref(bytes)),
                (2, Value::Number(1)) => piece = Asked::LastPiece,
                _ => {}
            }
        }
        Ok(piece)
    }

    fn when_whole(&self) -> Vec<Answer> {
        let body = match self.pieces.as_slice() {
            [whole] => whole.clone(),
            pieces => pieces.concat().into(),
        };
        // Without a model nothing is changed.
        let chat = serde_json::from_slice::<Chat<'_>>(&body);
        let routed = chat.map(|chat| routed_by(&chat.model)).unwrap_or_default();
        match self.mode {
            Mode::Kept => vec![Answer::of(&[OF_BODY, 1], routed)],
            Mode::Handed => vec![
                Answer::of(&[OF_HEADERS, 1], routed),
                Answer::handing_back(body),
            ],
        }
    }
}

impl Answer {
    /// These contents in a message of each of these fields.
    fn of(fields: &[u64], contents: Vec<u8>) -> Self {
        Self {
            head: within(fields, contents, 0),
            body: Bytes::new(),
        }
    }

    /// A `StreamedBodyResponse` with the whole body, which ends there.
    fn handing_back(body: Bytes) -> Self {
        let is_last = number_in(2, 1);
        let begin = within(&[1], Vec::new(), body.len());
        Self {
            head: within(&[OF_BODY, 1, 3, 3], [is_last, begin].concat(), body.len()),
            body,
        }
    }
}

/// These contents, which so many more bytes follow, in a message of each of these fields.
fn within(fields: &[u64], contents: Vec<u8>, followed_by: usize) -> Vec<u8> {
    fields.iter().rev().fold(contents, |contents, field| {
        let mut message = Vec::with_capacity(contents.len() + 12);
        varint(&mut message, field << 3 | 2);
        varint(&mut message, (contents.len() + followed_by) as u64);
        message.extend(contents);
        message
    })
}

/// A `CommonResponse` that sets the header and has the route chosen again.
fn routed_by(model: &str) -> Vec<u8> {
    let header = [
        message_in(1, HEADER.as_bytes()),
        // The raw value: Envoy takes no other by default.
        message_in(3, model.as_bytes()),
    ]
    .concat();
    let option = [message_in(1, &header), number_in(3, 2)].concat();
    let mutation = message_in(1, &option);
    [message_in(2, &mutation), number_in(5, 1)].concat()
}

/// A field with a message or a text.
fn message_in(field: u64, contents: &[u8]) -> Vec<u8> {
    within(&[field], contents.to_vec(), 0)
}

/// A field with a number.
fn number_in(field: u64, number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(&mut bytes, field << 3);
    varint(&mut bytes, number);
    bytes
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        // The seven lowest bits, and that more follow.
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"messages":[],"model":"gpt-4o"}"#;

    fn piece(body: &str, is_last: bool) -> Bytes {
        let contents = [message_in(1, body.as_bytes()), number_in(2, is_last.into())];
        message_in(REQUEST_BODY, &contents.concat()).into()
    }

    /// The headers, and that the body comes in this mode.
    fn headers(mode: u64) -> Bytes {
        let config = message_in(PROTOCOL_CONFIG, &number_in(1, mode));
        [message_in(REQUEST_HEADERS, &[]), config].concat().into()
    }

    /// The message at this path of fields.
    fn at(answer: &Answer, path: &[u64]) -> Vec<u8> {
        let whole = [answer.head.as_slice(), &answer.body].concat();
        let mut message = whole.as_slice();
        for wanted in path {
            let found = protobuf::fields(message).find_map(|field| match field.unwrap() {
                (field, Value::Bytes(bytes)) if field == *wanted => Some(bytes),
                _ => None,
            });
            message = found.unwrap();
        }
        message.to_vec()
    }

    #[test]
    fn a_whole_body_is_answered_by_a_header_and_the_route_is_chosen_again() {
        let mut exchange = Exchange::default();
        let answers = exchange.answers(&headers(2)).unwrap();
        assert_eq!(answers, [Answer::of(&[OF_HEADERS], Vec::new())]);
        let answers = exchange.answers(&piece(BODY, true)).unwrap();
        let [answer] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        let header = [OF_BODY, 1, 2, 1, 1];
        assert_eq!(at(answer, &[header.as_slice(), &[1]].concat()), b"x-model");
        assert_eq!(at(answer, &[header.as_slice(), &[3]].concat()), b"gpt-4o");
        assert_eq!(protobuf::number(&at(answer, &[OF_BODY, 1]), 5).unwrap(), 1);
    }

    #[test]
    fn a_body_in_pieces_comes_back_behind_its_headers() {
        let mut exchange = Exchange::default();
        let (front, back) = BODY.split_at(9);
        for message in [headers(FULL_DUPLEX), piece(front, false)] {
            assert!(exchange.answers(&message).unwrap().is_empty());
        }
        let answers = exchange.answers(&piece(back, true)).unwrap();
        let [headers, body] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert_eq!(at(headers, &[OF_HEADERS, 1, 2, 1, 1, 3]), b"gpt-4o");
        assert_eq!(at(body, &[OF_BODY, 1, 3, 3, 1]), BODY.as_bytes());
    }

    #[test]
    fn a_body_without_a_model_changes_nothing() {
        let answers = Exchange::default().answers(&piece("{}", true)).unwrap();
        assert_eq!(answers, [Answer::of(&[OF_BODY, 1], Vec::new())]);
    }

    #[test]
    fn long_lengths_take_more_bytes() {
        let long = "x".repeat(300);
        let message = message_in(1, long.as_bytes());
        assert_eq!(message.get(..3).unwrap(), [10, 0xac, 2]);
        assert_eq!(protobuf::text(&message, 1).unwrap(), long);
    }
}
