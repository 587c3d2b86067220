//! `--updates`: listener, routes and cluster are replaced under load. No request is lost, and each is answered by versions
//! that were in force.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::{Envoy, EnvoyRelease, Launch, Module};

use crate::in_force::InForce;
use crate::memory::{self, Bound, Sample, Trend};
use crate::resources::{Resource, Resources};
use crate::upstream::Upstream;
use crate::visitors::{DRAIN, Marks, Visitors};

/// How long an update may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gauge of old listeners that still have connections.
const DRAINING: &str = "listener_manager.total_filter_chains_draining";

/// What a run found.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) envoy: EnvoyRelease,
    pub(crate) updates: u32,
    pub(crate) answers: u64,
    pub(crate) connections: u64,
    pub(crate) elapsed: Duration,
    pub(crate) samples: Vec<Sample>,
    pub(crate) trend: Trend,
}

/// Replaces configurations so often, in turn, under load.
///
/// # Errors
/// A request is lost or answered by a version that was not in force, Envoy refuses one, or memory is not flat.
pub(crate) async fn run(release: EnvoyRelease, module: &Module, updates: u32) -> Result<Run> {
    let upstream = Upstream::start("upstream").await?;
    let resources = Resources::new(release)?;
    let launch = Launch::new(release, resources.begin(&upstream)?)
        .module(module)
        .log_level("error")
        .arguments(&["--drain-time-s", DRAIN]);
    let envoy = launch.start().await?;
    match soak(&envoy, &upstream, &resources, updates).await {
        Ok(run) => {
            envoy.end().await?;
            Ok(run)
        }
        Err(error) => bail!("{error:#}\n{}", envoy.report().await),
    }
}

async fn soak(
    envoy: &Envoy,
    upstream: &Upstream,
    resources: &Resources,
    updates: u32,
) -> Result<Run> {
    let in_force = Resource::ALL.map(|resource| (resource, InForce::new(1)));
    let marks = Marks::Versions(BTreeMap::from(in_force));
    let visitors = Visitors::new(envoy.address().await?, marks);
    let clients = visitors.start();
    let began = Instant::now();
    let done = AtomicU64::new(0);
    let mut samples = Vec::new();
    tokio::select! {
        updated = update(envoy, upstream, resources, &visitors, updates, &done) => updated?,
        ended = memory::watch(envoy, || done.load(Ordering::Relaxed), &mut samples) => {
            ended?;
            bail!("the samples ended");
        }
    }
    let elapsed = began.elapsed();
    visitors.stop(clients).await;
    visitors.check()?;
    until(envoy, DRAINING, |value| value == 0).await?;
    samples.push(Sample::take(envoy, began.elapsed(), updates.into()).await?);
    let log = envoy.log();
    ensure!(!log.contains("panicked"), "in the log: {log}");
    Ok(Run {
        envoy: envoy.release(),
        updates,
        answers: visitors.answers.load(Ordering::Relaxed),
        connections: visitors.connections.load(Ordering::Relaxed),
        elapsed,
        trend: Trend::of(&samples, updates.into(), Bound::UPDATES)?,
        samples,
    })
}

async fn update(
    envoy: &Envoy,
    upstream: &Upstream,
    resources: &Resources,
    visitors: &Visitors,
    updates: u32,
    done: &AtomicU64,
) -> Result<()> {
    let mut taken = BTreeMap::from(Resource::ALL.map(|resource| (resource, 1)));
    let turns = Resource::ALL.into_iter().cycle();
    for (version, resource) in (2..updates + 2).zip(turns) {
        let Marks::Versions(in_force) = &visitors.marks else {
            bail!("answers show no versions");
        };
        let in_force = in_force.get(&resource).context("no such resource")?;
        let taken = taken.entry(resource).or_insert(1_u64);
        *taken += 1;
        in_force.write(version);
        resources.write(resource, upstream, version)?;
        until(envoy, resource.counter(), |value| value >= *taken).await?;
        in_force.apply(version);
        visitors.check()?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits for what one of Envoy's stats must show.
async fn until(envoy: &Envoy, stat: &str, shows: impl Fn(u64) -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let value = envoy.stat(stat).await?;
        if shows(value) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{stat} is {value} after {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
