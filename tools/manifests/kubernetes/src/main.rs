//! Prints the schemas of Kubernetes' and the Gateway API's kinds that `deploy/` uses, from the crates that carry their
//! types. Redirect it into `tools/manifests/src/schemas/kubernetes.json`.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;
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

fn main() -> Result<()> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schemas = |kinds: &[Kind]| -> BTreeMap<String, Value> {
        let kinds = kinds.iter();
        let schema = |(kind, of): &Kind| ((*kind).to_owned(), of(&mut generator).to_value());
        kinds.map(schema).collect()
    };
    let (objects, specs) = (schemas(OBJECTS), schemas(SPECS));
    let metadata = of::<ObjectMeta>(&mut generator).to_value();
    let mut written = json!({
        "objects": objects,
        "specs": specs,
        "metadata": metadata,
        "definitions": generator.take_definitions(true),
    });
    leave_out_prose(&mut written);
    let mut text = serde_json::to_string_pretty(&written)?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// Takes out what describes a schema. A property of that name is a schema itself, and stays.
fn leave_out_prose(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| name != "description" || !value.is_string());
            fields.values_mut().for_each(leave_out_prose);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_prose),
        _ => {}
    }
}
