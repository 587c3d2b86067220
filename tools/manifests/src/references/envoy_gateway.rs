//! Envoy Gateway's own kinds: modules by name, the pods that it makes, and what patches refer to.

use harness::Object;
use serde_json::Value;

use super::index::{Index, at};
use super::workload::{items, mounts, secrets};

/// Below an EnvoyProxy.
const DEPLOYMENT: &str = "/spec/provider/kubernetes/envoyDeployment";

pub(super) fn check(index: &mut Index<'_>, object: &Object) {
    match object.kind() {
        "EnvoyProxy" => pods(index, object),
        "EnvoyExtensionPolicy" => modules(index, object),
        _ => patches(index, object),
    }
}

/// Volumes and Secrets of the pods.
fn pods(index: &mut Index<'_>, proxy: &Object) {
    let deployment = at(&proxy.0, DEPLOYMENT);
    let volumes: Vec<&str> = items(at(deployment, "/pod/volumes"))
        .filter_map(|volume| at(volume, "/name").as_str())
        .collect();
    let container = at(deployment, "/container");
    secrets(index, proxy, DEPLOYMENT, at(container, "/env"));
    for container in items(at(deployment, "/initContainers")).chain([container]) {
        mounts(index, proxy, DEPLOYMENT, container, &volumes);
    }
    let mounted: Vec<&str> = items(at(container, "/volumeMounts"))
        .filter_map(|mount| at(mount, "/mountPath").as_str())
        .collect();
    for path in files(proxy) {
        if !mounted
            .iter()
            .any(|mount| path.starts_with(&format!("{mount}/")))
        {
            index.problem(
                proxy,
                "/spec/dynamicModules",
                format!("no volume has {path}"),
            );
        }
    }
}

/// The files of the modules that an EnvoyProxy registers.
fn files(proxy: &Object) -> impl Iterator<Item = &str> {
    proxy
        .items("/spec/dynamicModules")
        .filter_map(|module| at(module, "/source/local/path").as_str())
}

/// A policy names a module that the EnvoyProxy registers.
fn modules(index: &mut Index<'_>, policy: &Object) {
    let manifests = index.manifests;
    for module in policy.items("/spec/dynamicModule") {
        let name = at(module, "/name");
        let mut proxies = manifests.of_kind("EnvoyProxy");
        let registered = proxies.any(|proxy| {
            let mut modules = proxy.items("/spec/dynamicModules");
            modules.any(|module| at(module, "/name") == name)
        });
        if !registered {
            let what = format!("no EnvoyProxy registers the module {name}");
            index.problem(policy, "/spec/dynamicModule", what);
        }
    }
}

/// A patch names what Envoy Gateway makes out of these manifests, and a module's file that is there.
fn patches(index: &mut Index<'_>, policy: &Object) {
    let gateway = policy.text("/spec/targetRef/name");
    index.require(policy, "/spec/targetRef", "Gateway", gateway);
    let mut problems = Vec::new();
    for patch in policy.items("/spec/jsonPatches") {
        let name = at(patch, "/name").as_str().unwrap_or_default();
        if !exists(index, policy.namespace(), name) {
            problems.push(format!("Envoy Gateway makes no {name:?}"));
        }
        for file in filenames(at(patch, "/operation/value")) {
            let mut proxies = index.manifests.of_kind("EnvoyProxy");
            if !proxies.any(|proxy| files(proxy).any(|known| known == file)) {
                problems.push(format!("no EnvoyProxy registers {file}"));
            }
        }
    }
    for what in problems {
        index.problem(policy, "/spec/jsonPatches", what);
    }
}

/// `NAMESPACE/GATEWAY/LISTENER`, or `httproute/NAMESPACE/ROUTE/rule/NUMBER`.
fn exists(index: &Index<'_>, namespace: &str, name: &str) -> bool {
    let manifests = index.manifests;
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["httproute", space, route, "rule", number] => {
            let route = manifests.find("HTTPRoute", route);
            let rule = |route: &Object| {
                let number = number.parse().ok()?;
                route.items("/spec/rules").nth(number).map(|_| ())
            };
            *space == namespace && route.and_then(rule).is_some()
        }
        [space, gateway, listener] => {
            let gateway = manifests.find("Gateway", gateway);
            let listens = |gateway: &Object| {
                let mut listeners = gateway.items("/spec/listeners");
                listeners.any(|own| at(own, "/name") == listener)
            };
            *space == namespace && gateway.is_some_and(listens)
        }
        _ => false,
    }
}

/// Every `filename` within.
fn filenames(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("filename").and_then(Value::as_str);
            own.into_iter()
                .chain(fields.values().flat_map(filenames))
                .collect()
        }
        Value::Array(list) => list.iter().flat_map(filenames).collect(),
        _ => Vec::new(),
    }
}
