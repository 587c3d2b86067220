//! Clients that check every answer against the versions in force.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use harness::{Connection, Envoy, Protocol, Request, Response};
use tokio::task::JoinSet;

use super::in_force::InForce;
use super::versions::{Answered, Kind, Versions};

/// A connection is closed by its client after so many requests, or this time: long before Envoy would cut it off
/// because its listener's configuration is replaced.
const REQUESTS: usize = 24;
const LIFE: Duration = Duration::from_millis(500);

/// Bytes that make a body several frames.
const LONG: usize = 20_000;

/// The versions of both resources.
#[derive(Debug)]
pub(super) struct State {
    pub(super) routes: InForce,
    pub(super) listener: InForce,
}

/// What clients saw: how often each kind was answered right, and in how many ways.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) answers: BTreeMap<Kind, usize>,
    pub(super) ways: BTreeMap<Kind, BTreeSet<Option<String>>>,
    pub(super) resets: usize,
    pub(super) connections: usize,
}

/// Clients at work.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Result<Seen>>,
}

impl Load {
    pub(super) fn start(address: SocketAddr, state: &Arc<State>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for protocol in [Protocol::Http1, Protocol::Http2] {
            for number in 0..2 {
                let mut client = Client {
                    address,
                    protocol,
                    state: Arc::clone(state),
                    seen: Seen::default(),
                };
                let stop = Arc::clone(&stop);
                clients.spawn(async move {
                    let mut turn = number;
                    while !stop.load(Ordering::Relaxed) {
                        turn = client.connection(turn).await?;
                    }
                    Ok(client.seen)
                });
            }
        }
        Self { stop, clients }
    }

    /// What has been seen, all clients together.
    ///
    /// # Errors
    /// An answer was wrong or missing.
    pub(super) async fn finish(mut self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        while let Some(client) = self.clients.join_next().await {
            let seen = client??;
            for (kind, count) in seen.answers {
                *all.answers.entry(kind).or_default() += count;
            }
            for (kind, ways) in seen.ways {
                all.ways.entry(kind).or_default().extend(ways);
            }
            all.resets += seen.resets;
            all.connections += seen.connections;
        }
        Ok(all)
    }

    /// Waits for what one of Envoy's stats must show while the load goes on.
    ///
    /// # Errors
    /// It does not in time, or a client has an error.
    pub(super) async fn until(
        &mut self,
        envoy: &Envoy,
        stat: &str,
        patience: Duration,
        shows: impl Fn(u64) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let value = envoy.stat(stat).await?;
            if shows(value) {
                return Ok(());
            }
            if let Some(ended) = self.clients.try_join_next() {
                ended??;
                bail!("a client ended before the load was over");
            }
            ensure!(
                Instant::now() < deadline,
                "{stat} is {value} after {patience:?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

struct Client {
    address: SocketAddr,
    protocol: Protocol,
    state: Arc<State>,
    seen: Seen,
}

impl Client {
    /// The life of a connection. Returns the next turn.
    async fn connection(&mut self, mut turn: usize) -> Result<usize> {
        let opened = Instant::now();
        let mut connection = Connection::open(self.address, self.protocol).await?;
        self.seen.connections += 1;
        // A connection has the listener's configuration of when it was accepted; that is certain at its first answer.
        let mut listener = None;
        for _ in 0..REQUESTS {
            // Closed by an answer that said so, as Envoy does while a listener's old configuration is drained.
            if opened.elapsed() > LIFE || !connection.is_ready().await {
                break;
            }
            let (kind, body, request) = request(turn);
            let began = Instant::now();
            let response = match connection.send(request).await {
                Ok(response) => response,
                Err(error) if never_sent(&error) => break,
                Err(error) => {
                    return Err(error.context(format!("{kind:?} by {:?} is lost", self.protocol)));
                }
            };
            let listener = listener.get_or_insert_with(|| self.state.listener.since(opened));
            let routes = self.state.routes.since(began);
            self.check(kind, &body, &response, routes, listener.clone())?;
            turn += 1;
        }
        // Its body never ends.
        let (mut writer, response) = Connection::open(self.address, self.protocol)
            .await?
            .begin(Request::post(Kind::ALL[turn % Kind::ALL.len()].path()))?;
        // Not sent if Envoy has begun to drain the connection: then there is nothing to reset.
        if writer.send(r#"{"model":"#).await.is_ok() {
            writer.abort();
            self.seen.resets += 1;
        }
        drop(response);
        Ok(turn + 1)
    }

    fn check(
        &mut self,
        kind: Kind,
        body: &str,
        response: &Response,
        routes: RangeInclusive<u32>,
        listener: RangeInclusive<u32>,
    ) -> Result<()> {
        let answered = Answered::from(response);
        let right = routes.clone().any(|routes| {
            listener.clone().any(|listener| {
                let versions = Versions { routes, listener };
                kind.answer(body, versions) == answered
            })
        });
        if !right {
            let shown: String = format!("{answered:?}").chars().take(200).collect();
            bail!("{kind:?}: {shown} with routes {routes:?}, listener {listener:?}");
        }
        *self.seen.answers.entry(kind).or_default() += 1;
        let way = match answered {
            Answered::Served { of_response, .. } => of_response,
            Answered::Rejected | Answered::Failed(_) => Some(String::new()),
        };
        self.seen.ways.entry(kind).or_default().insert(way);
        Ok(())
    }
}

/// Every kind, with short and long bodies, in one piece and in several.
fn request(turn: usize) -> (Kind, String, Request) {
    let kind = Kind::ALL[turn % Kind::ALL.len()];
    let body = kind.body(match turn % 3 {
        0 => LONG,
        _ => 10,
    });
    let request = Request::post(kind.path());
    let request = match turn % 4 {
        0 => {
            let (begin, end) = body.split_at(body.len() - 9);
            request.chunks([begin.to_owned(), end.to_owned()])
        }
        _ => request.body(body.clone()),
    };
    (kind, body, request)
}

/// Of a connection that Envoy begins to drain just before the request. Its end is noticed before the request is on it, or
/// its GOAWAY reports that no error is the reason, and that Envoy has not looked at the request.
fn never_sent(error: &anyhow::Error) -> bool {
    let hyper = error.downcast_ref::<hyper::Error>();
    hyper.is_some_and(|error| error.is_canceled() || error.is_closed())
        || format!("{error:#}").contains("connection error received: not a result of an error")
}
