//! Envoy's filter `transform`: headers and JSON bodies by substitution formats.

use serde_json::{Value, json};

use super::{Converted, pointer, quoted};

/// Converts a `TransformConfig`.
pub(super) fn convert(value: &Value, place: &str, converted: &mut Converted) {
    for direction in ["request", "response"] {
        let key = format!("{direction}_transformation");
        let Some(found) = value.get(&key) else {
            continue;
        };
        let place = format!("{place}.{key}");
        converted.note(
            &place,
            "it leaves a message alone whose body is no JSON object, or whose `content-type` is not JSON; here each edit that can \
             be made is made",
        );
        let mutations = found.get("headers_mutations").and_then(Value::as_array);
        for (index, mutation) in mutations.into_iter().flatten().enumerate() {
            header(
                direction,
                mutation,
                &format!("{place}.headers_mutations[{index}]"),
                converted,
            );
        }
        if let Some(body_transformation) = found.get("body_transformation") {
            body(
                direction,
                body_transformation,
                &format!("{place}.body_transformation"),
                converted,
            );
        }
    }
    if value.get("clear_route_cache").and_then(Value::as_bool) == Some(true) {
        converted
            .pass("request")
            .insert("clearRouteCache".to_owned(), true.into());
    }
    if value.get("clear_cluster_cache").is_some() {
        converted.note(
            place,
            "`clear_cluster_cache` has no counterpart: the module has the whole route chosen again",
        );
    }
}

fn header(direction: &str, mutation: &Value, place: &str, converted: &mut Converted) {
    if let Some(name) = mutation.get("remove") {
        return converted.push(direction, "remove", name.clone());
    }
    let written = |key: &str| {
        mutation
            .pointer(&format!("/append/header/{key}"))
            .and_then(Value::as_str)
    };
    let (Some(name), Some(format)) = (written("key"), written("value")) else {
        return converted.note(place, "it is neither `append` nor `remove`");
    };
    let action = mutation
        .pointer("/append/append_action")
        .and_then(Value::as_str);
    let key = match action.unwrap_or("APPEND_IF_EXISTS_OR_ADD") {
        "APPEND_IF_EXISTS_OR_ADD" => "add",
        "OVERWRITE_IF_EXISTS_OR_ADD" => "set",
        other => {
            return converted.note(
                place,
                format!("`{other}` has no counterpart; write `set` with an expression"),
            );
        }
    };
    let name = name.to_ascii_lowercase();
    let made = match made(format, direction) {
        Ok(made) => made,
        Err(command) => {
            return converted.note(
                place,
                format!("`{command}` has no counterpart in the module"),
            );
        }
    };
    match made {
        Made::Member(keys) if direction == "request" && key == "set" && !name.starts_with(':') => {
            let keys = keys.iter().map(String::as_str);
            converted.note(
                place,
                "a list or an object is its JSON there, and sets no header here",
            );
            converted.extract(
                direction,
                json!({"from": [{"json": pointer(keys)}], "header": name}),
            );
        }
        Made::Member(keys) => {
            let cel = format!("string(json({direction}.body){})", lookups(&keys));
            converted.push(direction, key, json!({"name": name, "cel": cel}));
        }
        Made::Template(template) => {
            converted.push(direction, key, json!({"name": name, "value": template}))
        }
    }
}

fn body(direction: &str, found: &Value, place: &str, converted: &mut Converted) {
    let action = found
        .get("action")
        .and_then(Value::as_str)
        .unwrap_or("MERGE");
    let Some(format) = found.pointer("/body_format/json_format") else {
        return converted.note(
            place,
            "only a `json_format` is converted; write `body` with a template",
        );
    };
    if action != "MERGE" {
        return converted.note(place, "the action `REPLACE` is not converted: write `body` with an expression such as `toJson({…})`");
    }
    merged(direction, format, &mut Vec::new(), place, converted);
}

/// An edit for each value of a JSON format, which Envoy merges into the body.
fn merged(
    direction: &str,
    format: &Value,
    keys: &mut Vec<String>,
    place: &str,
    converted: &mut Converted,
) {
    let at = pointer(keys.iter().map(String::as_str));
    match format {
        Value::Object(fields) => {
            for (key, value) in fields {
                keys.push(key.clone());
                merged(direction, value, keys, place, converted);
                keys.pop();
            }
        }
        Value::String(text) => match made(text, direction) {
            Ok(Made::Member(members)) => converted.push(
                direction,
                "patch",
                // What is missing becomes null there.
                json!({"set": at, "cel": format!("default(document{}, null)", lookups(&members))}),
            ),
            Ok(Made::Template(template)) => {
                converted.push(direction, "patch", json!({"set": at, "value": template}))
            }
            Err(command) => converted.note(
                place,
                format!("`{command}` at `{at}` has no counterpart in the module"),
            ),
        },
        other => converted.push(
            direction,
            "patch",
            json!({"set": at, "json": other.to_string()}),
        ),
    }
}

/// What a substitution format is in our languages.
enum Made {
    /// A member of the body, alone.
    Member(Vec<String>),
    Template(String),
}

/// Reads a substitution format.
///
/// # Errors
/// The command that has no counterpart.
fn made(format: &str, direction: &str) -> Result<Made, String> {
    let mut template = String::new();
    let mut rest = format;
    while let Some((text, after)) = rest.split_once('%') {
        template.push_str(&text.replace("{{", "{{ '{{' }}"));
        let Some((command, after)) = after.split_once('%') else {
            return Err(format!("%{after}"));
        };
        rest = after;
        if command.is_empty() {
            template.push('%');
            continue;
        }
        let (name, argument) = command.split_once('(').unwrap_or((command, ""));
        let argument = argument.trim_end_matches(')');
        let own_body = format!("{}_BODY", direction.to_ascii_uppercase());
        match name {
            name if name == own_body => {
                let keys: Vec<String> = argument.split(':').map(str::to_owned).collect();
                if command.len() + 2 == format.len() {
                    return Ok(Made::Member(keys));
                }
                template += &format!(
                    "{{{{ cel({}) }}}}",
                    quoted(&format!(
                        "string(json({direction}.body){})",
                        lookups_in_text(&keys)
                    ))
                );
            }
            "REQ" | "REQUEST_HEADER" => {
                template += &format!(
                    "{{{{ request_header({}) }}}}",
                    quoted(&argument.to_ascii_lowercase())
                )
            }
            "RESP" | "RESPONSE_HEADER" if direction == "response" => {
                template += &format!(
                    "{{{{ header({}) }}}}",
                    quoted(&argument.to_ascii_lowercase())
                )
            }
            _ => return Err(format!("%{command}%")),
        }
    }
    template.push_str(&rest.replace("{{", "{{ '{{' }}"));
    Ok(Made::Template(template))
}

/// Lookups of an expression: `["usage"]["total_tokens"]`.
fn lookups(keys: &[String]) -> String {
    keys.iter()
        .map(|key| format!("[{}]", quoted(key)))
        .collect()
}

/// The same within a text of a template.
fn lookups_in_text(keys: &[String]) -> String {
    keys.iter()
        .map(|key| format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'")))
        .collect()
}
