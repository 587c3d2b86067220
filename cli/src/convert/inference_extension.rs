//! Flags of the Gateway API Inference Extension's body-based router.

use serde_json::{Value, json};

use super::Converted;

/// Flags that only this router has.
const OWN: [&str; 2] = ["--streaming", "--plugin"];

/// The header that it sets without plugins.
const MODEL: &str = "x-gateway-model-name";

/// Converts the flags, if they are the router's.
pub(super) fn flags(words: &[&str], converted: &mut Converted) {
    let is_own = |word: &&str| OWN.contains(&word.split('=').next().unwrap_or_default());
    if !words.iter().any(is_own) {
        return;
    }
    let mut plugins = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some(("--plugin", plugin)) => plugins.push(plugin),
            None if word == "--plugin" => plugins.extend(words.next()),
            _ => {}
        }
    }
    if plugins.is_empty() {
        return field("model", MODEL, converted);
    }
    for text in plugins {
        plugin(text, converted);
    }
}

/// Converts a plugin: `type:name:json`.
fn plugin(text: &str, converted: &mut Converted) {
    let mut parts = text.splitn(3, ':');
    let kind = parts.next().unwrap_or_default();
    let parameters = parts
        .nth(1)
        .map(|parameters| serde_json::from_str::<Value>(parameters).unwrap_or_default());
    let place = format!("--plugin {kind}");
    match kind {
        "body-field-to-header" => {
            let parameter = |key| parameters.as_ref().and_then(|parameters| parameters.get(key)?.as_str());
            let name = parameter("fieldName").unwrap_or("model");
            let usual = format!("x-gateway-{name}");
            let header = parameter("headerName").map_or(usual, str::to_ascii_lowercase);
            field(name, &header, converted);
        }
        "base-model-to-header" => converted.note(
            &place,
            "adapters and their base models are in ConfigMaps: list them in `lookup` of the field, as envoy-configs/inference-extension.yaml does",
        ),
        _ => converted.note(&place, "the module has no such plugin"),
    }
}

fn field(name: &str, header: &str, converted: &mut Converted) {
    let pointer = super::pointer([name]);
    converted.extract(
        "request",
        json!({"from": [{"json": pointer}], "header": header}),
    );
}
