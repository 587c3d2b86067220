//! What would be wrong in deploy/envoy-gateway and deploy/istio.

use serde_json::{Value, json};

use super::{Case, all_fail};

const ENVOY_GATEWAY: &str = "envoy-gateway/overlays/production";
const ENVOY_GATEWAY_LAB: &str = "envoy-gateway/overlays/lab";
const ISTIO: &str = "istio/overlays/production";

#[test]
fn a_wrong_manifest_of_envoy_gateway_fails() {
    let eg = "/spec/provider/kubernetes/envoyDeployment";
    let cases: Vec<Case> = vec![
        (
            ENVOY_GATEWAY,
            "EnvoyProxy rustformations",
            "/spec/dynamicModules/0/name".into(),
            json!("rust_module"),
            "does not match",
        ),
        (
            ENVOY_GATEWAY,
            "EnvoyProxy rustformations",
            "/spec/dynamicModules/0/name".into(),
            json!("other"),
            "no EnvoyProxy registers the module",
        ),
        (
            ENVOY_GATEWAY,
            "EnvoyProxy rustformations",
            "/spec/dynamicModules/0/source/local/path".into(),
            json!("/lib/librust_module.so"),
            "no volume has /lib/librust_module.so",
        ),
        (
            ENVOY_GATEWAY,
            "EnvoyProxy rustformations",
            format!("{eg}/pod/volumes/0/name"),
            json!("x"),
            "no volume \"module\"",
        ),
        (
            ENVOY_GATEWAY,
            "EnvoyProxy rustformations",
            format!("{eg}/container/securityContext/readOnlyRootFilesystem"),
            Value::Null,
            "it should be true",
        ),
        (
            ENVOY_GATEWAY_LAB,
            "EnvoyProxy rustformations",
            format!("{eg}/initContainers/0/image"),
            json!("rustformations/envoy-wrapper:latest"),
            "is another one tomorrow",
        ),
        (
            ENVOY_GATEWAY,
            "EnvoyPatchPolicy failover",
            "/spec/jsonPatches/1/name".into(),
            json!("httproute/llm-eg/llama/rule/1"),
            "Envoy Gateway makes no",
        ),
        (
            ENVOY_GATEWAY,
            "EnvoyPatchPolicy failover",
            "/spec/jsonPatches/0/name".into(),
            json!("llm-eg/llm/http"),
            "Envoy Gateway makes no",
        ),
        (
            ENVOY_GATEWAY,
            "ClientTrafficPolicy llm",
            "/spec/headers/earlyRequestHeaders".into(),
            Value::Null,
            "nothing removes x-gateway-model-name",
        ),
        (
            ENVOY_GATEWAY,
            "EnvoyExtensionPolicy extract-model",
            "/spec/dynamicModule/0/config/request/extract/0/header".into(),
            json!("x-other"),
            "nothing sets x-gateway-model-name",
        ),
        (
            ENVOY_GATEWAY,
            "HTTPRoute mistral",
            "/spec/rules/0/backendRefs/0/port".into(),
            json!(8001),
            "no Service \"mistral\"",
        ),
        (
            ENVOY_GATEWAY,
            "HTTPRoute catch-all",
            "/spec/rules/0/filters/0/extensionRef/name".into(),
            json!("x"),
            "no HTTPRouteFilter \"x\"",
        ),
    ];
    all_fail(cases);
}

#[test]
fn a_wrong_manifest_of_istio_fails() {
    let cases: Vec<Case> = vec![
        (
            ISTIO,
            "EnvoyFilter extract-model",
            "/spec/configPatches/1/patch/value/typed_config/early_header_mutation_extensions"
                .into(),
            Value::Null,
            "nothing removes x-gateway-model-name",
        ),
        (
            ISTIO,
            "EnvoyFilter extract-model",
            "/spec/configPatches/2/patch/operation".into(),
            json!("INSERT"),
            "\"INSERT\" is not one of",
        ),
        (
            ISTIO,
            "HTTPRoute openai",
            "/spec/rules/0/backendRefs/0/name".into(),
            json!("x"),
            "no ServiceEntry has the host \"x\"",
        ),
        (
            ISTIO,
            "Gateway llm",
            "/spec/infrastructure/parametersRef/name".into(),
            json!("x"),
            "no ConfigMap \"x\"",
        ),
        (
            ISTIO,
            "ConfigMap llm-pods",
            "/data/deployment".into(),
            json!("spec: {template: {spec: {initContainers: [{name: a, image: a}]}}}"),
            "has no tag",
        ),
    ];
    all_fail(cases);
}
