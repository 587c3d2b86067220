//! Deployments, Services and what selects pods.

use harness::Object;
use serde_json::Value;

use super::MADE_BY_HAND;
use super::index::{Index, at, contains, labels};

pub(super) fn check(index: &mut Index<'_>) {
    let manifests = index.manifests;
    for object in &manifests.objects {
        match object.kind() {
            "Deployment" => deployment(index, object),
            "Service" => service(index, object),
            "HorizontalPodAutoscaler" => {
                let target = object.text("/spec/scaleTargetRef/name");
                let kind = object.text("/spec/scaleTargetRef/kind");
                index.require(object, "/spec/scaleTargetRef", kind, target);
            }
            "PodDisruptionBudget" => {
                index.require_pods(object, "/spec/selector", at(&object.0, "/spec/selector"));
            }
            "NetworkPolicy" => network_policy(index, object),
            "ServiceMonitor" => service_monitor(index, object),
            _ => {}
        }
    }
}

fn deployment(index: &mut Index<'_>, object: &Object) {
    let template = at(&object.0, "/spec/template");
    let selector = labels(object.0.pointer("/spec/selector/matchLabels"));
    if !contains(&labels(template.pointer("/metadata/labels")), &selector) {
        index.problem(object, "/spec/selector", "it does not select its own pods");
    }
    let account = object.text("/spec/template/spec/serviceAccountName");
    if !account.is_empty() {
        let place = "/spec/template/spec/serviceAccountName";
        index.require(object, place, "ServiceAccount", account);
    }
    let mut volumes = Vec::new();
    for volume in object.items("/spec/template/spec/volumes") {
        volumes.extend(at(volume, "/name").as_str());
        if let Some(map) = at(volume, "/configMap/name").as_str() {
            index.require(object, "/spec/template/spec/volumes", "ConfigMap", map);
        }
    }
    for list in ["initContainers", "containers"] {
        for container in object.items(&format!("/spec/template/spec/{list}")) {
            let place = format!(
                "{list} {}",
                at(container, "/name").as_str().unwrap_or_default()
            );
            check_container(index, object, &place, container, &volumes);
        }
    }
}

fn check_container(
    index: &mut Index<'_>,
    object: &Object,
    place: &str,
    container: &Value,
    volumes: &[&str],
) {
    mounts(index, object, place, container, volumes);
    secrets(index, object, place, at(container, "/env"));
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        for action in ["httpGet", "tcpSocket"] {
            let port = at(container, &format!("/{probe}/{action}/port"));
            let own = items(at(container, "/ports"))
                .any(|own| at(own, "/name") == port || at(own, "/containerPort") == port);
            if !port.is_null() && !own {
                index.problem(object, place, format!("{probe}: no port {port}"));
            }
        }
    }
}

/// Volumes that a container mounts.
pub(super) fn mounts(
    index: &mut Index<'_>,
    object: &Object,
    place: &str,
    container: &Value,
    volumes: &[&str],
) {
    for mount in items(at(container, "/volumeMounts")) {
        let name = at(mount, "/name").as_str().unwrap_or_default();
        if !volumes.contains(&name) {
            index.problem(object, place, format!("no volume {name:?}"));
        }
    }
}

/// Secrets that variables are taken from.
pub(super) fn secrets(index: &mut Index<'_>, object: &Object, place: &str, variables: &Value) {
    for variable in items(variables) {
        if let Some(name) = at(variable, "/valueFrom/secretKeyRef/name").as_str() {
            secret(index, object, place, name);
        }
    }
}

pub(super) fn secret(index: &mut Index<'_>, object: &Object, place: &str, name: &str) {
    if !MADE_BY_HAND.iter().any(|(known, _)| *known == name) {
        let what = format!("nothing makes the Secret {name:?}");
        index.problem(object, place, what);
    }
}

fn service(index: &mut Index<'_>, object: &Object) {
    let wanted = labels(object.0.pointer("/spec/selector"));
    let pods: Vec<_> = index
        .pods
        .iter()
        .filter(|pods| contains(&pods.labels, &wanted))
        .collect();
    let found = !pods.is_empty() && !wanted.is_empty();
    let missing: Vec<String> = object
        .items("/spec/ports")
        .map(|port| port.get("targetPort").unwrap_or(at(port, "/port")))
        .filter(|target| !pods.iter().all(|pods| pods.has(target)))
        .map(|target| format!("its pods have no port {target}"))
        .collect();
    if !found {
        index.problem(object, "/spec/selector", "it selects no pods");
    }
    for what in missing {
        index.problem(object, "/spec/ports", what);
    }
}

/// Who is let in and out, where that is inside the namespace.
fn network_policy(index: &mut Index<'_>, object: &Object) {
    let spec = at(&object.0, "/spec");
    index.require_pods(object, "/spec/podSelector", at(spec, "/podSelector"));
    let mut missing = Vec::new();
    for rule in items(at(spec, "/ingress")) {
        for port in items(at(rule, "/ports")) {
            let mut own = index.selected(at(spec, "/podSelector"));
            if !own.any(|pods| pods.has(at(port, "/port"))) {
                missing.push(format!(
                    "ingress: its pods have no port {}",
                    at(port, "/port")
                ));
            }
        }
        for peer in items(at(rule, "/from")) {
            missing.extend(peer_problem(index, peer, &Value::Null));
        }
    }
    for rule in items(at(spec, "/egress")) {
        for peer in items(at(rule, "/to")) {
            missing.extend(peer_problem(index, peer, at(rule, "/ports")));
        }
    }
    for what in missing {
        index.problem(object, "/spec", what);
    }
}

/// What is wrong with a peer of a network policy; nothing is known of other namespaces.
fn peer_problem(index: &Index<'_>, peer: &Value, ports: &Value) -> Option<String> {
    if peer.get("namespaceSelector").is_some() {
        return None;
    }
    let selector = peer.get("podSelector")?;
    let pods: Vec<_> = index.selected(selector).collect();
    if pods.is_empty() {
        return Some(format!("{selector} selects no pods"));
    }
    let missing = items(ports).find(|port| !pods.iter().all(|pods| pods.has(at(port, "/port"))))?;
    Some(format!("egress: no port {} there", at(missing, "/port")))
}

fn service_monitor(index: &mut Index<'_>, object: &Object) {
    let wanted = labels(object.0.pointer("/spec/selector/matchLabels"));
    let services = index.manifests.of_kind("Service");
    let services: Vec<_> = services
        .filter(|service| contains(&labels(service.0.pointer("/metadata/labels")), &wanted))
        .collect();
    if services.is_empty() {
        index.problem(object, "/spec/selector", "it selects no Service");
    }
    for endpoint in object.items("/spec/endpoints") {
        let there = services.iter().any(|service| {
            service
                .items("/spec/ports")
                .any(|port| at(port, "/name") == at(endpoint, "/port"))
        });
        if !there {
            let what = format!("no Service has a port {}", at(endpoint, "/port"));
            index.problem(object, "/spec/endpoints", what);
        }
    }
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
