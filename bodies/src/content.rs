//! What the `content-type` of a message says of its body.

mod charset;
mod parameters;

pub(crate) use charset::is_read_alike;
pub(crate) use parameters::{Malformed, Parameters};

/// What a media type means to those who read bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// JSON: `application/json`, `text/json`, and all that end with `+json`.
    Json,
    /// None, or plain text: it may be JSON from a server that only looked at its first bytes.
    Unclear,
    /// Server-sent events.
    Events,
    /// JSON Lines: a JSON document in each line.
    Lines,
    /// The binary event stream of AWS, `application/vnd.amazon.eventstream`.
    EventStream,
    /// `multipart/form-data`.
    Multipart,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Anything else.
    Other,
}

impl MediaType {
    /// That of one value of a `content-type` (RFC 9110 section 8.3); its parameters do not matter.
    pub fn of(value: &[u8]) -> Self {
        let essence = value.split(|byte| *byte == b';').next().unwrap_or(value);
        Self::named(essence.trim_ascii())
    }

    fn named(essence: &[u8]) -> Self {
        let is = |name: &[u8]| essence.eq_ignore_ascii_case(name);
        let suffix = |length| {
            let from = essence.len().checked_sub(length)?;
            essence.get(from..)
        };
        if is(b"application/json") || is(b"text/json") {
            MediaType::Json
        } else if is(b"") || is(b"text/plain") {
            MediaType::Unclear
        } else if is(b"text/event-stream") {
            MediaType::Events
        } else if is(b"application/jsonl")
            || is(b"application/x-ndjson")
            || is(b"application/x-jsonlines")
        {
            MediaType::Lines
        } else if is(b"application/vnd.amazon.eventstream") {
            MediaType::EventStream
        } else if is(b"multipart/form-data") {
            MediaType::Multipart
        } else if is(b"application/x-www-form-urlencoded") {
            MediaType::Form
        } else if suffix(5).is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json")) {
            MediaType::Json
        } else {
            MediaType::Other
        }
    }
}

/// The `content-type` of a request, on which all who read its body have to agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType(String);

impl ContentType {
    /// That of all values of the header. Two are as wrong as one with a comma, and become one.
    pub fn of(values: &[&[u8]]) -> Self {
        Self(String::from_utf8_lossy(&values.join(&b", "[..])).into_owned())
    }

    /// Whether a value is a media type and nothing else.
    #[inline]
    pub fn is_bare(value: &[u8]) -> bool {
        memchr::memchr2(b';', b',', value).is_none()
    }

    /// The media type that it begins with.
    pub fn media_type(&self) -> MediaType {
        let essence = self.0.split([';', ',']).next().unwrap_or_default();
        MediaType::named(essence.trim().as_bytes())
    }

    /// Whether those who take notice of a charset read the body as those who read UTF-8.
    pub fn is_read_alike(&self) -> bool {
        is_read_alike(&self.0)
    }

    pub(crate) fn parameters(&self) -> Result<Parameters, Malformed> {
        Parameters::parse(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for (value, expected) in [
            ("application/json", MediaType::Json),
            ("Application/JSON; charset=utf-8", MediaType::Json),
            ("application/problem+JSON", MediaType::Json),
            ("text/plain", MediaType::Unclear),
            ("", MediaType::Unclear),
            ("text/event-stream", MediaType::Events),
            (" Text/Event-Stream;charset=UTF-8", MediaType::Events),
            ("application/jsonl", MediaType::Lines),
            ("application/x-ndjson;charset=utf-8", MediaType::Lines),
            ("application/X-JSONLines", MediaType::Lines),
            ("application/jsonlines", MediaType::Other),
            ("application/vnd.amazon.eventstream", MediaType::EventStream),
            ("application/json, text/plain", MediaType::Other),
            ("image/png", MediaType::Other),
        ] {
            assert_eq!(MediaType::of(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn values_of_a_request_are_one() {
        for (values, expected) in [
            (
                &["Multipart/Form-Data; boundary=x"][..],
                MediaType::Multipart,
            ),
            (&["multipart/form-data", "text/plain"], MediaType::Multipart),
            (&[" application/x-www-form-urlencoded ,x"], MediaType::Form),
            (&["x", "multipart/form-data"], MediaType::Other),
            (&[], MediaType::Unclear),
        ] {
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            assert_eq!(
                ContentType::of(&values).media_type(),
                expected,
                "{values:?}"
            );
        }
    }
}
