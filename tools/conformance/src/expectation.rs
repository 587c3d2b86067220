//! What a case expects.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::matcher::{Field, Text};

/// Everything a case expects. What is not given is not compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    pub(crate) config: Verdict,
    /// Whether the request gets past the filter.
    #[serde(default)]
    pub(crate) upstream_reached: Option<bool>,
    #[serde(default)]
    pub(crate) request_headers: BTreeMap<String, Field>,
    #[serde(default)]
    pub(crate) request_headers_absent: Vec<String>,
    #[serde(default)]
    pub(crate) request_body: Option<Text>,
    #[serde(default)]
    pub(crate) response_status: Option<u16>,
    #[serde(default)]
    pub(crate) response_details: Option<String>,
    #[serde(default)]
    pub(crate) response_headers: BTreeMap<String, Field>,
    #[serde(default)]
    pub(crate) response_headers_absent: Vec<String>,
    #[serde(default)]
    pub(crate) response_body: Option<Text>,
    /// Every write, in order.
    #[serde(default)]
    pub(crate) dynamic_metadata: Option<Vec<Write>>,
    /// What is left in the end.
    #[serde(default)]
    pub(crate) dynamic_metadata_final: Option<FinalMetadata>,
    #[serde(default)]
    pub(crate) callbacks: BTreeMap<Callback, Statuses>,
    /// By how much each counter rises.
    #[serde(default)]
    pub(crate) counter_incremented: BTreeMap<String, u64>,
}

impl Expectation {
    /// Whether nothing but `config` is expected.
    pub(crate) fn is_only_the_verdict(&self) -> bool {
        let Self {
            config: _,
            upstream_reached: None,
            request_headers,
            request_headers_absent,
            request_body: None,
            response_status: None,
            response_details: None,
            response_headers,
            response_headers_absent,
            response_body: None,
            dynamic_metadata: None,
            dynamic_metadata_final: None,
            callbacks,
            counter_incremented,
        } = self
        else {
            return false;
        };
        request_headers.is_empty()
            && request_headers_absent.is_empty()
            && response_headers.is_empty()
            && response_headers_absent.is_empty()
            && callbacks.is_empty()
            && counter_incremented.is_empty()
    }

    /// The metadata that must be there in the end, by namespace and key; `None` if none is expected.
    pub(crate) fn metadata(&self) -> Option<BTreeMap<(String, String), Value>> {
        let entries: Vec<(String, String, Value)> = match &self.dynamic_metadata_final {
            Some(end) => end.entries(),
            None => {
                let writes = self.dynamic_metadata.as_ref()?;
                writes.iter().cloned().map(Write::entry).collect()
            }
        };
        let keyed = entries
            .into_iter()
            .map(|(namespace, key, value)| ((namespace, key), value));
        Some(keyed.collect())
    }
}

/// What becomes of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    #[default]
    Accepted,
    Rejected,
}

/// One write of dynamic metadata, as an object or as a triple.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Write {
    Triple(String, String, Value),
    Named(NamedWrite),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedWrite {
    namespace: String,
    key: String,
    value: Value,
}

impl Write {
    fn entry(self) -> (String, String, Value) {
        match self {
            Self::Triple(namespace, key, value) => (namespace, key, value),
            Self::Named(write) => (write.namespace, write.key, write.value),
        }
    }
}

/// The metadata in the end: a list as for writes, or objects by namespace and key.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum FinalMetadata {
    Entries(Vec<Write>),
    Namespaces(BTreeMap<String, Map<String, Value>>),
}

impl FinalMetadata {
    fn entries(&self) -> Vec<(String, String, Value)> {
        match self {
            Self::Entries(writes) => writes.iter().cloned().map(Write::entry).collect(),
            Self::Namespaces(namespaces) => namespaces
                .iter()
                .flat_map(|(namespace, keys)| {
                    let keys = keys.iter();
                    keys.map(|(key, value)| (namespace.clone(), key.clone(), value.clone()))
                })
                .collect(),
        }
    }
}

/// A callback of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) enum Callback {
    #[serde(rename = "on_request_headers")]
    RequestHeaders,
    #[serde(rename = "on_request_body")]
    RequestBody,
    #[serde(rename = "on_request_trailers")]
    RequestTrailers,
    #[serde(rename = "on_response_headers")]
    ResponseHeaders,
    #[serde(rename = "on_response_body")]
    ResponseBody,
    #[serde(rename = "on_response_trailers")]
    ResponseTrailers,
}

impl Callback {
    pub(crate) fn is_of_the_request(self) -> bool {
        matches!(
            self,
            Self::RequestHeaders | Self::RequestBody | Self::RequestTrailers
        )
    }
}

/// What the calls of a callback return.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Statuses {
    /// The last call returns this.
    Last(Status),
    /// One for each call.
    Each(Vec<Status>),
}

/// What a callback returns, in the names of Envoy's Rust SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Status {
    Continue,
    StopIteration,
    StopIterationAndBuffer,
    StopIterationAndWatermark,
    StopIterationNoBuffer,
    StopAllIterationAndBuffer,
    StopAllIterationAndWatermark,
}

impl Status {
    /// Whether what the callback was given goes on to the other side.
    pub(crate) fn passes(self) -> bool {
        self == Self::Continue
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Expectation;

    #[test]
    fn the_last_write_of_a_key_is_left() {
        let expectation: Expectation = serde_json::from_value(json!({
            "config": "accepted",
            "dynamic_metadata": [["n", "k", "1"], {"namespace": "n", "key": "k", "value": "2"}],
        }))
        .unwrap();
        let end = expectation.metadata().unwrap();
        assert_eq!(
            end.into_iter().collect::<Vec<_>>(),
            [(("n".into(), "k".into()), json!("2"))]
        );
        let expectation: Expectation = serde_json::from_value(json!({
            "config": "accepted",
            "dynamic_metadata_final": {"n": {"k": "3"}},
        }))
        .unwrap();
        assert_eq!(
            expectation.metadata().unwrap()[&("n".into(), "k".into())],
            json!("3")
        );
    }
}
