//! What a case expects.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use cases::{Callback, Change, Condition, Expect, Field, Matcher, Passage, Passages, Writes};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Everything a case expects. What is not given is not compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    config: Verdict,
    /// Whether the request gets past the filter.
    #[serde(default)]
    upstream_reached: Option<bool>,
    #[serde(default)]
    request_headers: BTreeMap<String, Lines>,
    #[serde(default)]
    request_headers_absent: Vec<String>,
    #[serde(default)]
    request_body: Option<Text>,
    #[serde(default)]
    response_status: Option<u16>,
    #[serde(default)]
    response_details: Option<String>,
    #[serde(default)]
    response_headers: BTreeMap<String, Lines>,
    #[serde(default)]
    response_headers_absent: Vec<String>,
    #[serde(default)]
    response_body: Option<Text>,
    /// Every write, in order.
    #[serde(default)]
    dynamic_metadata: Option<Vec<Write>>,
    /// What is left in the end.
    #[serde(default)]
    dynamic_metadata_final: Option<FinalMetadata>,
    #[serde(default)]
    callbacks: BTreeMap<Callback, Statuses>,
    /// By how much each counter rises.
    #[serde(default)]
    counter_incremented: BTreeMap<String, u64>,
}

impl Expectation {
    /// # Errors
    /// A regular expression that is none.
    pub(crate) fn expect(self) -> Result<Expect> {
        let metadata = match self.dynamic_metadata_final {
            Some(end) => Some(end.entries()),
            None => self
                .dynamic_metadata
                .map(|writes| writes.into_iter().map(Write::entry).collect()),
        };
        let callbacks = self.callbacks.into_iter();
        let mut response = change(
            self.response_headers,
            self.response_headers_absent,
            self.response_body,
        )?;
        if let Some(status) = self.response_status {
            let status = Field::One(Matcher::exact(status.to_string()));
            let change = response.get_or_insert_default();
            change.headers.insert(":status".to_owned(), status);
        }
        Ok(Expect {
            partial: true,
            refused: self.config == Verdict::Rejected,
            upstream_reached: self.upstream_reached,
            request: change(
                self.request_headers,
                self.request_headers_absent,
                self.request_body,
            )?,
            response,
            details: self.response_details,
            metadata: metadata.map(Writes),
            counters: self.counter_incremented,
            callbacks: callbacks
                .map(|(callback, statuses)| (callback, statuses.passages()))
                .collect(),
            ..Expect::default()
        })
    }
}

/// What is expected of a message, if anything is.
fn change(
    headers: BTreeMap<String, Lines>,
    absent: Vec<String>,
    body: Option<Text>,
) -> Result<Option<Change>> {
    let mut named = BTreeMap::new();
    for (name, lines) in headers {
        named.insert(canonical(&name), lines.field()?);
    }
    for name in absent {
        named.insert(canonical(&name), Field::Absent);
    }
    let body = body.map(Text::matcher).transpose()?;
    let nothing = named.is_empty() && body.is_none();
    Ok((!nothing).then(|| Change {
        headers: named,
        body,
        ..Change::default()
    }))
}

/// The name of a field. `host` is `:authority` to Envoy.
pub(crate) fn canonical(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name == "host" {
        ":authority".to_owned()
    } else {
        name
    }
}

/// The lines of a header field.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Lines {
    /// Exactly one, and it is this.
    Value(String),
    /// Exactly these, in order.
    Values(Vec<String>),
    /// Exactly one, and it matches.
    Matching(Box<Conditions>),
}

impl Lines {
    pub(crate) fn field(self) -> Result<Field> {
        Ok(match self {
            Self::Value(value) => Field::One(Matcher::exact(value)),
            Self::Values(values) => Field::Lines(values.into_iter().map(Matcher::exact).collect()),
            Self::Matching(conditions) => Field::One(conditions.matcher()?),
        })
    }
}

/// A body.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    /// This, or with `$same` what went into the filter.
    Exactly(String),
    /// Something that matches.
    Matching(Box<Conditions>),
}

impl Text {
    fn matcher(self) -> Result<Matcher> {
        match self {
            Self::Exactly(same) if same == "$same" => Ok(Matcher(vec![Condition::Unchanged])),
            Self::Exactly(text) => Ok(Matcher::exact(text)),
            Self::Matching(conditions) => conditions.matcher(),
        }
    }
}

/// Conditions that must hold together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conditions {
    #[serde(default)]
    exact: Option<String>,
    #[serde(default)]
    trimmed: Option<String>,
    #[serde(default)]
    contains: Option<String>,
    #[serde(default)]
    regex: Option<String>,
    #[serde(default)]
    json_equals: Option<Value>,
    #[serde(default)]
    json_contains: Option<Value>,
}

impl Conditions {
    fn matcher(self) -> Result<Matcher> {
        let regex = self.regex.as_deref().map(fancy_regex::Regex::new);
        let regex = regex.transpose().context("regex")?;
        let conditions = [
            self.exact.map(|text| Condition::Exact(text.into_bytes())),
            self.trimmed.map(Condition::Trimmed),
            self.contains.map(Condition::Contains),
            regex.map(|regex| Condition::Regex(Box::new(regex))),
            self.json_equals.map(Condition::Json),
            self.json_contains.map(Condition::JsonContains),
        ];
        let conditions: Vec<Condition> = conditions.into_iter().flatten().collect();
        ensure!(!conditions.is_empty(), "a matcher without a condition");
        Ok(Matcher(conditions))
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

/// What the calls of a callback return.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Statuses {
    /// The last call returns this.
    Last(Status),
    /// One for each call.
    Each(Vec<Status>),
}

impl Statuses {
    fn passages(self) -> Passages {
        match self {
            Self::Last(status) => Passages::Last(status.passage()),
            Self::Each(statuses) => {
                Passages::Each(statuses.into_iter().map(Status::passage).collect())
            }
        }
    }
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
    /// What becomes of what the callback was given.
    fn passage(self) -> Passage {
        match self {
            Self::Continue => Passage::Passes,
            _ => Passage::Held,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Expectation;

    #[test]
    fn metadata_is_written_in_many_ways() {
        let expectation: Expectation = serde_json::from_value(json!({
            "config": "accepted",
            "dynamic_metadata": [["n", "k", "1"], {"namespace": "n", "key": "k", "value": "2"}],
        }))
        .unwrap();
        let wrote = |value: &str| ("n".to_owned(), "k".to_owned(), json!(value));
        let writes = expectation.expect().unwrap().metadata.unwrap();
        assert_eq!(writes.0, [wrote("1"), wrote("2")]);
        let expectation: Expectation = serde_json::from_value(json!({
            "config": "accepted",
            "dynamic_metadata_final": {"n": {"k": "3"}},
        }))
        .unwrap();
        let writes = expectation.expect().unwrap().metadata.unwrap();
        assert_eq!(writes.0, [wrote("3")]);
    }
}
