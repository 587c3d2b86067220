//! Base64 in both alphabets, padded.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::languages::function::Function;
use crate::languages::jinja::{memory, reading};

/// What they are called, and what they do.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "base64_encode",
        signature: "base64_encode(value)",
        about: "Base64 of a text or bytes, padded.",
        examples: &[("{{ base64_encode(\"a?>\") }}", "YT8+")],
    },
    Function {
        name: "base64url_encode",
        signature: "base64url_encode(value)",
        about: "The same in the alphabet of URLs, padded.",
        examples: &[("{{ base64url_encode(\"a?>\") }}", "YT8-")],
    },
    Function {
        name: "base64_decode",
        signature: "base64_decode(text)",
        about: "The text; empty when it is not base64, or not of text.",
        examples: &[("{{ base64_decode(\"YQ==\") }}", "a")],
    },
    Function {
        name: "base64url_decode",
        signature: "base64url_decode(text)",
        about: "The same from the alphabet of URLs.",
        examples: &[("{{ base64url_decode(\"YT8-\") }}", "a?>")],
    },
];

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("base64_encode", |value: &Value| encode(&STANDARD, value));
    environment.add_function("base64url_encode", |value: &Value| encode(&URL_SAFE, value));
    environment.add_function("base64_decode", |text: &str| {
        reading::text(text)?;
        memory::made(decode(&STANDARD, text))
    });
    environment.add_function("base64url_decode", |text: &str| {
        reading::text(text)?;
        memory::made(decode(&URL_SAFE, text))
    });
}

fn encode(alphabet: &GeneralPurpose, value: &Value) -> Result<String, Error> {
    let bytes = value.as_bytes().ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            "base64 takes a string or bytes",
        )
    })?;
    reading::characters(value)?;
    memory::made(alphabet.encode(bytes))
}

/// Empty when `text` is not base64, or not of text.
fn decode(alphabet: &GeneralPurpose, text: &str) -> String {
    alphabet
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_default()
}
