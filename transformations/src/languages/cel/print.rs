//! Values as text: for headers, bodies and JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::budget::Budget;
use super::error::Error;
use super::map::Map;
use super::number;
use super::value::{Key, Text, Value};
use crate::config::Limits;

/// The text of a string, bytes, a number or a boolean; `None` for anything else, which has none.
///
/// # Errors
///
/// Bytes that are not UTF-8.
pub(crate) fn text<'t>(value: &'t Value<'_>) -> Result<Option<Cow<'t, str>>, Error> {
    Ok(Some(match value {
        Value::String(text) | Value::Double(_, Some(text)) => Cow::Borrowed(&**text),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => return Error::failed("the bytes are not UTF-8"),
        },
        Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::Int(value) => value.to_string().into(),
        Value::Uint(value) => value.to_string().into(),
        Value::Double(value, None) => number::print(*value).into(),
        Value::Address(address) => address.to_string().into(),
        Value::Network(network) => network.to_string().into(),
        Value::Optional(Some(value)) => return text(value),
        Value::Optional(None) | Value::Null | Value::List(_) | Value::Map(_) | Value::Type(_) => {
            return Ok(None);
        }
    }))
}

/// The texts of a list's items, or the one of any other value; those that are empty left out.
///
/// # Errors
///
/// As [`text`]; also a list, a map or a type in a list.
pub(crate) fn lines(value: &Value<'_>) -> Result<Vec<String>, Error> {
    let items = match value {
        Value::List(items) => items.as_slice(),
        Value::Optional(Some(value)) => return lines(value),
        value => std::slice::from_ref(value),
    };
    let mut lines = Vec::new();
    for item in items {
        match text(item)? {
            Some(line) if line.is_empty() => {}
            Some(line) => lines.push(line.into_owned()),
            None if matches!(item, Value::Null | Value::Optional(None)) => {}
            None if matches!(value, Value::List(_)) => {
                return Error::failed(format!("a {} in the list is no value", item.type_name()));
            }
            None => {}
        }
    }
    Ok(lines)
}

/// The value as a body: strings and bytes as they are, anything else as JSON.
///
/// # Errors
///
/// As [`json`].
pub(crate) fn body(value: &Value<'_>, limits: &Limits) -> Result<Vec<u8>, Error> {
    match value.as_bytes() {
        Some(bytes) => Ok(bytes.to_vec()),
        None => json(value, &Budget::new(limits)).map(String::into_bytes),
    }
}

/// The value as templates have it.
pub(crate) fn jinja(value: &Value<'static>) -> minijinja::Value {
    match value {
        Value::Null | Value::Optional(None) => minijinja::Value::from(()),
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Uint(value) => (*value).into(),
        Value::Double(value, _) => (*value).into(),
        Value::String(text) => minijinja::Value::from(&**text),
        Value::Bytes(bytes) => minijinja::Value::from_bytes(bytes.to_vec()),
        Value::List(items) => items.iter().map(jinja).collect(),
        Value::Map(map) => {
            let entries = map.iter();
            entries
                .map(|(key, value)| (key.to_string(), jinja(value)))
                .collect()
        }
        Value::Type(name) => minijinja::Value::from(*name),
        Value::Optional(Some(value)) => jinja(value),
        Value::Address(address) => address.to_string().into(),
        Value::Network(network) => network.to_string().into(),
    }
}

/// The value as JSON. Bytes become base64.
///
/// # Errors
///
/// NaN, an infinite number or a type is in it.
pub(crate) fn json(value: &Value<'_>, budget: &Budget) -> Result<String, Error> {
    let mut out = String::new();
    write(value, &mut out, budget)?;
    Ok(out)
}

fn write(value: &Value<'_>, out: &mut String, budget: &Budget) -> Result<(), Error> {
    budget.step()?;
    match value {
        Value::Null | Value::Optional(None) => push("null", out, budget),
        Value::String(text) => quote(text, out, budget),
        Value::Bytes(bytes) => {
            budget.make(bytes.len())?;
            quote(&STANDARD.encode(&**bytes), out, budget)
        }
        Value::List(items) => {
            push("[", out, budget)?;
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    push(",", out, budget)?;
                }
                write(item, out, budget)?;
            }
            push("]", out, budget)
        }
        Value::Map(entries) => {
            push("{", out, budget)?;
            for (nth, (key, value)) in entries.iter().enumerate() {
                if nth > 0 {
                    push(",", out, budget)?;
                }
                let name = name(key, entries, budget)?;
                quote(&name, out, budget)?;
                push(":", out, budget)?;
                write(value, out, budget)?;
            }
            push("}", out, budget)
        }
        Value::Optional(Some(value)) => write(value, out, budget),
        Value::Address(_) | Value::Network(_) => match text(value)? {
            Some(text) => quote(&text, out, budget),
            None => Err(Error::Mismatch),
        },
        Value::Double(number, None) if !number.is_finite() => {
            Error::failed("JSON has no such number")
        }
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(..) => match text(value)? {
            Some(text) => push(&text, out, budget),
            None => Err(Error::Mismatch),
        },
        Value::Type(_) => Error::failed("JSON has no types"),
    }
}

/// What JSON, whose keys are all texts, calls a key.
fn name<'k>(key: &'k Key<'_>, entries: &Map<'_>, budget: &Budget) -> Result<Cow<'k, str>, Error> {
    if let Key::String(text) = key {
        return Ok(Cow::Borrowed(text));
    }
    let name = key.to_string();
    budget.step()?;
    // The text `1` beside the number 1: one of the two would be lost to whoever reads it.
    if entries.contains_key(&Key::String(Text::Borrowed(&name))) {
        return Error::failed(format!("JSON has one key `{name}`"));
    }
    Ok(Cow::Owned(name))
}

fn push(text: &str, out: &mut String, budget: &Budget) -> Result<(), Error> {
    budget.make(text.len())?;
    out.push_str(text);
    Ok(())
}

fn quote(text: &str, out: &mut String, budget: &Budget) -> Result<(), Error> {
    // The longest escape of a byte has six.
    budget.make(text.len())?;
    let before = out.len();
    bodies::json::push_quoted(text, out);
    budget.make(out.len().saturating_sub(before))
}
