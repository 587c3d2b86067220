//! What a few bodies cost under other conditions, each filter beside no filter in the same round.

mod failover;
mod plans;
mod protocol;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Bootstrap, Module};
use serde::{Deserialize, Serialize};

use super::body::{self, Position};
use super::load::{self, Pace};
use super::peers::{NONE, Peer};
use super::progress;
use super::results::Row;
use super::sample::Sample;
use super::spread::{Spread, interval};
use super::stage::Stage;
use protocol::Protocol;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Condition {
    /// Small bodies, in many rounds.
    Small,
    /// Latencies at a rate that all can serve.
    Rate,
    /// HTTP/2 and TLS on the client's side.
    Protocols,
    /// One worker of Envoy and two.
    Workers,
    /// A cluster with a second host for when the first fails.
    Failover,
}

impl Condition {
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [
        Self::Small,
        Self::Rate,
        Self::Protocols,
        Self::Workers,
        Self::Failover,
    ];

    /// What the sections of the documents and the figures of `--json` call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Rate => "rate",
            Self::Protocols => "protocols",
            Self::Workers => "workers",
            Self::Failover => "failover",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What to measure, and how thoroughly.
pub(super) struct Plan<'p> {
    pub(super) conditions: &'p [Condition],
    /// Other bodies are left out.
    pub(super) sizes: &'p [usize],
    /// Those that work here.
    pub(super) peers: &'p [Peer],
    /// Whether only the strongest of them are compared where all would be too many.
    pub(super) only_strongest: bool,
    pub(super) rounds: usize,
    pub(super) time: Duration,
}

/// One Envoy under one load.
struct Setup<'s> {
    /// What differs from row to row beside filter and body, in words.
    setting: String,
    /// The filter.
    peer: &'static str,
    body_bytes: usize,
    bootstrap: Bootstrap,
    module: Option<&'s Module>,
    workers: u32,
    pace: Pace,
    /// Spoken by an Envoy in front; without one the load itself speaks HTTP/1.1.
    protocol: Option<Protocol>,
}

/// Measures each condition by itself, round by round.
///
/// # Errors
/// An Envoy does not start, or does not answer.
pub(super) fn measure(stage: &Stage, plan: &Plan<'_>) -> Result<BTreeMap<Condition, Vec<Row>>> {
    let mut found = BTreeMap::new();
    for &condition in plan.conditions {
        // They run as long as they are measured.
        let backends;
        let setups = match condition {
            Condition::Small => plans::small(stage, plan)?,
            Condition::Rate => plans::at_a_rate(stage, plan)?,
            Condition::Protocols => plans::protocols(stage, plan)?,
            Condition::Workers => plans::workers(stage, plan)?,
            Condition::Failover => {
                backends = failover::Backends::start(stage.processors)?;
                backends.try_once(stage)?;
                backends.setups(stage, plan.sizes)
            }
        };
        found.insert(condition, in_rounds(stage, condition, &setups, plan)?);
    }
    progress::show(format_args!(""));
    Ok(found)
}

/// Round by round, so that what changes on the machine meanwhile meets all alike. Each round begins with another, so that
/// none is always measured behind the same neighbour's start.
fn in_rounds(
    stage: &Stage,
    condition: Condition,
    setups: &[Setup<'_>],
    plan: &Plan<'_>,
) -> Result<Vec<Row>> {
    let count = setups.len();
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); count];
    for round in 0..plan.rounds {
        for step in 0..count {
            let index = (round + step) % count;
            let (Some(setup), Some(samples)) = (setups.get(index), samples.get_mut(index)) else {
                continue;
            };
            progress::show(format_args!(
                "{condition}: round {} of {}, {} of {count}: {setup}",
                round + 1,
                plan.rounds,
                step + 1
            ));
            let sample = setup.sample(stage, plan.time);
            samples.push(sample.with_context(|| format!("{condition}: {setup}"))?);
        }
    }
    let measured: Vec<_> = setups.iter().zip(&samples).collect();
    let rows = measured.iter().map(|(setup, samples)| {
        let mut all = measured.iter();
        let floor = all.find(|(other, _)| setup.stands_on(other));
        setup.row(samples, floor.map(|(_, samples)| samples.as_slice()))
    });
    Ok(rows.collect())
}

impl fmt::Display for Setup<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.setting.is_empty() {
            write!(formatter, "{}, ", self.setting)?;
        }
        write!(formatter, "{} bytes, {}", self.body_bytes, self.peer)
    }
}

