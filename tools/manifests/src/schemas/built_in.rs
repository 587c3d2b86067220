//! The schemas that the repository has itself: of Kubernetes and of the Gateway API from the crates that carry their
//! types, of the other kinds in `reduced/`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use gateway_api::backendtlspolicies::BackendTlsPolicySpec;
use gateway_api::gateways::GatewaySpec;
use gateway_api::httproutes::HttpRouteSpec;
use gateway_api::listenersets::ListenerSetSpec;
use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Namespace, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Value, json};

use super::rules::Rules;
use super::strict::Schema;

/// What `deploy/` uses of kinds whose types no crate carries, by apiVersion and kind: the schema of `spec`.
const REDUCED: &[&str] = &[
    include_str!("reduced/kgateway.yaml"),
    include_str!("reduced/envoy_gateway.yaml"),
    include_str!("reduced/istio.yaml"),
];

/// A kind, and what adds its schema to what the generator defines and refers to it.
type Kind = (&'static str, fn(&mut SchemaGenerator) -> schemars::Schema);

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> schemars::Schema {
    generator.subschema_for::<T>()
}

/// Whole objects.
const OBJECTS: &[Kind] = &[
    ("v1 ConfigMap", of::<ConfigMap>),
    ("v1 Namespace", of::<Namespace>),
    ("v1 Service", of::<Service>),
    ("v1 ServiceAccount", of::<ServiceAccount>),
    ("apps/v1 Deployment", of::<Deployment>),
    (
        "autoscaling/v2 HorizontalPodAutoscaler",
        of::<HorizontalPodAutoscaler>,
    ),
    ("networking.k8s.io/v1 NetworkPolicy", of::<NetworkPolicy>),
    ("policy/v1 PodDisruptionBudget", of::<PodDisruptionBudget>),
];

/// Only the `spec`.
const SPECS: &[Kind] = &[
    ("gateway.networking.k8s.io/v1 Gateway", of::<GatewaySpec>),
    (
        "gateway.networking.k8s.io/v1 HTTPRoute",
        of::<HttpRouteSpec>,
    ),
    (
        "gateway.networking.k8s.io/v1 ListenerSet",
        of::<ListenerSetSpec>,
    ),
    (
        "gateway.networking.k8s.io/v1 BackendTLSPolicy",
        of::<BackendTlsPolicySpec>,
    ),
];

/// Every kind the repository knows.
pub(super) fn kinds(rules: &Rules) -> Result<BTreeMap<String, Schema>> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schemas = BTreeMap::new();
    for (kind, schema) in OBJECTS {
        schemas.insert((*kind).to_owned(), schema(&mut generator).to_value());
    }
    for (kind, schema) in SPECS {
        let spec = schema(&mut generator).to_value();
        schemas.insert((*kind).to_owned(), whole(&spec)?);
    }
    for text in REDUCED {
        let reduced: BTreeMap<String, Value> =
            serde_saphyr::from_str(text).context("a file of reduced/")?;
        for (kind, spec) in reduced {
            schemas.insert(kind, whole(&spec)?);
        }
    }
    let mut kinds = BTreeMap::new();
    for (kind, schema) in schemas {
        let schema = Schema::new(with_definitions(schema)?, rules);
        let schema = schema.with_context(|| kind.clone())?;
        kinds.insert(kind, schema);
    }
    Ok(kinds)
}

/// The schema with what it refers to as `#/$defs/...`.
pub(super) fn with_definitions(mut schema: Value) -> Result<Value> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    for (_, schema) in OBJECTS.iter().chain(SPECS) {
        schema(&mut generator);
    }
    let definitions = serde_json::to_value(generator.take_definitions(true))?;
    let fields = schema.as_object_mut().context("a schema is an object")?;
    fields.insert("$defs".into(), definitions);
    Ok(schema)
}

/// The schema of `metadata`.
pub(super) fn metadata() -> Result<Value> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    Ok(serde_json::to_value(of::<ObjectMeta>(&mut generator))?)
}

/// An object with this `spec`.
fn whole(spec: &Value) -> Result<Value> {
    Ok(json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": metadata()?,
            "spec": spec,
        },
    }))
}
