//! How pods are confined: Kubernetes' "restricted" Pod Security Standard, a root file system that cannot be written,
//! bounded memory, and probes.

use harness::{Manifests, Object};
use serde_json::{Value, json};

use super::report::Problem;

/// Below a container.
const CONTAINER: &[(&str, Expected)] = &[
    (
        "/securityContext/allowPrivilegeEscalation",
        Expected::Is(false),
    ),
    (
        "/securityContext/readOnlyRootFilesystem",
        Expected::Is(true),
    ),
    (
        "/securityContext/capabilities/drop/0",
        Expected::Text("ALL"),
    ),
    ("/resources/requests/cpu", Expected::Present),
    ("/resources/requests/memory", Expected::Present),
    ("/resources/limits/memory", Expected::Present),
];

/// Below a pod's specification.
const POD: &[(&str, Expected)] = &[
    ("/securityContext/runAsNonRoot", Expected::Is(true)),
    (
        "/securityContext/seccompProfile/type",
        Expected::Text("RuntimeDefault"),
    ),
];

/// Below an EnvoyProxy.
const ENVOY_GATEWAY: &str = "/spec/provider/kubernetes/envoyDeployment";

/// Stands in for models; nobody's traffic depends on it.
const MOCK: &str = "sharat87/httpbun:latest";

#[derive(Clone, Copy)]
enum Expected {
    Present,
    Is(bool),
    Text(&'static str),
}

/// Everything left open.
pub(super) fn problems(manifests: &Manifests) -> Vec<Problem> {
    let mut problems = Vec::new();
    for object in manifests.of_kind("Deployment") {
        let pod = "/spec/template/spec";
        expect(object, pod, POD, &mut problems);
        let token = [("/automountServiceAccountToken", Expected::Is(false))];
        expect(object, pod, &token, &mut problems);
        for list in ["initContainers", "containers"] {
            let containers = object.items(&format!("{pod}/{list}"));
            for (number, container) in containers.enumerate() {
                let place = format!("{pod}/{list}/{number}");
                expect(object, &place, CONTAINER, &mut problems);
                image(object, &place, container, &mut problems);
                if list == "containers" {
                    let probes = ["/startupProbe", "/readinessProbe"];
                    let probes = probes.map(|probe| (probe, Expected::Present));
                    expect(object, &place, &probes, &mut problems);
                }
            }
        }
    }
    for object in manifests.of_kind("GatewayParameters") {
        expect(object, "/spec/kube/podTemplate", POD, &mut problems);
        expect(
            object,
            "/spec/kube/envoyContainer",
            CONTAINER,
            &mut problems,
        );
    }
    for object in manifests.of_kind("EnvoyProxy") {
        expect(object, &format!("{ENVOY_GATEWAY}/pod"), POD, &mut problems);
        let place = format!("{ENVOY_GATEWAY}/container");
        expect(object, &place, CONTAINER, &mut problems);
        init_containers(object, ENVOY_GATEWAY, &mut problems);
    }
    for overlay in manifests.of_kind("ConfigMap") {
        let Some(text) = overlay
            .0
            .pointer("/data/deployment")
            .and_then(Value::as_str)
        else {
            continue;
        };
        // What Istio lays over a Deployment of its own, which is confined.
        match serde_saphyr::from_str::<Value>(text) {
            Ok(deployment) => {
                let mut object = overlay.clone();
                if let Some(text) = object.0.pointer_mut("/data/deployment") {
                    *text = deployment;
                }
                let pod = "/data/deployment/spec/template/spec";
                init_containers(&object, pod, &mut problems);
            }
            Err(error) => {
                let what = format!("it is no YAML: {error}");
                problems.push(Problem::new(overlay, "/data/deployment", what));
            }
        }
    }
    for object in manifests.of_kind("Namespace") {
        let enforce = "/pod-security.kubernetes.io~1enforce";
        let labels = [(enforce, Expected::Text("restricted"))];
        expect(object, "/metadata/labels", &labels, &mut problems);
    }
    problems
}

fn init_containers(object: &Object, pod: &str, problems: &mut Vec<Problem>) {
    let containers = object.items(&format!("{pod}/initContainers"));
    for (number, container) in containers.enumerate() {
        let place = format!("{pod}/initContainers/{number}");
        expect(object, &place, CONTAINER, problems);
        image(object, &place, container, problems);
    }
}

fn expect(object: &Object, base: &str, expected: &[(&str, Expected)], into: &mut Vec<Problem>) {
    for (pointer, expected) in expected {
        let place = format!("{base}{pointer}");
        let value = object.0.pointer(&place);
        let (right, wanted) = match expected {
            Expected::Present => (value.is_some(), "there".to_owned()),
            Expected::Is(wanted) => (value == Some(&json!(wanted)), wanted.to_string()),
            Expected::Text(wanted) => (value == Some(&json!(wanted)), (*wanted).to_owned()),
        };
        if !right {
            into.push(Problem::new(
                object,
                &place,
                format!("it should be {wanted}"),
            ));
        }
    }
}

/// An image with a digest or a tag that stays, or what runs depends on the day.
fn image(object: &Object, place: &str, container: &Value, into: &mut Vec<Problem>) {
    let image = container
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let what = if !name.contains([':', '@']) {
        format!("the image {image:?} has no tag")
    } else if name.ends_with(":latest") && image != MOCK {
        format!("the image {image:?} is another one tomorrow")
    } else {
        return;
    };
    into.push(Problem::new(object, &format!("{place}/image"), what));
}
