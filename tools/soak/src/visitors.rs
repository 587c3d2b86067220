//! Clients on short connections, whose answers show which versions of Envoy's configuration they met.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::body::Pieces;
use crate::client::{Connection, Head, Protocol};
use crate::in_force::InForce;
use crate::resources::{OF_RESPONSE, Resource};

/// Clients of each protocol.
const CLIENTS: usize = 3;

/// How long a client keeps a connection: not as long as Envoy keeps those that it drains.
const LIFE: Duration = Duration::from_millis(500);
pub(crate) const DRAIN: &str = "2";

/// How long a connection may live on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Errors that are kept to be shown.
const SHOWN: usize = 5;

/// What an answer has to show.
#[derive(Debug)]
pub(crate) enum Marks {
    /// Nothing: the module is not there.
    None,
    /// For each resource a version that was in force.
    Versions(BTreeMap<Resource, InForce>),
}

/// The clients and what they have seen.
#[derive(Debug)]
pub(crate) struct Visitors {
    address: SocketAddr,
    pub(crate) marks: Marks,
    stop: AtomicBool,
    pub(crate) answers: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) lost: AtomicU64,
    errors: Mutex<Vec<String>>,
}

impl Visitors {
    pub(crate) fn new(address: SocketAddr, marks: Marks) -> Arc<Self> {
        Arc::new(Self {
            address,
            marks,
            stop: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            errors: Mutex::default(),
        })
    }

    /// Sends requests until they are told to stop.
    pub(crate) fn start(self: &Arc<Self>) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for protocol in [Protocol::Http1, Protocol::Http2] {
            for _ in 0..CLIENTS {
                clients.spawn(Arc::clone(self).client(protocol));
            }
        }
        clients
    }

    /// Waits for what is under way.
    pub(crate) async fn stop(&self, clients: JoinSet<()>) {
        self.stop.store(true, Ordering::Relaxed);
        clients.join_all().await;
    }

    /// # Errors
    /// A request was lost, or answered wrong.
    pub(crate) fn check(&self) -> Result<()> {
        let lost = self.lost.load(Ordering::Relaxed);
        ensure!(
            lost == 0,
            "{lost} requests went wrong: {:#?}",
            self.errors()
        );
        Ok(())
    }

    /// The first of what went wrong.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.clone()
    }

    async fn client(self: Arc<Self>, protocol: Protocol) {
        while !self.stop.load(Ordering::Relaxed) {
            let lived = timeout(PATIENCE, self.connection(protocol)).await;
            let lived = lived.unwrap_or_else(|_| bail!("nothing for {PATIENCE:?}"));
            if let Err(error) = lived {
                self.lost.fetch_add(1, Ordering::Relaxed);
                let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
                if errors.len() < SHOWN {
                    errors.push(format!("by {protocol:?}: {error:#}"));
                }
            }
        }
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
            if let Marks::Versions(in_force) = &self.marks {
                for (resource, in_force) in in_force {
                    let may = match resource {
                        Resource::Listener => listener
                            .get_or_insert_with(|| in_force.since(opened))
                            .clone(),
                        Resource::Routes | Resource::Cluster => in_force.since(began),
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
            }
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
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
