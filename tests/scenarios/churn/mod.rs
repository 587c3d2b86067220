//! Configurations that are replaced, removed and added back under load, on both workers: every answer is one that the
//! configurations in force give, none is lost, and what is replaced is freed.

mod in_force;
mod load;
mod versions;

use std::collections::BTreeSet;
use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::{Envoy, Launch, Upstream};
use serde_json::Value;

use crate::stage::{Scenario, Stage, scenarios};
use crate::updates::Resources;

use in_force::InForce;
use load::{Load, State};
use versions::{Kind, Versions};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All every_answer_is_of_a_configuration_in_force,
];

/// How often each file is replaced, if `CHURN_UPDATES` says nothing.
const UPDATES: u32 = 50;

/// What Envoy's own tables may grow by, in bytes. The routes of a short run, were they not freed, are more.
const GROWTH: u64 = 3 << 19;

/// Envoy's counters of updates, and its gauge of what is being drained.
const ROUTES: &str = "http.main.rds.main.update_success";
const LISTENERS: &str = "listener_manager.lds.update_success";
const DRAINING: &str = "listener_manager.total_filter_chains_draining";

/// Whether a run may take longer than a scenario: it was made larger, or a tool runs Envoy.
pub(crate) fn is_long() -> bool {
    env::var_os("CHURN_UPDATES").is_some() || Launch::has_runner()
}

/// What takes longer when a tool runs Envoy.
struct Pace {
    /// How long Envoy keeps connections that have a listener's old configuration.
    drain: Duration,
    /// How long a worker may have an old configuration.
    lag: Duration,
    /// How long a wait may take.
    patience: Duration,
}

impl Pace {
    fn new() -> Self {
        let (drain, lag, patience) = match Launch::has_runner() {
            true => (10, 5, 300),
            false => (2, 1, 20),
        };
        Self {
            drain: Duration::from_secs(drain),
            lag: Duration::from_secs(lag) / 4,
            patience: Duration::from_secs(patience),
        }
    }
}

async fn every_answer_is_of_a_configuration_in_force(stage: &Stage) -> Result<()> {
    let updates = match env::var("CHURN_UPDATES") {
        Ok(updates) => updates.parse().context("CHURN_UPDATES is a number")?,
        Err(_) => UPDATES,
    };
    let pace = Pace::new();
    let upstream = versions::upstream().await?;
    let mut resources = Resources::new(stage.release)?;
    let first = Versions {
        routes: 1,
        listener: 1,
    };
    let bootstrap = resources.write(&first.bootstrap(&upstream), &["routes", "listeners"])?;
    let launch = stage
        .launch(bootstrap)
        .component_log_level("dynamic_modules:warning,misc:error")
        .arguments(&["--drain-time-s", &pace.drain.as_secs().to_string()]);
    // Not the stage's, which would take its end for a crash.
    let envoy = launch.start().await?;
    let played = churn(&envoy, &upstream, &mut resources, updates, &pace).await;
    let ended = match played {
        Ok(()) => envoy.end().await.map(drop),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => check_log(&envoy.log()),
        Err(error) => bail!("{error:#}\n{}", envoy.report().await),
    }
}

async fn churn(
    envoy: &Envoy,
    upstream: &Upstream,
    resources: &mut Resources,
    updates: u32,
    pace: &Pace,
) -> Result<()> {
    let began = Instant::now();
    let before = memory(envoy).await?;
    let state = Arc::new(State {
        routes: InForce::new(1, pace.lag),
        listener: InForce::new(1, pace.lag),
    });
    let mut load = Load::start(envoy.address().await?, &state);
    for version in 2..=updates + 1 {
        let versions = Versions {
            routes: version,
            listener: version,
        };
        let bootstrap = versions.bootstrap(upstream);
        for (what, in_force, stat) in [
            ("routes", &state.routes, ROUTES),
            ("listeners", &state.listener, LISTENERS),
        ] {
            in_force.write(version);
            resources.write(&bootstrap, &[what])?;
            load.until(envoy, stat, pace.patience, |value| value >= version.into())
                .await?;
            in_force.apply(version);
        }
    }
    // Old configurations of the listener live as long as connections that may have them.
    load.until(envoy, DRAINING, pace.patience, |value| value == 0)
        .await?;
    let seen = load.finish().await?;
    let after = memory(envoy).await?;
    eprintln!(
        "churn: {updates} updates of each in {:?}, {} answers, {} connections, {} resets, {before} to {after} bytes",
        began.elapsed(),
        seen.answers.values().sum::<usize>(),
        seen.connections,
        seen.resets,
    );
    ensure!(
        seen.resets * 10 > seen.connections * 9,
        "only {} resets of {} connections",
        seen.resets,
        seen.connections
    );
    for kind in Kind::ALL {
        let answers = seen.answers.get(&kind).copied().unwrap_or_default();
        ensure!(answers > 10, "{kind:?}: only {answers} answers");
    }
    for kind in [Kind::Inherits, Kind::Edits, Kind::Streams] {
        let ways = seen.ways.get(&kind).map_or(0, BTreeSet::len);
        ensure!(
            ways * 10 > updates as usize,
            "{kind:?}: only {ways} versions were seen"
        );
    }
    // Valgrind takes Envoy's allocator away, and finds leaks itself.
    ensure!(
        after < before + GROWTH || Launch::has_runner(),
        "what is replaced is not freed: {before} bytes became {after}"
    );
    Ok(())
}

/// The bytes that Envoy and its modules have allocated and not freed.
async fn memory(envoy: &Envoy) -> Result<u64> {
    let memory: Value = serde_json::from_str(&envoy.admin("/memory").await?)?;
    let allocated = memory["allocated"].as_str().context("no memory")?;
    Ok(allocated.parse()?)
}

fn check_log(log: &str) -> Result<()> {
    for line in log.lines() {
        let bad = line.contains("[critical]") || line.contains("panicked");
        ensure!(!bad, "in the log: {line}");
    }
    Ok(())
}
