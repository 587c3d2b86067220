//! Envoy under load: each peer with each body.

use std::time::Duration;

use anyhow::{Context, Result};

use super::body::{self, Position};
use super::load;
use super::peers::Peer;
use super::progress;
use super::results::Cell;
use super::sample::Sample;
use super::stage::Stage;

/// What to measure, and how thoroughly.
pub(super) struct Plan {
    pub(super) sizes: Vec<usize>,
    pub(super) positions: Vec<Position>,
    pub(super) rounds: usize,
    pub(super) time: Duration,
}

/// What is measured in every round, with its samples by round.
struct Series {
    peer: Peer,
    size: usize,
    model: Position,
    samples: Vec<Sample>,
}

/// Measures all of them, round by round, so that what changes on the machine meanwhile meets all alike.
pub(super) fn measure(stage: &Stage, plan: &Plan, peers: &[Peer]) -> Result<Vec<Cell>> {
    let mut all = Vec::new();
    for &size in &plan.sizes {
        for &model in &plan.positions {
            for &peer in peers {
                let samples = Vec::new();
                all.push(Series {
                    peer,
                    size,
                    model,
                    samples,
                });
            }
        }
    }
    let count = all.len();
    for round in 1..=plan.rounds {
        for (number, series) in (1..).zip(&mut all) {
            progress::show(format_args!(
                "round {round} of {}, {number} of {count}: {} bytes, model {}, {}",
                plan.rounds, series.size, series.model, series.peer.name
            ));
            let sample = sample(stage, series, plan.time)
                .with_context(|| format!("{}, {} bytes", series.peer.name, series.size))?;
            series.samples.push(sample);
        }
    }
    progress::show(format_args!(""));
    Ok(all.iter().map(|series| series.cell(&all)).collect())
}

fn sample(stage: &Stage, series: &Series, time: Duration) -> Result<Sample> {
    let request = load::request(&body::chat(series.size, series.model));
    Sample::take(&stage.envoy(&series.peer)?, &request, time)
}

impl Series {
    fn cell(&self, all: &[Self]) -> Cell {
        let spread = |of| Sample::spread(&self.samples, of);
        let floor = self.floor(all);
        Cell {
            peer: self.peer.name.to_owned(),
            body_bytes: self.size,
            model: self.model,
            requests: self.samples.iter().map(|sample| sample.requests).sum(),
            cpu_microseconds: spread(|sample| sample.cpu_microseconds),
            router_microseconds: spread(|sample| sample.router_microseconds),
            over_floor_microseconds: floor.map(|floor| Sample::over(&self.samples, &floor.samples)),
            requests_per_second: spread(|sample| sample.requests_per_second),
            p50_microseconds: spread(|sample| sample.p50_microseconds),
            p99_microseconds: spread(|sample| sample.p99_microseconds),
            peak_memory_mebibytes: spread(|sample| sample.peak_memory_mebibytes),
            envoy_busy: spread(|sample| sample.envoy_busy),
        }
    }

    fn floor<'a>(&self, all: &'a [Self]) -> Option<&'a Self> {
        all.iter().find(|other| {
            other.peer.name == self.peer.floor
                && self.peer.name != self.peer.floor
                && (other.size, other.model) == (self.size, self.model)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::PEERS;

    #[test]
    fn each_is_counted_from_its_own_floor() {
        let series = |name: &str, size| Series {
            peer: *PEERS.iter().find(|peer| peer.name == name).unwrap(),
            size,
            model: Position::Last,
            samples: Vec::new(),
        };
        let all = [
            series("none", 368),
            series("buffer", 368),
            series("buffer", 1024),
            series("lua", 1024),
        ];
        let [none, buffer, _, lua] = &all;
        assert!(none.floor(&all).is_none());
        assert_eq!(buffer.floor(&all).unwrap().peer.name, "none");
        let floor = lua.floor(&all).unwrap();
        assert_eq!((floor.peer.name, floor.size), ("buffer", 1024));
    }
}
