//! What a program of `sdks/` reports.

use std::fmt;

use serde::Deserialize;
use summary::Tally;

/// Whom an SDK calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// A mock LLM, with no Envoy before it.
    Direct,
    /// The gateway of `unified-endpoint.yaml`.
    Unified,
    /// The gateway of `llm-gateway.yaml`.
    Llm,
}

/// A line of a program: a trial as the SDK saw it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    pub(super) capability: String,
    pub(super) name: String,
    pub(super) place: Place,
    /// The cluster that has to get its requests.
    pub(super) cluster: String,
    /// How many requests have to reach that cluster.
    pub(super) requests: usize,
    /// Whether the SDK has left its stream.
    pub(super) left: bool,
    /// What went wrong.
    pub(super) error: Option<String>,
    pub(super) seconds: f64,
}

impl Seen {
    /// Whether the same call has just been made without Envoy.
    pub(super) fn is_compared(&self) -> bool {
        ["calls", "streams"].contains(&self.capability.as_str())
    }
}

/// What became of a trial, by the SDK and by the mocks.
#[derive(Debug)]
pub(super) struct Trial {
    capability: String,
    name: String,
    error: Option<String>,
    seconds: f64,
}

impl Trial {
    pub(super) fn new(seen: &Seen, error: Option<String>) -> Self {
        Self {
            capability: seen.capability.clone(),
            name: seen.name.clone(),
            error,
            seconds: seen.seconds,
        }
    }

    pub(super) fn capability(&self) -> &str {
        &self.capability
    }

    pub(super) fn tally(&self) -> Tally {
        match self.error {
            Some(_) => Tally::FAILED,
            None => Tally {
                passed: 1,
                ..Tally::default()
            },
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            capability,
            name,
            error,
            seconds,
        } = self;
        match error {
            Some(error) => write!(formatter, "{capability}, {name}: FAILED: {error}"),
            None => write!(formatter, "{capability}, {name}: ok, {seconds:.2} s"),
        }
    }
}
