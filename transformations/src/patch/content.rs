//! What a message's headers say of its body, as far as it decides whether it is edited.

use crate::ops::{Direction, TransformationOps};

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// JSON, or what may be.
    Json,
    /// Server-sent events.
    Events,
    /// Compressed, or encoded in another way.
    Encoded,
    /// Anything else.
    Other,
}

/// What the headers say.
///
/// Clients call JSON anything, so a request's media type does not matter. A response's does: an
/// image or a file is not worth holding back. What is called plain text may be JSON from a server
/// that only looked at its first bytes.
pub(crate) fn content(ops: &dyn TransformationOps, direction: Direction) -> Content {
    let media_type = match direction {
        Direction::Request => Content::Json,
        Direction::Response => {
            let types = ops.header_values(direction, "content-type");
            types
                .first()
                .map_or(Content::Json, |value| media_type(value))
        }
    };
    let encodings = ops.header_values(direction, "content-encoding");
    let mut encodings = encodings
        .iter()
        .flat_map(|value| value.split(|byte| *byte == b','));
    let identity = |encoding: &[u8]| {
        let encoding = encoding.trim_ascii();
        encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
    };
    match media_type {
        Content::Json | Content::Events if !encodings.all(identity) => Content::Encoded,
        other => other,
    }
}

/// A value of `content-type` (RFC 9110 section 8.3); its parameters do not matter.
fn media_type(value: &[u8]) -> Content {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or(value);
    match essence.trim_ascii().to_ascii_lowercase().as_slice() {
        b"text/event-stream" => Content::Events,
        b"" | b"application/json" | b"text/json" | b"text/plain" => Content::Json,
        other if other.ends_with(b"+json") => Content::Json,
        _ => Content::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for (value, content) in [
            ("application/json", Content::Json),
            ("Application/JSON; charset=utf-8", Content::Json),
            ("application/problem+json", Content::Json),
            ("text/plain", Content::Json),
            ("", Content::Json),
            ("text/event-stream", Content::Events),
            (" Text/Event-Stream;charset=UTF-8", Content::Events),
            ("application/jsonlines", Content::Other),
            ("application/x-ndjson", Content::Other),
            ("image/png", Content::Other),
        ] {
            assert_eq!(media_type(value.as_bytes()), content, "{value}");
        }
    }
}
