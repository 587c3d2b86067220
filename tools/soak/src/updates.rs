//! `--updates`: listener, routes and cluster are replaced under load. No request is lost, and each is answered by versions
//! that were in force.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::{Envoy, EnvoyRelease, Launch, Module};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use tokio::task::JoinSet;

use crate::body::Pieces;
use crate::client::{Connection, Head, Protocol};
use crate::in_force::InForce;
use crate::memory::{self, Bound, Sample, Trend};
use crate::resources::{OF_RESPONSE, Resource, Resources};
use crate::upstream::Upstream;

/// Clients of each protocol.
const CLIENTS: usize = 3;

/// How long Envoy keeps connections that have an old listener, and how long a client keeps one: not as long.
const DRAIN: &str = "2";
const LIFE: Duration = Duration::from_millis(500);

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

/// What the clients share.
struct Load {
    address: SocketAddr,
    in_force: BTreeMap<Resource, InForce>,
    stop: AtomicBool,
    answers: AtomicU64,
    connections: AtomicU64,
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
    let load = Arc::new(Load {
        address: envoy.address().await?,
        in_force: BTreeMap::from(in_force),
        stop: AtomicBool::new(false),
        answers: AtomicU64::new(0),
        connections: AtomicU64::new(0),
    });
    let mut clients = JoinSet::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for _ in 0..CLIENTS {
            clients.spawn(Arc::clone(&load).client(protocol));
        }
    }
    let began = Instant::now();
    let done = AtomicU64::new(0);
    let mut samples = Vec::new();
    tokio::select! {
        updated = update(envoy, upstream, resources, &load, updates, &done) => updated?,
        ended = memory::watch(envoy, || done.load(Ordering::Relaxed), &mut samples) => {
            ended?;
            bail!("the samples ended");
        }
        ended = clients.join_next() => {
            ended.context("no client")???;
            bail!("a client ended before the load was over");
        }
    }
    let elapsed = began.elapsed();
    load.stop.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client??;
    }
    until(envoy, DRAINING, |value| value == 0).await?;
    samples.push(Sample::take(envoy, began.elapsed(), updates.into()).await?);
    let log = envoy.log();
    ensure!(!log.contains("panicked"), "in the log: {log}");
    Ok(Run {
        envoy: envoy.release(),
        updates,
        answers: load.answers.load(Ordering::Relaxed),
        connections: load.connections.load(Ordering::Relaxed),
        elapsed,
        trend: Trend::of(&samples, updates.into(), Bound::UPDATES)?,
        samples,
    })
}

async fn update(
    envoy: &Envoy,
    upstream: &Upstream,
    resources: &Resources,
    load: &Load,
    updates: u32,
    done: &AtomicU64,
) -> Result<()> {
    let mut taken = BTreeMap::from(Resource::ALL.map(|resource| (resource, 1)));
    let turns = Resource::ALL.into_iter().cycle();
    for (version, resource) in (2..updates + 2).zip(turns) {
        let in_force = load.in_force(resource)?;
        let taken = taken.entry(resource).or_insert(1_u64);
        *taken += 1;
        in_force.write(version);
        resources.write(resource, upstream, version)?;
        until(envoy, resource.counter(), |value| value >= *taken).await?;
        in_force.apply(version);
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

impl Load {
    async fn client(self: Arc<Self>, protocol: Protocol) -> Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            let lived = self.connection(protocol).await;
            lived.with_context(|| format!("by {protocol:?}"))?;
        }
        Ok(())
    }

    /// The life of a connection.
    async fn connection(&self, protocol: Protocol) -> Result<()> {
        let opened = Instant::now();
        let mut connection = Connection::open(self.address, protocol).await?;
        self.connections.fetch_add(1, Ordering::Relaxed);
        let head = Head::json("/");
        // A connection has the listener of when it was accepted; that is certain at its first answer.
        let mut listener = None;
        while opened.elapsed() < LIFE && connection.is_ready().await {
            let began = Instant::now();
            let body = format!(r#"{{"prompt":"{}","model":"m"}}"#, "p".repeat(300));
            let answer = match connection.send(&head, Pieces::whole(body.clone())).await {
                Ok(answer) => answer,
                Err(error) if never_sent(&error) => return Ok(()),
                Err(error) => return Err(error.context("a request is lost")),
            };
            let (answer, got) = answer.into_parts();
            let got = got.collect().await.context("an answer breaks off")?;
            let got = got.to_bytes();
            ensure!(
                answer.status == 200 && got == body,
                "{} with {got:.200?}",
                answer.status
            );
            let in_force = self.in_force(Resource::Listener)?;
            let listener = listener.get_or_insert_with(|| in_force.since(opened));
            for resource in Resource::ALL {
                let may = match resource {
                    Resource::Listener => listener.clone(),
                    _ => self.in_force(resource)?.since(began),
                };
                let version = version(&answer.headers, resource.header())?;
                ensure!(
                    may.contains(&version),
                    "{resource:?} {version} answered, not one of {may:?}"
                );
            }
            let of_request = version(&answer.headers, Resource::Listener.header())?;
            let of_response = version(&answer.headers, OF_RESPONSE)?;
            ensure!(
                of_request == of_response,
                "the request met listener {of_request}, its answer {of_response}"
            );
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn in_force(&self, resource: Resource) -> Result<&InForce> {
        self.in_force.get(&resource).context("no such resource")
    }
}

fn version(headers: &HeaderMap, name: &str) -> Result<u32> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().with_context(|| format!("no {name}"))?;
    ensure!(values.next().is_none(), "{name} twice");
    Ok(value.to_str()?.parse()?)
}

/// Of a connection that Envoy drains just before the request: its end is noticed before the request is on it, or its
/// GOAWAY reports that Envoy has not looked at the request.
fn never_sent(error: &anyhow::Error) -> bool {
    let hyper = error.downcast_ref::<hyper::Error>();
    hyper.is_some_and(|error| error.is_canceled() || error.is_closed())
        || format!("{error:#}").contains("connection error received: not a result of an error")
}
