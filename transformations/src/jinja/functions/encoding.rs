//! Base64 in both alphabets, padded.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::jinja::memory;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("base64_encode", |value: &Value| encode(&STANDARD, value));
    environment.add_function("base64url_encode", |value: &Value| encode(&URL_SAFE, value));
    environment.add_function("base64_decode", |text: &str| {
        memory::made(decode(&STANDARD, text))
    });
    environment.add_function("base64url_decode", |text: &str| {
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
