//! Clients that send the mix, and check every answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Response, Version};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::body::Pieces;
use crate::client::{Connection, Protocol};
use crate::exchange::{Exchange, Expected, Kind, Text};
use crate::upstream::SERVED_BY;

/// Connections of HTTP/1.1; and of HTTP/2, with so many streams each.
const HTTP1: usize = 24;
const HTTP2: usize = 6;
const STREAMS: usize = 4;

/// How long an exchange may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Errors that are kept to be shown.
const SHOWN: usize = 5;

/// What came of the load.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) right: BTreeMap<Kind, u64>,
    pub(crate) wrong: u64,
    /// The first of what was wrong.
    pub(crate) errors: Vec<String>,
}

/// The load's progress, and what it has found.
#[derive(Debug)]
pub(crate) struct Load {
    address: SocketAddr,
    requests: u64,
    next: AtomicU64,
    done: AtomicU64,
    tally: Mutex<Tally>,
}

impl Load {
    pub(crate) fn new(address: SocketAddr, requests: u64) -> Arc<Self> {
        Arc::new(Self {
            address,
            requests,
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            tally: Mutex::default(),
        })
    }

    /// The exchanges that are over.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Sends them all, and returns what came of them.
    ///
    /// # Errors
    /// Envoy accepts no connection, or so much is wrong that there is no more to learn.
    pub(crate) async fn run(self: &Arc<Self>) -> Result<Tally> {
        let mut clients = JoinSet::new();
        for _ in 0..HTTP1 {
            clients.spawn(Arc::clone(self).on_connections());
        }
        for _ in 0..HTTP2 {
            let first = Connection::open(self.address, Protocol::Http2).await?;
            for _ in 1..STREAMS {
                let beside = first.beside().context("no stream beside another")?;
                clients.spawn(Arc::clone(self).on_connection(beside));
            }
            clients.spawn(Arc::clone(self).on_connection(first));
        }
        while let Some(client) = clients.join_next().await {
            client??;
        }
        Ok(std::mem::take(&mut *self.tally()))
    }

    /// Turn by turn on a connection of HTTP/1.1, and on another when that is over.
    async fn on_connections(self: Arc<Self>) -> Result<()> {
        let mut connection = Connection::open(self.address, Protocol::Http1).await?;
        while let Some(turn) = self.turn()? {
            if !connection.is_ready().await {
                connection = Connection::open(self.address, Protocol::Http1).await?;
            }
            self.play(&mut connection, turn).await?;
        }
        Ok(())
    }

    /// Turn by turn on a connection of HTTP/2, which nothing in the mix ends.
    async fn on_connection(self: Arc<Self>, mut connection: Connection) -> Result<()> {
        while let Some(turn) = self.turn()? {
            ensure!(connection.is_ready().await, "a connection of HTTP/2 ended");
            self.play(&mut connection, turn).await?;
        }
        Ok(())
    }

    fn turn(&self) -> Result<Option<u64>> {
        let tally = self.tally();
        ensure!(
            tally.wrong < 1000,
            "{} wrong answers: {:#?}",
            tally.wrong,
            tally.errors
        );
        drop(tally);
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        Ok((turn < self.requests).then_some(turn))
    }

    async fn play(&self, connection: &mut Connection, turn: u64) -> Result<()> {
        let mut exchange = Exchange::of(turn)?;
        let body = std::mem::replace(&mut exchange.body, Pieces::whole(Bytes::new()));
        let played = timeout(PATIENCE, play(connection, &exchange, body)).await;
        let played = played.unwrap_or_else(|_| bail!("nothing for {PATIENCE:?}"));
        let mut tally = self.tally();
        match played {
            Ok(()) => *tally.right.entry(exchange.kind).or_default() += 1,
            Err(error) => {
                tally.wrong += 1;
                if tally.errors.len() < SHOWN {
                    let error = format!("{:?}, turn {turn}: {error:#}", exchange.kind);
                    tally.errors.push(error);
                }
            }
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plays one exchange, and checks its answer.
async fn play(connection: &mut Connection, exchange: &Exchange, body: Pieces) -> Result<()> {
    let answer = connection.send(&exchange.head, body).await;
    match &exchange.expected {
        Expected::Nothing => {
            ensure!(answer.is_err(), "an answer to a request that was reset");
            Ok(())
        }
        Expected::Begun => {
            let mut answer = begun(answer?)?;
            let event = answer.body_mut().frame().await;
            event.context("no event")?.context("no event")?;
            Ok(())
        }
        Expected::Cut => {
            let mut answer = begun(answer?)?;
            let http2 = answer.version() == Version::HTTP_2;
            while let Some(frame) = answer.body_mut().frame().await {
                if frame.is_err() {
                    return Ok(());
                }
            }
            // Some resets look to the library like an end, but for this.
            ensure!(
                http2 && !hyper::body::Body::is_end_stream(answer.body()),
                "a stream that was cut ended as if it were whole"
            );
            Ok(())
        }
        Expected::Answer {
            status,
            served_by,
            body,
        } => {
            let answer = answer.context("no answer")?;
            let got = answer.status().as_u16();
            let server = answer.headers().get(SERVED_BY).cloned();
            let text = answer.into_body().collect().await;
            let text = text.context("the answer breaks off")?.to_bytes();
            let shown = || {
                String::from_utf8_lossy(&text)
                    .chars()
                    .take(200)
                    .collect::<String>()
            };
            ensure!(got == *status, "{got}, not {status}: {}", shown());
            ensure!(
                server.as_ref().map(|server| server.as_bytes())
                    == served_by.as_ref().map(|server| server.as_bytes()),
                "served by {server:?}, not {served_by:?}: {}",
                shown()
            );
            let right = match body {
                Text::Is(body) => *body == text,
                Text::Has(part) => String::from_utf8_lossy(&text).contains(part),
            };
            ensure!(right, "a wrong body: {}, not {body:.200?}", shown());
            Ok(())
        }
    }
}

fn begun(answer: Response<Incoming>) -> Result<Response<Incoming>> {
    ensure!(answer.status() == 200, "status {}", answer.status());
    Ok(answer)
}
