//! What a run found out: what `--json` writes and `--from` reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answers::Kind;
use super::body::Position;
use super::comparison::Condition;
use super::machine::Machine;
use super::spread::Spread;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Results {
    /// When, in UTC.
    pub(super) date: String,
    /// The commit measured, with `-dirty` if files differed from it.
    pub(super) commit: String,
    pub(super) envoy: String,
    pub(super) machine: Machine,
    pub(super) seconds: f64,
    pub(super) rounds: usize,
    pub(super) connections: usize,
    pub(super) peers: Vec<Measured>,
    /// Peers that were not measured.
    pub(super) left_out: Vec<LeftOut>,
    pub(super) cells: Vec<Cell>,
    pub(super) first_byte: Vec<FirstByte>,
    pub(super) scale: Vec<RouteTable>,
    #[serde(default)]
    pub(super) instructions: Vec<Instructions>,
    #[serde(default)]
    pub(super) answers: Option<Answers>,
    #[serde(default)]
    pub(super) comparisons: BTreeMap<Condition, Vec<Row>>,
}

/// A peer that was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) about: String,
    /// The peer that its cost is counted from.
    pub(super) floor: String,
    /// Whether it is this workspace's module.
    pub(super) ours: bool,
}

/// A peer that was not measured, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeftOut {
    pub(super) name: String,
    pub(super) reason: String,
}

/// One peer under load with one body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cell {
    pub(super) peer: String,
    pub(super) body_bytes: usize,
    pub(super) model: Position,
    /// In all rounds.
    pub(super) requests: usize,
    /// The processor time of Envoy and the router per request, user and kernel mode.
    pub(super) cpu_microseconds: Spread,
    /// The router's part of it; nothing where no router is asked.
    #[serde(default)]
    pub(super) router_microseconds: Spread,
    /// The same less that of the floor in the same round; nothing for a floor of its own.
    pub(super) over_floor_microseconds: Option<Spread>,
    pub(super) requests_per_second: Spread,
    pub(super) p50_microseconds: Spread,
    pub(super) p99_microseconds: Spread,
    /// The most resident memory that Envoy ever had.
    pub(super) peak_memory_mebibytes: Spread,
    /// The share of the time that Envoy computed; near 1 if it was the bottleneck.
    pub(super) envoy_busy: Spread,
}

/// One filter with one body under another condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// What the condition is here, such as a protocol; empty where it is the same in all rows.
    pub(super) setting: String,
    pub(super) peer: String,
    pub(super) body_bytes: usize,
    pub(super) rounds: usize,
    /// In all rounds.
    pub(super) requests: usize,
    /// Those that were due at the rate, and for which no connection was free.
    pub(super) missed: usize,
    /// The processor time of Envoy and the router per request, user and kernel mode.
    pub(super) cpu_microseconds: Spread,
    /// The router's part of it; nothing where no router is asked.
    pub(super) router_microseconds: Spread,
    /// The same less that of no filter in the same round; nothing for no filter, here and below.
    pub(super) cpu_over_none_microseconds: Option<Spread>,
    /// Where the median of it lies with a certainty of 95 %; nothing for fewer than eight rounds.
    pub(super) cpu_over_none_interval: Option<(f64, f64)>,
    pub(super) requests_per_second: Spread,
    pub(super) p50_microseconds: Spread,
    pub(super) p99_microseconds: Spread,
    pub(super) p999_microseconds: Spread,
    pub(super) p50_over_none_microseconds: Option<Spread>,
    pub(super) p99_over_none_microseconds: Option<Spread>,
    pub(super) p999_over_none_microseconds: Option<Spread>,
    /// Processors that Envoy computed on, on average.
    pub(super) envoy_busy: Spread,
}

/// How long a slow client's request takes to show at the upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FirstByte {
    pub(super) peer: String,
    pub(super) model: Position,
    /// From the client's first byte to the first byte of the body at the upstream.
    pub(super) milliseconds: Spread,
    /// From the client's first byte to the end of the response.
    pub(super) whole_milliseconds: Spread,
}

/// What Envoy executes for one request, `model` last.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instructions {
    pub(super) peer: String,
    pub(super) body_bytes: usize,
    /// How many it is the mean of.
    pub(super) requests: u64,
    pub(super) per_request: u64,
    /// Those in `librust_module.so` itself, whosever it is; what it calls in Envoy or the C library is not.
    pub(super) in_module_per_request: u64,
}

/// An Envoy with a large route table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteTable {
    /// What each route configures.
    pub(super) name: String,
    pub(super) routes: usize,
    /// From the start of the process.
    pub(super) ready_milliseconds: Spread,
    pub(super) memory_mebibytes: Spread,
    pub(super) peak_memory_mebibytes: Spread,
}

/// What reading and editing answers costs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answers {
    /// Those of the stream.
    pub(super) events: usize,
    pub(super) stream_bytes: usize,
    pub(super) json_bytes: usize,
    pub(super) peers: Vec<AnswerPeer>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) cells: Vec<AnswerCell>,
    pub(super) first_event: Vec<FirstEvent>,
    pub(super) endless: Vec<Endless>,
}

/// A way to treat answers of a kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerPeer {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) answer: Kind,
    /// Whether it is this workspace's module.
    pub(super) ours: bool,
    /// What it may cost over no filter.
    pub(super) budget_microseconds: Option<f64>,
}

/// One of them under load.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerCell {
    pub(super) peer: String,
    pub(super) answer: Kind,
    /// In all rounds.
    pub(super) answers: usize,
    /// Envoy's processor time per answer, user and kernel mode.
    pub(super) cpu_microseconds: Spread,
    /// The same less that of no filter in the same round.
    pub(super) over_none_microseconds: Option<Spread>,
    pub(super) answers_per_second: Spread,
    pub(super) p99_microseconds: Spread,
    /// The most resident memory that Envoy ever had.
    pub(super) peak_memory_mebibytes: Spread,
    /// The share of the time that Envoy computed; near 1 if it was the bottleneck.
    pub(super) envoy_busy: Spread,
}

/// How long the first event of a stream that goes on later takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FirstEvent {
    pub(super) peer: String,
    /// From the request to the first byte of the body at the client.
    pub(super) microseconds: Spread,
}

/// Envoy's resident memory while one stream passes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Endless {
    pub(super) peer: String,
    pub(super) bytes: u64,
    /// When a sixteenth had passed.
    pub(super) early_mebibytes: f64,
    /// The most from then on.
    pub(super) most_mebibytes: f64,
}

impl Results {
    /// The cell of this peer, if it was measured.
    pub(super) fn cell(&self, peer: &str, body_bytes: usize, model: Position) -> Option<&Cell> {
        self.cells
            .iter()
            .find(|cell| cell.peer == peer && cell.body_bytes == body_bytes && cell.model == model)
    }

    /// The sizes measured, in the order of measuring.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let mut sizes = Vec::new();
        for cell in &self.cells {
            if !sizes.contains(&cell.body_bytes) {
                sizes.push(cell.body_bytes);
            }
        }
        sizes
    }
}
