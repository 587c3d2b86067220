//! Gateway API's routes as Envoy has them. Every control plane does this in the same way.

use anyhow::{Context, Result, bail, ensure};
use harness::{Manifests, Object, Route};
use serde_json::{Value, json};

/// One match of one rule: what Envoy calls a route.
struct Entry {
    /// Gateway API's precedence: a whole path, then the longest, then a method, then most headers.
    precedence: (bool, usize, bool, usize),
    route: Route,
}

/// Every HTTPRoute of the Gateway, in the order that Envoy tries them. `action` makes the route of a rule, by its number, with
/// all that control planes do in ways of their own.
pub(super) fn routes(
    manifests: &Manifests,
    gateway: &Object,
    action: impl Fn(&Object, usize, &Value) -> Result<Route>,
) -> Result<Vec<Route>> {
    let mut entries = Vec::new();
    for object in manifests.of_kind("HTTPRoute") {
        let attached = object
            .items("/spec/parentRefs")
            .any(|parent| parent["kind"].is_null() && parent["name"] == gateway.name());
        ensure!(
            attached,
            "HTTPRoute {} is not on the Gateway",
            object.name()
        );
        for (number, rule) in object.items("/spec/rules").enumerate() {
            let mut route = action(object, number, rule)?;
            if let Some(timeout) = rule["timeouts"]["request"].as_str() {
                route = route.action("timeout", json!(timeout));
            }
            for filter in list(&rule["filters"]) {
                route = with_filter(route, filter)?;
            }
            for matched in list(&rule["matches"]) {
                entries.push(entry(route.clone(), matched)?);
            }
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.precedence));
    Ok(entries.into_iter().map(|entry| entry.route).collect())
}

/// The object that a rule refers to in place of backends.
pub(super) fn extension<'a>(manifests: &'a Manifests, rule: &Value) -> Option<&'a Object> {
    let reference = list(&rule["filters"])
        .iter()
        .map(|filter| &filter["extensionRef"])
        .find(|reference| !reference.is_null())?;
    manifests.find(reference["kind"].as_str()?, reference["name"].as_str()?)
}

/// The name that a reference says.
pub(super) fn name(reference: &Value) -> Result<&str> {
    let name = reference["name"].as_str();
    name.with_context(|| format!("no name in {reference}"))
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Fails on a field that the translation does not know.
pub(super) fn only_fields(object: &Object, pointer: &str, known: &[&str]) -> Result<()> {
    let fields = object.0.pointer(pointer).and_then(Value::as_object);
    for field in fields.with_context(|| format!("no {pointer}"))?.keys() {
        ensure!(
            known.contains(&field.as_str()),
            "{} {}: unknown {pointer}/{field}",
            object.kind(),
            object.name()
        );
    }
    Ok(())
}

/// `early_header_mutation_extensions` that remove these headers.
pub(super) fn early_removal(names: &[Value]) -> Value {
    let mutations: Vec<Value> = names.iter().map(|name| json!({"remove": name})).collect();
    json!([{
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": mutations,
        },
    }])
}

/// An access log in JSON, on the standard output.
pub(super) fn access_log(format: &Value) -> Value {
    json!([{
        "name": "stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": format},
        },
    }])
}

fn with_filter(route: Route, filter: &Value) -> Result<Route> {
    match filter["type"].as_str().context("a filter without type")? {
        "URLRewrite" => {
            let rewrite = &filter["urlRewrite"];
            let mut route = route;
            if let Some(prefix) = rewrite["path"]["replacePrefixMatch"].as_str() {
                route = route.action("prefix_rewrite", json!(prefix));
            }
            if let Some(host) = rewrite["hostname"].as_str() {
                route = route.action("host_rewrite_literal", json!(host));
            }
            Ok(route)
        }
        "ResponseHeaderModifier" => {
            let set = list(&filter["responseHeaderModifier"]["set"]).iter();
            let set: Vec<Value> = set
                .map(|header| {
                    json!({
                        "header": {"key": header["name"], "value": header["value"]},
                        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                    })
                })
                .collect();
            Ok(route.field("response_headers_to_add", json!(set)))
        }
        // Both are of `action`.
        "RequestMirror" | "ExtensionRef" => Ok(route),
        other => bail!("a filter of type {other}"),
    }
}

fn entry(route: Route, matched: &Value) -> Result<Entry> {
    let is_whole = matched["path"]["type"] == "Exact";
    ensure!(
        is_whole || matched["path"]["type"] == "PathPrefix",
        "{matched}"
    );
    let path = matched["path"]["value"].as_str().context("no path")?;
    let mut headers: Vec<Value> = list(&matched["headers"])
        .iter()
        .map(|header| json!({"name": header["name"], "string_match": {"exact": header["value"]}}))
        .collect();
    let has_method = !matched["method"].is_null();
    let precedence = (is_whole, path.len(), has_method, headers.len());
    if let Some(method) = matched["method"].as_str() {
        headers.push(json!({"name": ":method", "string_match": {"exact": method}}));
    }
    let key = match path {
        _ if is_whole => "path",
        "/" => "prefix",
        _ => "path_separated_prefix",
    };
    let route = route.field("match", json!({key: path, "headers": headers}));
    Ok(Entry { precedence, route })
}
