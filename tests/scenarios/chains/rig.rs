//! An Envoy with a listener and an upstream for each chain and mode.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::{Answer, Bootstrap, Cluster, Envoy, Filter, Response, Route, Upstream};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::coding::gzip;
use super::exchanges::{Exchange, Mode};
use super::neighbours::{AUTHORIZATION, Chain, Neighbour, Place};
use super::views::{REDIRECTED, ROUTE, Seen, View};
use crate::gateway::MODEL;
use crate::stage::Stage;

/// A chain and an exchange in it.
pub(crate) type Combination = (Chain, Exchange);

/// How many exchanges are under way at once.
const AT_ONCE: usize = 64;

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How late a line of the access log may be.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

/// How late the authorization service answers: when some pieces of the body are there.
const AUTHORIZATION_TAKES: Duration = Duration::from_millis(40);

/// Some chains, each with its upstream, and the bootstrap that has them all.
pub(crate) struct Rig {
    bootstrap: Bootstrap,
    upstreams: BTreeMap<(Chain, Mode), Arc<Upstream>>,
    _authorization: Upstream,
}

impl Rig {
    pub(crate) async fn build(chains: &[Chain]) -> Result<Self> {
        let authorization =
            Upstream::answering(Answer::status(200).delayed(AUTHORIZATION_TAKES)).await?;
        let mut upstreams = BTreeMap::new();
        let mut bootstrap: Option<Bootstrap> = None;
        for &chain in chains {
            for mode in Mode::ALL {
                let upstream = upstream_of(chain.neighbour).await?;
                let listener = listener(chain, mode, upstream.address(), authorization.address());
                bootstrap = Some(match bootstrap {
                    Some(bootstrap) => bootstrap.beside(listener),
                    None => listener.cluster(AUTHORIZATION, authorization.address()),
                });
                upstreams.insert((chain, mode), Arc::new(upstream));
            }
        }
        Ok(Self {
            bootstrap: bootstrap.context("no chains")?,
            upstreams,
            _authorization: authorization,
        })
    }

    pub(crate) async fn start(&self, stage: &Stage) -> Result<Running> {
        let launch = stage
            .launch(self.bootstrap.build(stage.release))
            // So many exchanges would log much.
            .component_log_level("dynamic_modules:warning");
        // Not the stage's: its report would show a bootstrap of many listeners.
        let envoy = launch.start().await?;
        let addresses = envoy.listener_addresses().await?.into_iter().collect();
        Ok(Running { envoy, addresses })
    }

    /// On how many connections to the upstream of each chain and mode something else than requests came.
    pub(crate) fn malformed(&self) -> BTreeMap<(Chain, Mode), usize> {
        let counts = self.upstreams.iter();
        let counts = counts.map(|(&of, upstream)| (of, upstream.malformed()));
        counts.filter(|&(_, count)| count > 0).collect()
    }

    fn upstream(&self, chain: Chain, mode: Mode) -> Result<Arc<Upstream>> {
        let upstream = self.upstreams.get(&(chain, mode));
        upstream.cloned().context("a chain without an upstream")
    }
}

/// An Envoy with the listeners of some chains.
pub(crate) struct Running {
    pub(crate) envoy: Envoy,
    addresses: BTreeMap<String, SocketAddr>,
}

impl Running {
    pub(crate) async fn play(
        &self,
        rig: &Rig,
        combinations: &[Combination],
    ) -> Result<BTreeMap<Combination, Seen>> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut playing = JoinSet::new();
        for &(chain, exchange) in combinations {
            let permit = Arc::clone(&permits).acquire_owned().await?;
            let address = self.address(chain, exchange.mode)?;
            let upstream = rig.upstream(chain, exchange.mode)?;
            playing.spawn(async move {
                let seen = capture(chain, exchange, address, &upstream).await;
                drop(permit);
                ((chain, exchange), seen)
            });
        }
        let mut seen: BTreeMap<_, _> = playing.join_all().await.into_iter().collect();
        if seen.values().any(Seen::is_broken) {
            // A death takes a moment to show.
            sleep(Duration::from_millis(200)).await;
        }
        if self.envoy.is_alive() {
            self.add_failures(&mut seen).await?;
        }
        Ok(seen)
    }

    /// Reads from the access log what the filter counted in each exchange.
    async fn add_failures(&self, seen: &mut BTreeMap<Combination, Seen>) -> Result<()> {
        let deadline = Instant::now() + LOG_PATIENCE;
        loop {
            let lines = self.envoy.access_log(0).await?;
            let mut counted = counted(&lines)?;
            if counted.len() < seen.len() && Instant::now() < deadline {
                sleep(Duration::from_millis(20)).await;
                continue;
            }
            for ((chain, exchange), seen) in seen {
                let key = (chain.to_string(), exchange.path());
                seen.failures = counted.remove(&key).unwrap_or_default();
            }
            return Ok(());
        }
    }

    fn address(&self, chain: Chain, mode: Mode) -> Result<SocketAddr> {
        let address = self.addresses.get(&name(chain, mode));
        address.copied().context("a chain without a listener")
    }
}

