//! `--restarts`: an Envoy hands over to the next under load, with the module and without. With it no more is lost.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::{Bootstrap, Envoy, EnvoyRelease, Launch, Module, Route};
use serde_json::json;

use crate::in_force::InForce;
use crate::resources::{Resource, Resources};
use crate::upstream::Upstream;
use crate::visitors::{DRAIN, Marks, Visitors};

/// When the old Envoy ends: after it has drained its connections.
const PARENT_SHUTDOWN: &str = "4";

/// How long that may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the clients saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) answers: u64,
    pub(crate) connections: u64,
    pub(crate) lost: u64,
    /// The first of what was lost.
    pub(crate) errors: Vec<String>,
}

/// What a run found.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) envoy: EnvoyRelease,
    pub(crate) restarts: u32,
    pub(crate) with_module: Seen,
    pub(crate) without: Seen,
}

/// Restarts so often with the module, and so often without.
///
/// # Errors
/// An Envoy does not start, or does not end.
pub(crate) async fn run(release: EnvoyRelease, module: &Module, restarts: u32) -> Result<Run> {
    Ok(Run {
        envoy: release,
        restarts,
        without: play(release, None, restarts).await?,
        with_module: play(release, Some(module), restarts).await?,
    })
}

async fn play(release: EnvoyRelease, module: Option<&Module>, restarts: u32) -> Result<Seen> {
    let upstream = Upstream::start("upstream").await?;
    let (bootstrap, marks) = match module {
        Some(_) => {
            let in_force = Resource::ALL.map(|resource| (resource, InForce::new(1)));
            let bootstrap = Resources::bootstrap(&upstream, 1);
            (bootstrap, Marks::Versions(BTreeMap::from(in_force)))
        }
        None => {
            let bootstrap = Bootstrap::new().cluster("upstream", upstream.address);
            (bootstrap.route(Route::to("upstream")), Marks::None)
        }
    };
    // The next Envoy finds the socket by its address.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let bootstrap = bootstrap.listener("address", address).build(release);
    let base_id = std::process::id() % 100_000;
    let start = |epoch| {
        let launch = Launch::new(release, bootstrap.clone())
            .log_level("error")
            .epoch(base_id, epoch)
            .arguments(&["--drain-time-s", DRAIN])
            .arguments(&["--parent-shutdown-time-s", PARENT_SHUTDOWN]);
        let launch = match module {
            Some(module) => launch.module(module),
            None => launch,
        };
        launch.start()
    };
    let mut envoy = start(0).await?;
    let visitors = Visitors::new(envoy.address().await?, marks);
    let clients = visitors.start();
    for epoch in 1..=restarts {
        let next = start(epoch).await?;
        if let Err(error) = ended(&envoy).await {
            bail!("{error:#}\n{}", envoy.report().await);
        }
        envoy = next;
    }
    visitors.stop(clients).await;
    envoy.end().await?;
    Ok(Seen {
        answers: visitors.answers.load(Ordering::Relaxed),
        connections: visitors.connections.load(Ordering::Relaxed),
        lost: visitors.lost.load(Ordering::Relaxed),
        errors: visitors.errors(),
    })
}

/// Waits until an Envoy that was replaced has ended.
async fn ended(envoy: &Envoy) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = envoy.exit_status()? {
            ensure!(status.success(), "the old envoy ended with {status}");
            return Ok(());
        }
        let left = deadline.checked_duration_since(Instant::now());
        left.context("the old envoy does not end")?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
