//! Gateways, routes and policies, and what body-based routing needs of them together.

use std::collections::BTreeSet;

use harness::Object;
use serde_json::Value;

use super::BROUGHT;
use super::envoy_gateway;
use super::index::{Index, at};
use super::routing;
use super::workload::{items, secret, secrets};

/// The classes that docs/kgateway-lab.md, docs/envoy-gateway.md and docs/istio.md install.
const CLASSES: &[&str] = &["kgateway", "agentgateway", "envoy-gateway", "istio"];

pub(super) fn check(index: &mut Index<'_>) {
    let manifests = index.manifests;
    for object in &manifests.objects {
        match object.kind() {
            "Gateway" => gateway(index, object),
            "ListenerSet" => listener_set(index, object),
            "HTTPRoute" => route(index, object),
            "GatewayParameters" => {
                let place = "/spec/kube/envoyContainer/env";
                secrets(
                    index,
                    object,
                    place,
                    at(&object.0, "/spec/kube/envoyContainer/env"),
                );
            }
            "AgentgatewayBackend" => host(index, object),
            "EnvoyProxy" | "EnvoyExtensionPolicy" | "EnvoyPatchPolicy" => {
                envoy_gateway::check(index, object);
            }
            _ => {}
        }
        for target in object.items("/spec/targetRefs") {
            let text = |field: &str| {
                target
                    .get(field)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            index.require(object, "/spec/targetRefs", text("kind"), text("name"));
        }
    }
}

fn gateway(index: &mut Index<'_>, object: &Object) {
    let class = object.text("/spec/gatewayClassName");
    if !CLASSES.contains(&class) {
        let what = format!("no controller installs the class {class:?}");
        index.problem(object, "/spec/gatewayClassName", what);
    }
    let place = "/spec/infrastructure/parametersRef";
    let reference = object.0.pointer(place);
    if reference.is_some() {
        let kind = object.text("/spec/infrastructure/parametersRef/kind");
        let name = object.text("/spec/infrastructure/parametersRef/name");
        index.require(object, place, kind, name);
    }
    // A base has no routes.
    let routes = index.manifests.of_kind("HTTPRoute").next().is_some();
    if class != "agentgateway" && routes {
        body_based_routing(index, object);
    }
}

/// Envoy needs a route before the body has been read, the module has to know which headers routes match, and a client
/// may not choose by them.
fn body_based_routing(index: &mut Index<'_>, gateway: &Object) {
    let manifests = index.manifests;
    let transformed = |route: &Object| {
        manifests.of_kind("TrafficPolicy").any(|policy| {
            policy.items("/spec/targetRefs").any(|target| {
                at(target, "/kind") == "HTTPRoute" && at(target, "/name") == route.name()
            })
        })
    };
    let rules = manifests
        .of_kind("HTTPRoute")
        .filter(|route| !transformed(route))
        .flat_map(|route| route.items("/spec/rules"));
    let catch_all = rules
        .flat_map(|rule| items(at(rule, "/matches")))
        .any(|matched| {
            at(matched, "/path/value") == "/"
                && matched.get("headers").is_none()
                && matched.get("method").is_none()
        });
    if !catch_all {
        let what = "no HTTPRoute without a policy of its own matches everything";
        index.problem(gateway, "", what);
    }
    let (set, removed) = (routing::set(manifests), routing::removed(manifests));
    for route in manifests.of_kind("HTTPRoute") {
        for name in matched_headers(route) {
            if !set.contains(&name) {
                let what = format!("nothing sets {name}, or makes Envoy choose the route again");
                index.problem(route, "/spec/rules", what);
            }
            if !removed.contains(&name) {
                let what = format!("nothing removes {name} from what clients send");
                index.problem(route, "/spec/rules", what);
            }
        }
    }
}

fn matched_headers(route: &Object) -> BTreeSet<String> {
    let matches = route
        .items("/spec/rules")
        .flat_map(|rule| items(at(rule, "/matches")));
    let headers = matches.flat_map(|matched| items(at(matched, "/headers")));
    headers
        .filter_map(|header| Some(at(header, "/name").as_str()?.to_lowercase()))
        .collect()
}

fn listener_set(index: &mut Index<'_>, object: &Object) {
    let parent = object.text("/spec/parentRef/name");
    index.require(object, "/spec/parentRef", "Gateway", parent);
    let gateway = index.manifests.find("Gateway", parent);
    let from = gateway.map(|gateway| gateway.text("/spec/allowedListeners/namespaces/from"));
    if from.is_some_and(|from| !matches!(from, "Same" | "All" | "Selector")) {
        let what = format!("the Gateway {parent:?} does not allow it");
        index.problem(object, "/spec/parentRef", what);
    }
    for listener in object.items("/spec/listeners") {
        for certificate in items(at(listener, "/tls/certificateRefs")) {
            let name = at(certificate, "/name").as_str().unwrap_or_default();
            secret(index, object, "/spec/listeners", name);
        }
    }
}

fn route(index: &mut Index<'_>, object: &Object) {
    for parent in object.items("/spec/parentRefs") {
        let kind = at(parent, "/kind").as_str().unwrap_or("Gateway");
        let name = at(parent, "/name").as_str().unwrap_or_default();
        index.require(object, "/spec/parentRefs", kind, name);
    }
    for (number, rule) in object.items("/spec/rules").enumerate() {
        let place = format!("/spec/rules/{number}");
        let mirrors =
            items(at(rule, "/filters")).map(|filter| at(filter, "/requestMirror/backendRef"));
        let backends = items(at(rule, "/backendRefs"));
        for reference in mirrors.chain(backends).filter(|value| !value.is_null()) {
            let kind = at(reference, "/kind").as_str().unwrap_or("Service");
            let name = at(reference, "/name").as_str().unwrap_or_default();
            let number = at(reference, "/port");
            match kind {
                "Service" if brought(name, number) => {}
                "Service" => {
                    index.require(object, &place, kind, name);
                    port(index, object, &place, name, number);
                }
                "Hostname" => host_entry(index, object, &place, name),
                _ => index.require(object, &place, kind, name),
            }
        }
        for filter in items(at(rule, "/filters")) {
            if let Some(name) = at(filter, "/extensionRef/name").as_str() {
                let kind = at(filter, "/extensionRef/kind").as_str();
                index.require(object, &place, kind.unwrap_or_default(), name);
            }
        }
    }
}

fn port(index: &mut Index<'_>, object: &Object, place: &str, service: &str, port: &Value) {
    let Some(found) = index.manifests.find("Service", service) else {
        return;
    };
    if !found
        .items("/spec/ports")
        .any(|own| at(own, "/port") == port)
    {
        let what = format!("the Service {service:?} has no port {port}");
        index.problem(object, place, what);
    }
}

fn brought(service: &str, port: &Value) -> bool {
    BROUGHT
        .iter()
        .any(|(name, number)| *name == service && port == number)
}

/// Istio's way to name a host outside the cluster.
fn host_entry(index: &mut Index<'_>, object: &Object, place: &str, host: &str) {
    let mut entries = index.manifests.of_kind("ServiceEntry");
    if !entries.any(|entry| entry.items("/spec/hosts").any(|known| known == host)) {
        index.problem(
            object,
            place,
            format!("no ServiceEntry has the host {host:?}"),
        );
    }
}

/// The host is the name of a Service in the cluster.
fn host(index: &mut Index<'_>, object: &Object) {
    let place = "/spec/ai/provider/host";
    let name = object.text(place);
    let suffix = format!(".{}.svc.cluster.local", object.namespace());
    match name.strip_suffix(&suffix) {
        Some(service) => {
            index.require(object, place, "Service", service);
            let number = at(&object.0, "/spec/ai/provider/port");
            port(index, object, place, service, number);
        }
        None => index.problem(object, place, format!("{name:?} is not a Service here")),
    }
}
