//! What body-based routing takes in each gateway: which headers the body sets, and which no client can forge.

use std::collections::BTreeSet;

use harness::{Manifests, Object};
use serde_json::Value;

use super::index::at;
use super::workload::items;

/// The headers that a transformation sets and has Envoy choose the route by, in lower case.
pub(super) fn set(manifests: &Manifests) -> BTreeSet<String> {
    let variables = manifests
        .of_kind("GatewayParameters")
        .flat_map(|parameters| parameters.items("/spec/kube/envoyContainer/env"))
        .filter(|variable| at(variable, "/name") == "RUSTFORMATIONS_ROUTING_HEADERS")
        .filter_map(|variable| at(variable, "/value").as_str())
        .flat_map(|value| value.split(','));
    let configured = manifests
        .of_kind("EnvoyExtensionPolicy")
        .flat_map(|policy| policy.items("/spec/dynamicModule"))
        .map(|module| at(module, "/config"))
        .chain(patches(manifests).map(|value| at(value, "/typed_config/filter_config/value")));
    let extracted = configured
        .flat_map(|config| items(at(config, "/request/extract")))
        .filter_map(|field| at(field, "/header").as_str());
    variables.chain(extracted).map(lower).collect()
}

/// The headers that are removed before Envoy chooses a first route, in lower case.
pub(super) fn removed(manifests: &Manifests) -> BTreeSet<String> {
    let kgateway = manifests.of_kind("ListenerPolicy").flat_map(|policy| {
        policy.items("/spec/default/httpSettings/earlyRequestHeaderModifier/remove")
    });
    let envoy_gateway = manifests
        .of_kind("ClientTrafficPolicy")
        .flat_map(|policy| policy.items("/spec/headers/earlyRequestHeaders/remove"));
    let istio = patches(manifests)
        .flat_map(|value| items(at(value, "/typed_config/early_header_mutation_extensions")))
        .flat_map(|extension| items(at(extension, "/typed_config/mutations")))
        .map(|mutation| at(mutation, "/remove"));
    let names = kgateway.chain(envoy_gateway).chain(istio);
    names.filter_map(Value::as_str).map(lower).collect()
}

/// The values of Istio's patches.
fn patches(manifests: &Manifests) -> impl Iterator<Item = &Value> {
    manifests
        .of_kind("EnvoyFilter")
        .flat_map(|filter: &Object| filter.items("/spec/configPatches"))
        .map(|patch| at(patch, "/patch/value"))
}

fn lower(name: &str) -> String {
    name.trim().to_lowercase()
}