/// The reasons that each chain and path has in the access log.
fn counted(lines: &[String]) -> Result<BTreeMap<(String, String), BTreeSet<String>>> {
    let mut counted = BTreeMap::<_, BTreeSet<String>>::new();
    for line in lines {
        let [chain, path, reason] = line.split('|').collect::<Vec<_>>()[..] else {
            bail!("an access log line of another kind: {line}");
        };
        let path = path.strip_prefix(REDIRECTED).unwrap_or(path);
        let reasons = counted
            .entry((chain.to_owned(), path.to_owned()))
            .or_default();
        if reason != "-" {
            reasons.insert(reason.to_owned());
        }
    }
    Ok(counted)
}

fn name(chain: Chain, mode: Mode) -> String {
    format!("{chain} × {mode:?}")
}

/// A chain as a listener, with a cluster of its own.
fn listener(
    chain: Chain,
    mode: Mode,
    upstream: SocketAddr,
    authorization: SocketAddr,
) -> Bootstrap {
    let name = name(chain, mode);
    let (neighbour, filter) = (chain.neighbour, mode.config().map(Filter::new));
    let log = format!("{chain}|%REQ(:PATH)%|%DYNAMIC_METADATA(rustformations:failure)%");
    let route = |kind: &str| {
        let shown = json!([{
            "header": {"key": ROUTE, "value": kind},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }]);
        neighbour
            .route(Route::to(&name), &name)
            .field("request_headers_to_add", shown)
    };
    let cluster = neighbour.cluster(Cluster::new(&name, upstream));
    let listener = Bootstrap::named(&name)
        .access_log(&log)
        .connection_manager("generate_request_id", json!(false))
        // What they say depends on the time.
        .router("suppress_envoy_headers", json!(true))
        .route(route("routed").header(MODEL, "gpt-4o"))
        .route(route("fallback"));
    let with_filter = |listener: Bootstrap| match &filter {
        Some(filter) => listener.filter(filter.clone()),
        None => listener,
    };
    match chain.place {
        Place::Front => neighbour
            .in_chain(with_filter(listener), authorization)
            .add_cluster(cluster),
        Place::Back => {
            with_filter(neighbour.in_chain(listener, authorization)).add_cluster(cluster)
        }
        Place::Cluster => neighbour
            .in_chain(listener, authorization)
            .add_cluster(filter.into_iter().fold(cluster, Cluster::filter)),
    }
}

/// An upstream that gives the neighbour reason to do what it does.
async fn upstream_of(neighbour: Neighbour) -> Result<Upstream> {
    let reached = Mutex::new(HashSet::new());
    Upstream::start(move |request| {
        let Some(answer) = Exchange::answer_to(&request.path) else {
            return Answer::status(404);
        };
        let first = || {
            let mut reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
            reached.insert(request.path.clone())
        };
        match neighbour {
            Neighbour::Retry if first() => Answer::status(503),
            Neighbour::PerTryTimeout if first() => answer.delayed(PATIENCE),
            Neighbour::InternalRedirect if !request.path.starts_with(REDIRECTED) => {
                let location = format!("http://gateway{REDIRECTED}{}", request.path);
                Answer::status(302).header("location", location)
            }
            _ => answer,
        }
    })
    .await
}

async fn capture(
    chain: Chain,
    exchange: Exchange,
    address: SocketAddr,
    upstream: &Upstream,
) -> Seen {
    let encodes = chain.neighbour == Neighbour::Decompressor;
    let mut request = exchange.request(|body| match encodes {
        true => gzip(body),
        false => body.to_vec(),
    });
    if encodes {
        request = request.header("content-encoding", "gzip");
    }
    if chain.neighbour == Neighbour::Compressor {
        request = request.header("accept-encoding", "gzip");
    }
    let response: Result<Response> = timeout(PATIENCE, request.send(address))
        .await
        .unwrap_or_else(|_| bail!("no answer within {PATIENCE:?}"));
    let answered = response
        .as_ref()
        .is_ok_and(|response| response.status == 200);
    // A copy may arrive after the answer; where there is no proper one, none may.
    let patience = match answered {
        true => Duration::from_secs(2),
        false => Duration::from_millis(50),
    };
    let path = exchange.path();
    let recorded = upstream
        .settled(chain.neighbour.copies(), patience, |request| {
            request.path.ends_with(&path)
        })
        .await;
    Seen {
        client: View::of_response(&response),
        upstream: recorded.iter().map(View::of_request).collect(),
        failures: BTreeSet::new(),
    }
}
