//! `--requests`: a mix of exchanges, each checked, while Envoy's memory is watched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use harness::{Envoy, EnvoyRelease, Launch, Module};

use crate::exchange::Kind;
use crate::gateway::{self, Upstreams};
use crate::load::Load;
use crate::memory::{self, Bound, Sample, Trend};

/// How long Envoy may take to see the last streams end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a run found.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) envoy: EnvoyRelease,
    pub(crate) right: BTreeMap<Kind, u64>,
    pub(crate) elapsed: Duration,
    /// The processor time that Envoy used.
    pub(crate) cpu: Duration,
    pub(crate) samples: Vec<Sample>,
    pub(crate) trend: Trend,
}

/// Sends so many requests to an Envoy of this release.
///
/// # Errors
/// An answer is lost or wrong, a stream never ends, or memory is not flat.
pub(crate) async fn run(release: EnvoyRelease, module: &Module, requests: u64) -> Result<Run> {
    let upstreams = Upstreams::start().await?;
    let bootstrap = gateway::bootstrap(&upstreams).build(release);
    let launch = Launch::new(release, bootstrap).module(module);
    let launch = launch.log_level("warning");
    let envoy = launch.start().await?;
    match soak(&envoy, requests).await {
        Ok(run) => {
            envoy.end().await?;
            Ok(run)
        }
        Err(error) => bail!("{error:#}\n{}", envoy.report().await),
    }
}

async fn soak(envoy: &Envoy, requests: u64) -> Result<Run> {
    let load = Load::new(envoy.address().await?, requests);
    let mut samples = Vec::new();
    let began = Instant::now();
    let tally = tokio::select! {
        tally = load.run() => tally?,
        ended = memory::watch(envoy, || load.done(), &mut samples) => {
            ended?;
            bail!("the samples ended");
        }
    };
    let elapsed = began.elapsed();
    let right: u64 = tally.right.values().sum();
    ensure!(
        tally.wrong == 0 && right == requests,
        "{} of {requests} exchanges went wrong: {:#?}",
        requests - right,
        tally.errors
    );
    none_is_left(envoy).await?;
    check_counts(envoy, &tally.right).await?;
    samples.push(Sample::take(envoy, began.elapsed(), requests).await?);
    check_log(&envoy.log())?;
    let trend = Trend::of(&samples, requests, Bound::REQUESTS)?;
    Ok(Run {
        envoy: envoy.release(),
        right: tally.right,
        elapsed,
        cpu: envoy.cpu_time()?,
        samples,
        trend,
    })
}

/// Waits until Envoy has no stream any more, of clients or to upstreams.
async fn none_is_left(envoy: &Envoy) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut left = 0;
        for stat in [
            "http.main.downstream_rq_active",
            "cluster.steady.upstream_rq_active",
            "cluster.multiplexed.upstream_rq_active",
            "cluster.failover.upstream_rq_active",
        ] {
            left += envoy.stat(stat).await?;
        }
        if left == 0 {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{left} streams are left after {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The module has counted each request once, and its tokens.
async fn check_counts(envoy: &Envoy, right: &BTreeMap<Kind, u64>) -> Result<()> {
    let of_kinds = right
        .iter()
        .map(|(kind, times)| kind.counts().map(|count| count * times));
    let expected = of_kinds.fold([0; 3], sum);
    let mut counted = [0; 3];
    for line in envoy.stats("rustformations_.*_total").await?.lines() {
        // The listener's own; a cluster counts attempts.
        let listener = (!line.starts_with("cluster.")).then_some(line);
        let Some((name, value)) = listener.and_then(|line| line.rsplit_once(": ")) else {
            continue;
        };
        let value = value.parse()?;
        let counts = match name {
            _ if name.contains("_requests_total") => [value, 0, 0],
            _ if name.ends_with("type.input") => [0, value, 0],
            _ if name.ends_with("type.output") => [0, 0, value],
            _ => continue,
        };
        counted = sum(counted, counts);
    }
    ensure!(
        counted == expected,
        "the module counted {counted:?} requests and tokens in and out, not {expected:?}"
    );
    Ok(())
}

fn sum([a, b, c]: [u64; 3], [d, e, f]: [u64; 3]) -> [u64; 3] {
    [a + d, b + e, c + f]
}

/// Nothing of the module panics.
fn check_log(log: &str) -> Result<()> {
    for line in log.lines() {
        let bad = line.contains("[critical]") || line.contains("panicked");
        ensure!(!bad, "in the log: {line}");
    }
    Ok(())
}
