//! What is there is right, and what would be wrong is found.

mod other_gateways;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use harness::{Manifests, workspace};
use serde_json::{Value, json};

use super::check;
use super::schemas::Schemas;

#[test]
fn every_manifest_is_right() {
    let schemas = [Schemas::built_in().unwrap()];
    for name in Manifests::names().unwrap() {
        let problems = check(&Manifests::render(&name).unwrap(), &schemas);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{name}:\n{}", problems.join("\n"));
    }
}

/// Sets or, with `null`, removes what is at a pointer of an object.
fn change(manifests: &mut Manifests, object: &str, pointer: &str, value: Value) {
    let (kind, name) = object.split_once(' ').unwrap();
    let object = manifests
        .objects
        .iter_mut()
        .find(|object| object.kind() == kind && object.name() == name)
        .unwrap_or_else(|| panic!("no {object}"));
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let field = field.replace("~1", "/");
    match object.0.pointer_mut(parent).unwrap() {
        Value::Object(fields) if value.is_null() => {
            assert!(fields.remove(&field).is_some(), "{pointer}");
        }
        Value::Object(fields) => {
            fields.insert(field, value);
        }
        Value::Array(items) if value.is_null() => {
            items.remove(field.parse().unwrap());
        }
        Value::Array(items) if field == "-" => items.push(value),
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
}

const KGATEWAY: &str = "kgateway/overlays/production";
const LAB: &str = "kgateway/overlays/openai";
const AGENTGATEWAY: &str = "agentgateway";
const PLAIN: &str = "plain/overlays/production";

/// A kustomization, an object, a place, what is put there, and what has to be said.
type Case = (&'static str, &'static str, String, Value, &'static str);

fn all_fail(cases: Vec<Case>) {
    let schemas = [Schemas::built_in().unwrap()];
    let mut rendered = BTreeMap::new();
    for (name, object, pointer, value, expected) in cases {
        let right = rendered
            .entry(name)
            .or_insert_with(|| Manifests::render(name).unwrap());
        let mut manifests = right.clone();
        change(&mut manifests, object, &pointer, value);
        let problems = check(&manifests, &schemas);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{name}: {object} {pointer}: expected {expected:?}, got {problems:#?}"
        );
    }
}

#[test]
fn a_wrong_manifest_fails() {
    let container = "/spec/template/spec/containers/0";
    let cases: Vec<Case> = vec![
        // Schemas.
        (
            LAB,
            "Deployment llama",
            "/spec/replica".into(),
            json!(1),
            "'replica' was unexpected",
        ),
        (
            LAB,
            "Deployment llama",
            "/spec/replicas".into(),
            json!("1"),
            "not of type",
        ),
        (
            LAB,
            "Deployment llama",
            "/spec/selector".into(),
            Value::Null,
            "\"selector\" is a required",
        ),
        (
            LAB,
            "Deployment llama",
            format!("{container}/volumes"),
            json!([]),
            "'volumes' was unexpected",
        ),
        (
            LAB,
            "Deployment llama",
            "/apiVersion".into(),
            json!("apps/v2"),
            "no schema knows",
        ),
        (
            LAB,
            "Deployment llama",
            "/metadata/label".into(),
            json!({}),
            "'label' was unexpected",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/rules/0/matches/0/path/type".into(),
            json!("Prefix"),
            "\"Prefix\" is not one of",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/rules/0/matches/0/paths".into(),
            json!({}),
            "'paths' was unexpected",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/rules/0/filters/2/requestMirror/percentage".into(),
            json!(42),
            "'percentage' was unexpected",
        ),
        (
            KGATEWAY,
            "ListenerSet llm-tls",
            "/spec/parentRef".into(),
            Value::Null,
            "\"parentRef\" is a required",
        ),
        (
            KGATEWAY,
            "TrafficPolicy extract-model",
            "/spec/transformation/request/body/parseAs".into(),
            json!("Json"),
            "\"Json\" is not one of",
        ),
        (
            KGATEWAY,
            "TrafficPolicy extract-model",
            "/spec/transformation/request/extract".into(),
            json!([]),
            "'extract' was unexpected",
        ),
        (
            KGATEWAY,
            "TrafficPolicy extract-model",
            "/spec/transformation/request/set/-".into(),
            json!({"name": "x-gateway-model-name"}),
            "is there twice",
        ),
        (
            KGATEWAY,
            "GatewayParameters rustformations",
            "/spec/kube/envoyContainer/image/name".into(),
            json!("x"),
            "'name' was unexpected",
        ),
        (
            KGATEWAY,
            "GatewayParameters rustformations",
            "/spec/kube/horizontalPodAutoscaler/spec/minReplica".into(),
            json!(1),
            "'minReplica' was unexpected",
        ),
        (
            AGENTGATEWAY,
            "AgentgatewayPolicy extract-model",
            "/spec/traffic/phase".into(),
            json!("Early"),
            "\"Early\" is not one of",
        ),
        (
            PLAIN,
            "HorizontalPodAutoscaler gateway",
            "/spec/maxReplicas".into(),
            Value::Null,
            "\"maxReplicas\" is a required",
        ),
        (
            PLAIN,
            "ServiceMonitor gateway",
            "/spec/endpoints/0/interval".into(),
            json!("often"),
            "does not match",
        ),
        // References.
        (
            LAB,
            "Service llama",
            "/metadata/namespace".into(),
            json!("elsewhere"),
            "no Namespace \"elsewhere\"",
        ),
        (
            LAB,
            "Service llama",
            "/metadata/name".into(),
            json!("mistral"),
            "it is there twice",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/rules/0/backendRefs/0/name".into(),
            json!("lama"),
            "no Service \"lama\"",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/rules/0/backendRefs/0/port".into(),
            json!(3091),
            "\"llama\" has no port 3091",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/rules/0/filters/2/requestMirror/backendRef/name".into(),
            json!("x"),
            "no Service \"x\"",
        ),
        (
            LAB,
            "HTTPRoute openai",
            "/spec/rules/0/backendRefs/0/name".into(),
            json!("x"),
            "no Backend \"x\"",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/parentRefs/0/name".into(),
            json!("x"),
            "no Gateway \"x\"",
        ),
        (
            LAB,
            "HTTPRoute llama",
            "/spec/rules/0/matches/0/headers/0/name".into(),
            json!("x-model"),
            "nothing sets x-model",
        ),
        (
            LAB,
            "HTTPRoute catch-all",
            "/spec/rules/1".into(),
            Value::Null,
            "matches everything",
        ),
        (
            LAB,
            "TrafficPolicy without-body",
            "/spec/targetRefs/0/name".into(),
            json!("catch-all"),
            "matches everything",
        ),
        (
            KGATEWAY,
            "TrafficPolicy extract-model",
            "/spec/targetRefs/0/name".into(),
            json!("x"),
            "no Gateway \"x\"",
        ),
        (
            KGATEWAY,
            "ListenerPolicy llm",
            "/spec/default/httpSettings/earlyRequestHeaderModifier".into(),
            Value::Null,
            "nothing removes x-gateway-model-name",
        ),
        (
            KGATEWAY,
            "Gateway llm",
            "/spec/gatewayClassName".into(),
            json!("x"),
            "no controller installs",
        ),
        (
            KGATEWAY,
            "Gateway llm",
            "/spec/infrastructure/parametersRef/name".into(),
            json!("x"),
            "no GatewayParameters \"x\"",
        ),
        (
            KGATEWAY,
            "Gateway llm",
            "/spec/allowedListeners".into(),
            Value::Null,
            "does not allow it",
        ),
        (
            KGATEWAY,
            "ListenerSet llm-tls",
            "/spec/listeners/0/tls/certificateRefs/0/name".into(),
            json!("x"),
            "nothing makes the Secret \"x\"",
        ),
        (
            KGATEWAY,
            "NetworkPolicy gateway",
            "/spec/ingress/0/ports/0/port".into(),
            json!(8081),
            "no port 8081",
        ),
        (
            KGATEWAY,
            "NetworkPolicy gateway",
            "/spec/egress/2/ports/0/port".into(),
            json!(80),
            "no port 80 there",
        ),
        (
            KGATEWAY,
            "NetworkPolicy models",
            "/spec/podSelector/matchLabels".into(),
            json!({"a": "b"}),
            "selects no pods",
        ),
        (
            KGATEWAY,
            "ServiceMonitor llm",
            "/spec/endpoints/0/port".into(),
            json!("http"),
            "no Service has a port",
        ),
        (
            KGATEWAY,
            "Service llm-metrics",
            "/spec/ports/0/targetPort".into(),
            json!(9090),
            "have no port 9090",
        ),
        (
            AGENTGATEWAY,
            "AgentgatewayBackend llama",
            "/spec/ai/provider/host".into(),
            json!("x.llm-agentgateway.svc.cluster.local"),
            "no Service \"x\"",
        ),
        (
            PLAIN,
            "Deployment gateway",
            "/spec/template/metadata/labels".into(),
            json!({}),
            "does not select its own pods",
        ),
        (
            PLAIN,
            "Deployment gateway",
            format!("{container}/volumeMounts/0/name"),
            json!("x"),
            "no volume \"x\"",
        ),
        (
            PLAIN,
            "Deployment gateway",
            "/spec/template/spec/volumes/0/configMap/name".into(),
            json!("x"),
            "no ConfigMap \"x\"",
        ),
        (
            PLAIN,
            "Deployment gateway",
            "/spec/template/spec/serviceAccountName".into(),
            json!("x"),
            "no ServiceAccount \"x\"",
        ),
        (
            PLAIN,
            "Deployment gateway",
            format!("{container}/readinessProbe/httpGet/port"),
            json!("x"),
            "no port \"x\"",
        ),
        (
            PLAIN,
            "Service gateway",
            "/spec/ports/0/targetPort".into(),
            json!("x"),
            "have no port \"x\"",
        ),
        (
            PLAIN,
            "HorizontalPodAutoscaler gateway",
            "/spec/scaleTargetRef/name".into(),
            json!("x"),
            "no Deployment \"x\"",
        ),
        (
            PLAIN,
            "PodDisruptionBudget gateway",
            "/spec/selector/matchLabels".into(),
            json!({"a": "b"}),
            "selects no pods",
        ),
        // Posture.
        (
            PLAIN,
            "Deployment gateway",
            "/spec/template/spec/securityContext/runAsNonRoot".into(),
            Value::Null,
            "it should be true",
        ),
        (
            PLAIN,
            "Deployment gateway",
            "/spec/template/spec/initContainers/0/securityContext/readOnlyRootFilesystem".into(),
            json!(false),
            "it should be true",
        ),
        (
            PLAIN,
            "Deployment gateway",
            format!("{container}/resources/limits"),
            Value::Null,
            "it should be there",
        ),
        (
            PLAIN,
            "Deployment gateway",
            format!("{container}/image"),
            json!("envoy"),
            "has no tag",
        ),
        (
            PLAIN,
            "Deployment gateway",
            format!("{container}/image"),
            json!("envoyproxy/envoy:latest"),
            "is another one tomorrow",
        ),
        (
            KGATEWAY,
            "GatewayParameters rustformations",
            "/spec/kube/envoyContainer/securityContext".into(),
            Value::Null,
            "it should be ALL",
        ),
    ];
    all_fail(cases);
}

#[test]
fn production_has_no_mocks() {
    for name in Manifests::names().unwrap() {
        if !name.ends_with("/production") || name.starts_with("plain/") {
            continue;
        }
        let manifests = Manifests::render(&name).unwrap();
        let text =
            serde_json::to_string(&manifests.objects.iter().map(|o| &o.0).collect::<Vec<_>>());
        for word in ["httpbun", ":latest"] {
            assert!(!text.as_ref().unwrap().contains(word), "{name}: {word}");
        }
        assert!(
            manifests.objects.iter().any(|object| {
                object
                    .items("/spec/listeners")
                    .any(|listener| listener["protocol"] == "HTTPS")
            }),
            "{name}: no TLS"
        );
    }
}

#[test]
fn every_component_is_used() {
    let mut used = BTreeSet::new();
    let deploy = workspace().join("deploy");
    let names = Manifests::names().unwrap();
    let components = Manifests::components().unwrap();
    for name in names.iter().chain(&components) {
        let text = fs::read_to_string(deploy.join(name).join("kustomization.yaml")).unwrap();
        let kustomization: Value = serde_saphyr::from_str(&text).unwrap();
        for path in kustomization["components"].as_array().into_iter().flatten() {
            let path = deploy.join(name).join(path.as_str().unwrap());
            let path = path.canonicalize().unwrap();
            let below = path.strip_prefix(deploy.canonicalize().unwrap()).unwrap();
            used.insert(below.to_str().unwrap().to_owned());
        }
    }
    assert_eq!(used, components);
}

#[test]
fn images_are_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    for name in Manifests::names().unwrap() {
        let manifests = Manifests::render(&name).unwrap();
        for parameters in manifests.of_kind("GatewayParameters") {
            let tag = parameters.text("/spec/kube/envoyContainer/image/tag");
            assert_eq!(tag, version, "{name}");
        }
        let text =
            serde_json::to_string(&manifests.objects.iter().map(|o| &o.0).collect::<Vec<_>>());
        for image in text
            .unwrap()
            .split(|letter: char| "\"\\ ".contains(letter))
            .filter(|text| text.starts_with("rustformations/"))
        {
            assert!(image.ends_with(&format!(":{version}")), "{name}: {image}");
        }
    }
    let values = fs::read_to_string(workspace().join("deploy/kgateway/helm-values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&values).unwrap();
    assert_eq!(values["controller"]["image"]["tag"], version);
}
