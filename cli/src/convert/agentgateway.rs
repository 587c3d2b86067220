//! Transformations of agentgateway: CEL for headers, the body and metadata.

use serde_json::{Map, Value, json};

use super::{Converted, pointer};

/// Whether a value is a transformation, and not another thing of that name.
pub(super) fn is_one(value: &Value) -> bool {
    ["request", "response", "conditional"]
        .iter()
        .any(|key| value.get(key).is_some())
}

/// Converts `transformations` or `transformation`, which is beside these fields.
pub(super) fn convert(
    value: &Value,
    place: &str,
    beside: &Map<String, Value>,
    converted: &mut Converted,
) {
    let Some(policies) = value.get("conditional").and_then(Value::as_array) else {
        let early = beside.get("phase").and_then(Value::as_str) == Some("PreRouting");
        return passes(value, place, early, converted);
    };
    if policies.len() > 1 {
        converted.note(place, "only the first of the policies is converted: the module has one condition for each direction");
    }
    let Some(first) = policies.first() else {
        return;
    };
    if let Some(condition) = first.get("condition") {
        for direction in ["request", "response"] {
            if first
                .get("policy")
                .is_some_and(|policy| policy.get(direction).is_some())
            {
                converted
                    .pass(direction)
                    .insert("when".to_owned(), condition.clone());
            }
        }
    }
    passes(
        first.get("policy").unwrap_or(&Value::Null),
        &format!("{place}.conditional[0].policy"),
        false,
        converted,
    );
}

fn passes(value: &Value, place: &str, early: bool, converted: &mut Converted) {
    for direction in ["request", "response"] {
        for (key, value) in value
            .get(direction)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let place = format!("{place}.{direction}.{key}");
            match (key.as_str(), value) {
                ("set" | "add", value) => {
                    for (name, expression) in named(value) {
                        header(direction, key, &name, &expression, &place, converted);
                    }
                }
                ("remove", Value::Array(names)) => {
                    for name in names {
                        converted.push(direction, "remove", name.clone());
                    }
                }
                ("body", Value::String(expression)) => {
                    converted
                        .pass(direction)
                        .insert("body".to_owned(), json!({"cel": expression}));
                    converted.note(
                        &place,
                        "where it fails, the module keeps the body, and agentgateway empties it",
                    );
                }
                ("metadata", value) => {
                    for (name, expression) in named(value) {
                        let entry = json!({"namespace": "agentgateway", "key": name, "value": {"cel": expression}});
                        converted.push(direction, "dynamicMetadata", entry);
                    }
                    converted.note(&place, "it is dynamic metadata of the namespace `agentgateway`, which an expression reads with `metadata`");
                }
                _ => converted.note(&place, "the module has no such key"),
            }
        }
    }
    if early && converted.request.contains_key("set") {
        converted
            .pass("request")
            .insert("clearRouteCache".to_owned(), true.into());
    }
}

/// Names and expressions: of a map, or of a list of `name` and `value`.
fn named(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Object(entries) => entries
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| Some((text(item.get("name")?)?, text(item.get("value")?)?)))
            .collect(),
        _ => Vec::new(),
    }
}

fn header(
    direction: &str,
    key: &str,
    name: &str,
    expression: &str,
    place: &str,
    converted: &mut Converted,
) {
    let member = member(expression)
        .filter(|_| direction == "request" && key == "set" && !name.starts_with(':'));
    let name = name.to_ascii_lowercase();
    match member {
        Some(member) => {
            converted.extract(
                direction,
                json!({"from": [{"json": member}], "header": name}),
            );
            converted.note(place, format!("`{name}` is a field: a value that the client sent is removed, and Envoy chooses the route again"));
        }
        None => converted.push(direction, key, json!({"name": name, "cel": expression})),
    }
}

/// The member of the request's body that an expression is, as a JSON Pointer.
fn member(expression: &str) -> Option<String> {
    let path = expression
        .trim()
        .strip_prefix("json(request.body)")?
        .strip_prefix('.')?;
    let keys: Vec<&str> = path.split('.').collect();
    let is_name = |key: &&str| {
        !key.is_empty()
            && !key.starts_with(|c: char| c.is_ascii_digit())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    keys.iter().all(is_name).then(|| pointer(keys))
}
