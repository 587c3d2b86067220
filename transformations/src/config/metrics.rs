//! The key `metrics`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What the module counts and measures of each request, for Prometheus and for Envoy's other sinks of
/// statistics. In the listener's configuration only: Envoy gives a route's no way to define a metric.
/// `docs/metrics.md` lists the metrics. Where the listener's configuration has no `metrics`, the variable
/// `RUSTFORMATIONS_METRICS` of the Envoy process may hold the same object, as JSON.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `labels` and `maxValues`")]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// Labels of every metric of a request, each with the CEL expression of its value, such as
    /// `model: extracted.model`. At most 8. An expression may name what was extracted, the
    /// request's headers as they went on, or as they arrived where they are gone, its connection and
    /// metadata, but no body and no response. One that fails,
    /// or gives nothing, gives `none`. A value is cut to 128 bytes, and `_` replaces control characters.
    /// Example: `metrics: {labels: {tenant: "request.headers['x-tenant']"}}`
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = 8, "propertyNames" = {"pattern": "^[A-Za-z][A-Za-z0-9_]*$"})))]
    pub labels: BTreeMap<String, String>,
    /// How many different combinations of the labels' values the metrics tell apart, from 1 to 10000. Each
    /// is about 120 time series. Of a request with another combination every label is `other`.
    /// Example: `metrics: {labels: {method: request.method}, maxValues: 10}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10000)))]
    #[serde(deserialize_with = "diagnostics::whole")]
    pub max_values: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            labels: BTreeMap::new(),
            max_values: 100,
        }
    }
}
