//! The schemas that the repository has itself: of Kubernetes and of the Gateway API in `kubernetes.json`, of the other kinds
//! in `reduced/`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::rules::Rules;
use super::strict::Schema;

/// What `tools/manifests/kubernetes` prints: types compile for a minute, their schemas are read in no time.
const KUBERNETES: &str = include_str!("kubernetes.json");

/// What `deploy/` uses of kinds whose types no crate carries, by apiVersion and kind: the schema of `spec`.
const REDUCED: &[&str] = &[
    include_str!("reduced/kgateway.yaml"),
    include_str!("reduced/envoy_gateway.yaml"),
    include_str!("reduced/istio.yaml"),
];

/// The schemas by apiVersion and kind, and what they refer to as `#/$defs/...`.
#[derive(Deserialize)]
struct Kubernetes {
    /// Of whole objects.
    objects: BTreeMap<String, Value>,
    /// Of the `spec` alone.
    specs: BTreeMap<String, Value>,
    metadata: Value,
    definitions: Map<String, Value>,
}

impl Kubernetes {
    fn read() -> Result<Self> {
        serde_json::from_str(KUBERNETES).context("kubernetes.json")
    }

    /// The schema with what it refers to.
    fn with_definitions(&self, mut schema: Value) -> Result<Value> {
        let fields = schema.as_object_mut().context("a schema is an object")?;
        fields.insert("$defs".into(), self.definitions.clone().into());
        Ok(schema)
    }
}

/// Every kind the repository knows.
pub(super) fn kinds(rules: &Rules) -> Result<BTreeMap<String, Schema>> {
    let kubernetes = Kubernetes::read()?;
    let mut schemas = kubernetes.objects.clone();
    let whole = |spec: &Value| whole(&kubernetes.metadata, spec);
    for (kind, spec) in &kubernetes.specs {
        schemas.insert(kind.clone(), whole(spec));
    }
    for text in REDUCED {
        let reduced: BTreeMap<String, Value> =
            serde_saphyr::from_str(text).context("a file of reduced/")?;
        for (kind, spec) in reduced {
            schemas.insert(kind, whole(&spec));
        }
    }
    let mut kinds = BTreeMap::new();
    for (kind, schema) in schemas {
        let schema = Schema::new(kubernetes.with_definitions(schema)?, rules);
        let schema = schema.with_context(|| kind.clone())?;
        kinds.insert(kind, schema);
    }
    Ok(kinds)
}

/// The schema with what it refers to as `#/$defs/...`.
pub(super) fn with_definitions(schema: Value) -> Result<Value> {
    Kubernetes::read()?.with_definitions(schema)
}

/// The schema of `metadata`.
pub(super) fn metadata() -> Result<Value> {
    Ok(Kubernetes::read()?.metadata)
}

/// An object with this `spec`.
fn whole(metadata: &Value, spec: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": metadata,
            "spec": spec,
        },
    })
}
