//! What the configuration itself gives as a field's value.

use std::collections::HashMap;

use diagnostics::Code;
use diagnostics::header;

use super::{Place, reach};
use crate::config::{self, Extract, Take, ValueType};
use crate::fields::aliases::{Replacement, stars};
use crate::fields::field::Reach;
use crate::fields::value;
use crate::ops::Direction;

/// What the field's value is, and what is wrong with `type` and `take`.
pub(super) fn value_type(extract: &Extract, at: &mut Place<'_>) -> ValueType {
    if extract.take.is_some() && at.direction == Direction::Request {
        let message = "a request has one value, and `take` chooses among several";
        at.error(
            Code::Conflict,
            "take",
            message,
            "remove it: only `response.extract` has `take`",
        );
    }
    let usual = usual(extract);
    let value_type = extract.value_type.unwrap_or(usual);
    if usual == ValueType::Number && value_type == ValueType::Boolean {
        let message = "the value is a number";
        at.error(
            Code::Conflict,
            "type",
            message,
            "remove it, or write `number` or `text`",
        );
    }
    value_type
}

/// What the field's value is where `type` does not say.
pub(super) fn usual(extract: &Extract) -> ValueType {
    let numeric = matches!(extract.take, Some(Take::Max | Take::Sum));
    let counts = |source: &config::Source| matches!(source, config::Source::Usage(_));
    if numeric || extract.from.iter().any(counts) {
        ValueType::Number
    } else {
        ValueType::Text
    }
}

/// Checks what the configuration itself would put into the header.
pub(super) fn check_values(extract: &Extract, value_type: ValueType, at: &mut Place<'_>) {
    let is_typed = |text: &str| value::parsed(text.to_owned(), value_type).is_some();
    let no_type = "the value is not of the field's `type`";
    let typed = "write a value of that type, or remove `type`";
    if let Some(default) = &extract.default
        && !default.is_empty()
        && !is_typed(default)
    {
        at.error(Code::Conflict, "default", no_type, typed);
    }
    for (index, alias) in extract.aliases.iter().enumerate() {
        // What a star stands for is known of a value only.
        if !alias.value.is_empty() && !alias.value.contains('$') && !is_typed(&alias.value) {
            at.error(
                Code::Conflict,
                &format!("aliases[{index}].value"),
                no_type,
                typed,
            );
        }
    }
    let (message, help) = match reach(extract) {
        Reach::Header => (
            "the value cannot be put into a header",
            "remove control characters, and spaces around it",
        ),
        Reach::Metadata | Reach::Templates => (
            "the value cannot be put into an access log",
            "remove control characters",
        ),
    };
    let carried = |value: &str| reach(extract).carries(value);
    if extract
        .default
        .as_deref()
        .is_some_and(|value| !carried(value))
    {
        at.error(Code::HeaderName, "default", message, help);
    }
    let mut known = HashMap::new();
    for (index, alias) in extract.aliases.iter().enumerate() {
        let key = format!("aliases[{index}].value");
        if !carried(&alias.value) {
            at.error(Code::HeaderName, &key, message, help);
        }
        if let Err((message, help)) = Replacement::parse(&alias.value, stars(&alias.pattern)) {
            at.error(Code::Conflict, &key, message, help);
        }
        if alias.value.is_empty() {
            at.error(
                Code::Conflict,
                &key,
                "the value is empty",
                "write what replaces the match",
            );
        }
        let pattern = &alias.pattern;
        let first = *known.entry(pattern).or_insert(index);
        let (message, help) = if pattern.is_empty() {
            (
                "the match is empty, and no value is".to_owned(),
                "write what to replace",
            )
        } else if first != index {
            let message = format!("aliases[{first}] has the match `{pattern}` already");
            (message, "write each match once")
        } else {
            continue;
        };
        let key = format!("aliases[{index}].match");
        at.error(Code::Conflict, &key, message, help);
    }
}

/// Checks what the table itself would put into the header.
pub(super) fn check_lookup(lookup: &config::Lookup, at: &mut Place<'_>) {
    if lookup.values.is_empty() && lookup.default.is_none() {
        let help = "add values, such as `{my-adapter: its-base}`";
        at.error(Code::Conflict, "lookup.values", "the table is empty", help);
    }
    if lookup.values.contains_key("") {
        let message = "the table has an empty key, and no value is empty";
        let help = "write a value of the field, or remove the key";
        at.error(Code::Conflict, "lookup.values", message, help);
    }
    let values = lookup.values.iter();
    let values = values.map(|(from, to)| (format!("lookup.values.{from}"), to));
    let default = lookup.default.iter();
    let default = default.map(|value| ("lookup.default".to_owned(), value));
    for (key, value) in values.chain(default) {
        if !header::valid_exact_value(value) {
            let message = "the value cannot be put into a header";
            let help = "remove control characters, and spaces around it";
            at.error(Code::HeaderName, &key, message, help);
        } else if value.is_empty() {
            let help = "write what the header gets";
            at.error(Code::Conflict, &key, "the value is empty", help);
        }
    }
}
