//! The objects by name, the pods they make, and what is wrong so far.

use std::collections::{BTreeMap, BTreeSet};

use harness::{Manifests, Object};
use serde_json::Value;

use super::super::report::{Problem, identity};
use super::BROUGHT;

pub(super) type Labels = BTreeMap<String, String>;

/// Pods that an object makes, or that a controller makes for it.
pub(super) struct Pods {
    pub(super) labels: Labels,
    pub(super) ports: Vec<Port>,
}

/// A port of a container.
pub(super) struct Port {
    pub(super) name: Option<String>,
    pub(super) number: u64,
}

/// What the checks look things up in, and write what they find into.
pub(super) struct Index<'a> {
    pub(super) manifests: &'a Manifests,
    pub(super) pods: Vec<Pods>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Index<'a> {
    pub(super) fn new(manifests: &'a Manifests) -> Self {
        let deployments = manifests.of_kind("Deployment").map(of_deployment);
        let gateways = manifests.of_kind("Gateway");
        Self {
            manifests,
            pods: deployments
                .chain(gateways.map(|gateway| of_gateway(manifests, gateway)))
                .chain(brought(manifests))
                .collect(),
            problems: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, object: &Object, place: &str, what: impl Into<String>) {
        self.problems.push(Problem::new(object, place, what.into()));
    }

    /// Each name once, and everything in the namespace that is there.
    pub(super) fn check_names(&mut self) {
        let manifests = self.manifests;
        // A part of other kustomizations has none.
        let mut namespaces = manifests.of_kind("Namespace").map(Object::name);
        let namespace = namespaces.next().unwrap_or_default();
        let mut seen = BTreeSet::new();
        for object in &manifests.objects {
            if !seen.insert((object.api_version(), identity(object))) {
                self.problem(object, "", "it is there twice");
            }
            if object.kind() != "Namespace" && object.namespace() != namespace {
                let what = format!("no Namespace {:?}", object.namespace());
                self.problem(object, "/metadata/namespace", what);
            }
        }
    }

    pub(super) fn require(&mut self, object: &Object, place: &str, kind: &str, name: &str) {
        if self.manifests.find(kind, name).is_none() {
            self.problem(object, place, format!("no {kind} {name:?}"));
        }
    }

    /// The pods that a label selector selects.
    pub(super) fn selected(&self, selector: &Value) -> impl Iterator<Item = &Pods> {
        let wanted = labels(selector.get("matchLabels"));
        self.pods
            .iter()
            .filter(move |pods| contains(&pods.labels, &wanted))
    }

    /// Says so where a selector selects nothing.
    pub(super) fn require_pods(&mut self, object: &Object, place: &str, selector: &Value) {
        if self.selected(selector).next().is_none() {
            self.problem(object, place, "it selects no pods");
        }
    }
}

impl Pods {
    /// Whether a port, by number or by name, is one of theirs.
    pub(super) fn has(&self, port: &Value) -> bool {
        self.ports.iter().any(|own| match port {
            Value::String(name) => own.name.as_ref() == Some(name),
            port => port.as_u64() == Some(own.number),
        })
    }
}

pub(super) fn labels(value: Option<&Value>) -> Labels {
    let labels = value.and_then(Value::as_object).into_iter().flatten();
    labels
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// What is at a JSON Pointer; null if there is nothing.
pub(super) fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

pub(super) fn contains(labels: &Labels, wanted: &Labels) -> bool {
    wanted
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

fn of_deployment(deployment: &Object) -> Pods {
    let containers = deployment.items("/spec/template/spec/containers");
    let ports = containers
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten();
    Pods {
        labels: labels(deployment.0.pointer("/spec/template/metadata/labels")),
        ports: ports
            .filter_map(|port| {
                Some(Port {
                    name: port
                        .get("name")
                        .and_then(Value::as_str)
                        .map(ToOwned::to_owned),
                    number: port.get("containerPort")?.as_u64()?,
                })
            })
            .collect(),
    }
}

/// The pods of the model servers that the owner brings, where routes lead to them.
fn brought(manifests: &Manifests) -> Option<Pods> {
    let mut ports = manifests
        .of_kind("HTTPRoute")
        .flat_map(|route| route.items("/spec/rules"))
        .flat_map(|rule| rule["backendRefs"].as_array().into_iter().flatten())
        .filter_map(|backend| backend.get("port")?.as_u64());
    let number = ports.find(|port| BROUGHT.iter().any(|(_, known)| known == port))?;
    let label = ("app.kubernetes.io/component".to_owned(), "model".to_owned());
    Some(Pods {
        labels: Labels::from([label]),
        ports: vec![Port { name: None, number }],
    })
}

/// The pods that kgateway makes: one port for each listener, and one for metrics.
fn of_gateway(manifests: &Manifests, gateway: &Object) -> Pods {
    let name = gateway.name();
    let sets = manifests
        .of_kind("ListenerSet")
        .filter(|set| set.text("/spec/parentRef/name") == name);
    let listeners = sets
        .chain([gateway])
        .flat_map(|object| object.items("/spec/listeners"));
    let ports = listeners.filter_map(|listener| listener.get("port")?.as_u64());
    Pods {
        labels: Labels::from([(
            "gateway.networking.k8s.io/gateway-name".to_owned(),
            name.to_owned(),
        )]),
        ports: ports
            .chain([9091])
            .map(|number| Port { name: None, number })
            .collect(),
    }
}
