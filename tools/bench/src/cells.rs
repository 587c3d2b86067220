//! Envoy under load: each peer with each body.

use std::time::Duration;

use anyhow::{Context, Result};

use super::body::{self, Position};
use super::load;
use super::peers::Peer;
use super::progress;
use super::results::Cell;
use super::spread::{Spread, quantile};
use super::stage::Stage;

/// What is sent before the measurement, for connections, caches and allocators to settle.
const WARM_UP: Duration = Duration::from_millis(300);

/// What to measure, and how thoroughly.
pub(super) struct Plan {
    pub(super) sizes: Vec<usize>,
    pub(super) positions: Vec<Position>,
    pub(super) rounds: usize,
    pub(super) time: Duration,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Sample {
    requests: usize,
    cpu_microseconds: f64,
    requests_per_second: f64,
    p50_microseconds: f64,
    p99_microseconds: f64,
    peak_memory_mebibytes: f64,
    envoy_busy: f64,
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
    let running = stage.envoy(&series.peer)?;
    let mut load = running.load()?;
    load.run(&request, WARM_UP.min(time))?;
    let before = running.envoy.cpu_time()?;
    let served = load.run(&request, time)?;
    let cpu = running
        .envoy
        .cpu_time()?
        .saturating_sub(before)
        .as_secs_f64();
    let mut latencies = served.latencies;
    latencies.sort_unstable();
    let requests = latencies.len();
    let microseconds = |share| quantile(&latencies, share).as_secs_f64() * 1e6;
    let elapsed = served.elapsed.as_secs_f64();
    Ok(Sample {
        requests,
        cpu_microseconds: cpu / requests.max(1) as f64 * 1e6,
        requests_per_second: requests as f64 / elapsed,
        p50_microseconds: microseconds(0.5),
        p99_microseconds: microseconds(0.99),
        peak_memory_mebibytes: mebibytes(running.envoy.peak_memory()?),
        envoy_busy: cpu / elapsed,
    })
}

impl Series {
    fn cell(&self, all: &[Self]) -> Cell {
        let spread = |of: fn(&Sample) -> f64| Spread::of(self.samples.iter().map(of));
        Cell {
            peer: self.peer.name.to_owned(),
            body_bytes: self.size,
            model: self.model,
            requests: self.samples.iter().map(|sample| sample.requests).sum(),
            cpu_microseconds: spread(|sample| sample.cpu_microseconds),
            over_floor_microseconds: self.over(self.floor(all)),
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

    /// The difference to the floor within each round.
    fn over(&self, floor: Option<&Self>) -> Option<Spread> {
        let rounds = self.samples.iter().zip(&floor?.samples);
        Some(Spread::of(rounds.map(|(sample, floor)| {
            sample.cpu_microseconds - floor.cpu_microseconds
        })))
    }
}

pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::PEERS;

    #[test]
    fn costs_are_counted_from_the_floor_of_the_same_round() {
        let series = |name, cpu: [f64; 3]| Series {
            peer: *PEERS.iter().find(|peer| peer.name == name).unwrap(),
            size: 368,
            model: Position::Last,
            samples: cpu
                .map(|cpu_microseconds| Sample {
                    requests: 10,
                    cpu_microseconds,
                    requests_per_second: 0.0,
                    p50_microseconds: 0.0,
                    p99_microseconds: 0.0,
                    peak_memory_mebibytes: 0.0,
                    envoy_busy: 0.0,
                })
                .to_vec(),
        };
        // A machine that grows slower, and a filter that always costs 2.
        let all = [
            series("none", [1.0, 1.0, 1.0]),
            series("buffer", [50.0, 60.0, 80.0]),
            series("lua", [52.0, 62.0, 82.0]),
        ];
        let [none, _, lua] = all.each_ref().map(|series| series.cell(&all));
        let over = lua.over_floor_microseconds.unwrap();
        assert_eq!((over.lowest, over.median, over.highest), (2.0, 2.0, 2.0));
        assert_eq!(lua.cpu_microseconds.median, 62.0);
        assert_eq!(lua.requests, 30);
        assert_eq!(none.over_floor_microseconds, None);
    }
}