impl Setup<'_> {
    fn sample(&self, stage: &Stage, time: Duration) -> Result<Sample> {
        let request = load::request(&body::chat(self.body_bytes, Position::Last));
        let mut bootstrap = self.bootstrap.build(stage.release);
        if let Some(protocol) = self.protocol {
            protocol.listen(&mut bootstrap)?;
        }
        let running = stage.serve(bootstrap, self.module, self.workers)?;
        let Some(protocol) = self.protocol else {
            return Sample::under(&mut running.load_at(self.pace)?, &running, &request, time);
        };
        let client = stage.client(&protocol.client(running.address()?))?;
        Sample::under(&mut client.load_at(self.pace)?, &running, &request, time)
    }

    /// Whether this one is counted from the other.
    fn stands_on(&self, other: &Self) -> bool {
        let conditions = |setup: &Self| (setup.setting.clone(), setup.body_bytes);
        self.peer != NONE && other.peer == NONE && conditions(self) == conditions(other)
    }

    fn row(&self, samples: &[Sample], none: Option<&[Sample]>) -> Row {
        let spread = |of| Sample::spread(samples, of);
        let added = |of| none.map(|none| Spread::of(Sample::added(samples, none, of)));
        let cpu_added = none.map(|none| {
            let cpu = |sample: &Sample| sample.cpu_microseconds;
            Sample::added(samples, none, cpu)
        });
        Row {
            setting: self.setting.clone(),
            peer: self.peer.to_owned(),
            body_bytes: self.body_bytes,
            rounds: samples.len(),
            requests: samples.iter().map(|sample| sample.requests).sum(),
            missed: samples.iter().map(|sample| sample.missed).sum(),
            cpu_microseconds: spread(|sample| sample.cpu_microseconds),
            router_microseconds: spread(|sample| sample.router_microseconds),
            cpu_over_none_microseconds: added(|sample| sample.cpu_microseconds),
            cpu_over_none_interval: cpu_added.and_then(|added| interval(&added)),
            requests_per_second: spread(|sample| sample.requests_per_second),
            p50_microseconds: spread(|sample| sample.p50_microseconds),
            p99_microseconds: spread(|sample| sample.p99_microseconds),
            p999_microseconds: spread(|sample| sample.p999_microseconds),
            p50_over_none_microseconds: added(|sample| sample.p50_microseconds),
            p99_over_none_microseconds: added(|sample| sample.p99_microseconds),
            p999_over_none_microseconds: added(|sample| sample.p999_microseconds),
            envoy_busy: spread(|sample| sample.envoy_busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(setting: &str, peer: &'static str, body_bytes: usize) -> Setup<'static> {
        Setup {
            setting: setting.to_owned(),
            peer,
            body_bytes,
            bootstrap: Bootstrap::new(),
            module: None,
            workers: 1,
            pace: Pace::Saturated,
            protocol: None,
        }
    }

    #[test]
    fn each_is_counted_from_no_filter_under_the_same_condition() {
        let lua = setup("HTTP/2", "lua", 368);
        assert!(lua.stands_on(&setup("HTTP/2", NONE, 368)));
        for other in [
            setup("HTTP/1.1", NONE, 368),
            setup("HTTP/2", NONE, 1024),
            setup("HTTP/2", "buffer", 368),
        ] {
            assert!(!lua.stands_on(&other), "{other}");
        }
        let none = setup("HTTP/2", NONE, 368);
        assert!(!none.stands_on(&none));
    }

    #[test]
    fn what_is_added_is_added_within_a_round() {
        let samples = |p999: [f64; 3]| {
            p999.map(|p999_microseconds| Sample {
                requests: 10,
                p999_microseconds,
                ..Sample::default()
            })
        };
        // A machine that grows slower, and a filter that always adds 7.
        let none = samples([10.0, 50.0, 90.0]);
        let lua = samples([17.0, 57.0, 97.0]);
        let row = setup("", "lua", 368).row(&lua, Some(&none));
        assert_eq!((row.rounds, row.requests), (3, 30));
        assert_eq!(row.p999_over_none_microseconds, Some(Spread::of([7.0])));
        assert_eq!(row.p999_microseconds.median, 57.0);
        let row = setup("", NONE, 368).row(&none, None);
        assert_eq!(row.p999_over_none_microseconds, None);
    }
}
