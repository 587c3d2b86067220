//! Requests without pause, and what became of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use harness::{Connection, Protocol, Request};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The models and the servers that must answer for them.
pub(super) const MODELS: [(&str, &str); 2] = [("gpt-4o", "openai"), ("mistral-small", "local")];

/// The pause of a connection between two requests: the hosts share this machine's processors.
const PACE: Duration = Duration::from_millis(5);

/// A load that lasts until it is finished.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Tally>>,
    begin: Instant,
}

/// What became of requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many, by model and outcome: `200`, another status, or what went wrong.
    pub(super) outcomes: BTreeMap<(&'static str, String), usize>,
    /// How many each gateway answered.
    pub(super) gateways: BTreeMap<String, usize>,
    pub(super) slowest: Duration,
    pub(super) lasted: Duration,
}

impl Load {
    /// Sends requests over so many connections, for both models in turn.
    pub(super) fn start(address: SocketAddr, connections: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..connections)
            .map(|_| tokio::spawn(send_until(Arc::clone(&stop), address)))
            .collect();
        Self {
            stop,
            tasks,
            begin: Instant::now(),
        }
    }

    /// Ends it and adds up.
    pub(super) async fn finish(self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut total = Tally::default();
        for task in self.tasks {
            let tally = task.await?;
            for (key, count) in tally.outcomes {
                *total.outcomes.entry(key).or_default() += count;
            }
            for (gateway, count) in tally.gateways {
                *total.gateways.entry(gateway).or_default() += count;
            }
            total.slowest = total.slowest.max(tally.slowest);
        }
        total.lasted = self.begin.elapsed();
        Ok(total)
    }
}

async fn send_until(stop: Arc<AtomicBool>, address: SocketAddr) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    for (model, server) in MODELS.into_iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        let outcome = match ask(&mut connection, address, model, server).await {
            Ok((outcome, gateway)) => {
                if let Some(gateway) = gateway {
                    *tally.gateways.entry(gateway).or_default() += 1;
                }
                outcome
            }
            Err(error) => {
                connection = None;
                format!("{error:#}")
            }
        };
        tally.slowest = tally.slowest.max(begin.elapsed());
        *tally.outcomes.entry((model, outcome)).or_default() += 1;
        sleep(PACE).await;
    }
    tally
}

/// How the request ended, and which gateway says so.
async fn ask(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    model: &str,
    server: &str,
) -> Result<(String, Option<String>)> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(address, Protocol::Http1).await?),
    };
    let request =
        Request::post("/v1/chat/completions").json(&json!({"messages": [], "model": model}));
    let response = open.send(request).await?;
    if response.headers.value("connection").as_deref() == Some("close") {
        *connection = None;
    }
    let gateway = response.headers.value("x-gateway");
    let served = response.headers.value("x-served-by");
    let right = response.status != 200 || served.as_deref() == Some(server);
    let outcome = match right {
        true => response.status.to_string(),
        false => format!("200 of {served:?}"),
    };
    Ok((outcome, gateway))
}

impl Tally {
    /// How many ended so, whatever the model.
    pub(super) fn requests(&self) -> usize {
        self.outcomes.values().sum()
    }

    /// How many were not answered by the right server.
    pub(super) fn failed(&self) -> usize {
        let failed = self
            .outcomes
            .iter()
            .filter(|((_, outcome), _)| outcome != "200");
        failed.map(|(_, count)| count).sum()
    }

    /// What became of the requests for one model.
    pub(super) fn of(&self, wanted: &str) -> BTreeMap<&str, usize> {
        let outcomes = self
            .outcomes
            .iter()
            .filter(|((model, _), _)| *model == wanted);
        outcomes
            .map(|((_, outcome), count)| (outcome.as_str(), *count))
            .collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} requests in {:.1} s, {} failed, slowest {} ms",
            self.requests(),
            self.lasted.as_secs_f64(),
            self.failed(),
            self.slowest.as_millis()
        )
    }
}
