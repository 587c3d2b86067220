//! Envoy's filters `json_to_metadata` and `sse_to_metadata`.

use serde_json::{Value, json};

use super::{Converted, pointer};

/// Converts a `JsonToMetadata`.
pub(super) fn json(value: &Value, place: &str, converted: &mut Converted) {
    for direction in ["request", "response"] {
        let key = format!("{direction}_rules");
        let found = value.get(&key).and_then(|rules| rules.get("rules"));
        if found.is_some() {
            converted.note(
                &format!("{place}.{key}"),
                "it reads `application/json` only; the module reads any body as JSON whose `content-type` names no other format",
            );
        }
        for (index, found) in found
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            rule(
                direction,
                found,
                "envoy.filters.http.json_to_metadata",
                &format!("{place}.{key}.rules[{index}]"),
                converted,
            );
        }
    }
}

/// Converts an `SseToMetadata`.
pub(super) fn events(value: &Value, place: &str, converted: &mut Converted) {
    let at = "response_rules.content_parser.typed_config.rules";
    converted.note(
        place,
        "it leaves out an event that nothing ends; the module reads it when the stream ends",
    );
    let found = value.pointer(&format!("/{}", at.replace('.', "/")));
    for (index, found) in found
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let place = format!("{place}.{at}[{index}]");
        if found.get("stop_processing_after_matches").is_some() {
            converted.note(&place, "`stop_processing_after_matches` is left out: the field has the last value, or the first with `take: first`");
        }
        rule(
            "response",
            found.get("rule").unwrap_or(found),
            "envoy.filters.http.sse_to_metadata",
            &place,
            converted,
        );
    }
}

fn rule(direction: &str, rule: &Value, usual: &str, place: &str, converted: &mut Converted) {
    let selectors = rule.get("selectors").and_then(Value::as_array);
    let keys: Option<Vec<&str>> = selectors
        .into_iter()
        .flatten()
        .map(|selector| selector.get("key")?.as_str())
        .collect();
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
        return converted.note(place, "it has a selector that is no `key`");
    };
    let text = |part: &Value, key: &str| part.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(present) = rule.get("on_present") else {
        return converted.note(place, "without `on_present` there is nothing to find");
    };
    let Some(key) = text(present, "key") else {
        return converted.note(place, "`on_present` has no `key`");
    };
    if present.get("value").is_some() {
        return converted.note(place, "`on_present` with a `value` of its own is not converted: write `dynamicMetadata` with an expression");
    }
    let namespace = text(present, "metadata_namespace").unwrap_or_else(|| usual.to_owned());
    let mut field = json!({
        "name": key,
        "from": [{"json": pointer(keys)}],
        "metadata": {"namespace": namespace, "key": key},
    });
    let mut put = |key: &str, value: Value| {
        if let Some(field) = field.as_object_mut() {
            field.insert(key.to_owned(), value);
        }
    };
    match present.get("type").and_then(Value::as_str) {
        Some("NUMBER") => {
            put("type", "number".into());
            let what =
                "a number within quotes, `true` and `false` are numbers there, and none here";
            converted.note(place, what);
        }
        Some("STRING") => converted.note(
            place,
            "`true` and `false` are `1` and nothing there, and their names here",
        ),
        _ => converted.note(
            place,
            "it keeps the type of the value; here `type` says it, and is text without it",
        ),
    }
    if let Some(missing) = rule.get("on_missing") {
        let same = text(missing, "key").as_deref() == Some(&key);
        converted.note(
            place,
            "`on_missing` is for JSON only there; here an empty text and a body that is no JSON get its value too",
        );
        match missing.get("value") {
            Some(Value::String(value)) if same => put("default", value.clone().into()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) if same => {
                put("default", value.to_string().into())
            }
            _ => converted.note(place, "`on_missing` with another key is not converted"),
        }
    }
    if rule.get("on_error").is_some() {
        converted.note(place, "`on_error` is not converted: what is invalid is counted in rustformations_failures_total");
    }
    if present
        .get("preserve_existing_metadata_value")
        .and_then(Value::as_bool)
        == Some(true)
    {
        converted.note(
            place,
            "`preserve_existing_metadata_value` is not converted: the module writes the value",
        );
    }
    converted.extract(direction, field);
}
