//! What a message's headers say of its body, as far as it decides whether it is edited.

use crate::multipart::{Delimiter, Parameters};
use crate::ops::{Direction, TransformationOps};

/// What a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// JSON, or what may be.
    Json,
    /// Server-sent events.
    Events,
    /// Parts of a form, with what stands between them if all would read it in the same way.
    Multipart(Option<Delimiter>),
    /// Anything else.
    Other,
}

/// What the headers say.
///
/// Clients call JSON anything, so only `multipart/form-data` matters of a request's media types. A
/// response's does: an image or a file is not worth holding back. What is called plain text may be
/// JSON from a server that only looked at its first bytes.
pub(crate) fn content(ops: &dyn TransformationOps, direction: Direction) -> Content {
    let types = ops.header_values(direction, "content-type");
    match direction {
        Direction::Request => form(&types),
        Direction::Response => types
            .first()
            .map_or(Content::Json, |value| media_type(value)),
    }
}

/// Whether the message is called JSON.
pub(crate) fn declares_json(ops: &dyn TransformationOps, direction: Direction) -> bool {
    let types = ops.header_values(direction, "content-type");
    let essence = types
        .first()
        .map(|value| essence(value))
        .unwrap_or_default();
    essence.ends_with(b"/json") || essence.ends_with(b"+json")
}

/// A request's values of `content-type`.
fn form(values: &[&[u8]]) -> Content {
    // Two values are as wrong as one with a comma, and become one.
    let value = String::from_utf8_lossy(&values.join(&b", "[..])).into_owned();
    let essence = value.split([';', ',']).next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Content::Json;
    }
    let parameters = Parameters::parse(&value).ok();
    Content::Multipart(parameters.and_then(|parameters| Delimiter::of(&parameters).ok()))
}

/// A value of `content-type` (RFC 9110 section 8.3); its parameters do not matter.
fn media_type(value: &[u8]) -> Content {
    match essence(value).as_slice() {
        b"text/event-stream" => Content::Events,
        b"" | b"application/json" | b"text/json" | b"text/plain" => Content::Json,
        other if other.ends_with(b"+json") => Content::Json,
        _ => Content::Other,
    }
}

/// The media type alone, in lower case.
fn essence(value: &[u8]) -> Vec<u8> {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or(value);
    essence.trim_ascii().to_ascii_lowercase()
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
