//! The Envoy of a batch of cases: what it made of each listener, and what it logs of each request.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{Envoy, EnvoyRelease, Launch, Module};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use super::bootstrap::{DETAILS, LISTENER, METADATA, socket_path};

/// How long Envoy may take to decide about its listeners, or to log a request.
const PATIENCE: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(10);

/// A running Envoy and the files it reads.
pub(crate) struct Gateway {
    envoy: Envoy,
    /// Of each listener: that it was taken, or why not.
    decisions: HashMap<String, Decision>,
}

/// What Envoy made of a listener.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    /// It listens; a Unix socket has no such address.
    Accepted(Option<SocketAddr>),
    /// Envoy's reason.
    Refused(String),
}

/// What the access log says of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLine {
    pub(crate) details: Option<String>,
    /// By namespace and key.
    pub(crate) metadata: BTreeMap<(String, String), Value>,
}

/// The files of one batch.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(
            tempfile::Builder::new().prefix("conformance-").tempdir()?,
        ))
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn listeners(&self) -> PathBuf {
        self.0.path().join("listeners.json")
    }

    pub(crate) fn clusters(&self) -> PathBuf {
        self.0.path().join("clusters.json")
    }
}

impl Gateway {
    /// Starts an Envoy whose bootstrap reads listeners and clusters from `files`.
    ///
    /// # Errors
    /// It does not start, or does not decide about every listener.
    pub(crate) async fn start(
        release: EnvoyRelease,
        module: &Module,
        environment: &BTreeMap<String, String>,
        bootstrap: Value,
        (listeners, clusters): (&[Value], &[Value]),
        files: &Files,
    ) -> Result<Self> {
        for (file, resources) in [(files.listeners(), listeners), (files.clusters(), clusters)] {
            let resources = json!({"version_info": "1", "resources": resources});
            std::fs::write(file, resources.to_string())?;
        }
        // One worker, so that the access log is in the order of the requests.
        let launch = Launch::new(release, bootstrap)
            .module(module)
            .concurrency(1);
        let launch = environment
            .iter()
            .fold(launch, |launch, (name, value)| launch.env(name, value));
        let envoy = launch.start().await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let decisions = decisions(&envoy).await?;
            let undecided: Vec<&str> = listeners
                .iter()
                .filter_map(|listener| listener.get("name").and_then(Value::as_str))
                .filter(|name| !decisions.contains_key(*name))
                .collect();
            if undecided.is_empty() {
                return Ok(Self { envoy, decisions });
            }
            ensure!(
                Instant::now() < deadline,
                "envoy neither took nor refused {undecided:?}\n{}",
                envoy.log()
            );
            sleep(POLL).await;
        }
    }

    pub(crate) fn decision(&self, listener: &str) -> Result<Decision> {
        let decision = self.decisions.get(listener).cloned();
        decision.with_context(|| format!("envoy does not know the listener {listener}"))
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.envoy.is_alive()
    }

    /// The end of what it logged.
    pub(crate) fn last_words(&self) -> String {
        let log = self.envoy.log();
        let mut lines = log.lines().map(str::trim).filter(|line| !line.is_empty());
        let telling = |line: &&str| line.contains("panicked") || line.contains("Caught");
        let line = lines.clone().rfind(telling).or(lines.next_back());
        line.unwrap_or("it logged nothing").to_owned()
    }

    /// The value of a counter the module defined, whatever Envoy puts before its name; `None` if there is none.
    pub(crate) async fn counter(&self, name: &str) -> Result<Option<u64>> {
        let stats = self
            .envoy
            .stats(&format!("{}$", name.replace('.', "\\.")))
            .await?;
        let suffix = format!(".{name}");
        let mut sum = None;
        for (stat, value) in stats.lines().filter_map(|line| line.split_once(": ")) {
            if stat == name || stat.ends_with(&suffix) {
                let value: u64 = value.parse().with_context(|| format!("{stat}: {value}"))?;
                sum = Some(sum.unwrap_or(0) + value);
            }
        }
        Ok(sum)
    }

    /// The first line of the access log about this listener, once it is there; `None` if it does not come in time.
    pub(crate) async fn log_line(&self, listener: &str) -> Result<Option<LogLine>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.envoy.access_log(0).await?;
            for line in lines.into_iter().filter(|line| line.contains(listener)) {
                // The last one may be half written.
                let Ok(line) = serde_json::from_str::<Value>(&line) else {
                    continue;
                };
                if line.get(LISTENER).and_then(Value::as_str) == Some(listener) {
                    return Ok(Some(log_line(&line)));
                }
            }
            if Instant::now() > deadline || !self.is_alive() {
                return Ok(None);
            }
            sleep(POLL).await;
        }
    }
}

fn log_line(line: &Value) -> LogLine {
    let namespaces = line.get(METADATA).and_then(Value::as_object);
    let metadata = namespaces
        .into_iter()
        .flatten()
        .flat_map(|(namespace, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(|(key, value)| ((namespace.clone(), key.clone()), value.clone()))
        });
    LogLine {
        details: line
            .get(DETAILS)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned),
        metadata: metadata.collect(),
    }
}

async fn decisions(envoy: &Envoy) -> Result<HashMap<String, Decision>> {
    let active: Value = serde_json::from_str(&envoy.admin("/listeners?format=json").await?)?;
    let active = active.get("listener_statuses").and_then(Value::as_array);
    let accepted = active.into_iter().flatten().filter_map(|status| {
        let name = status.get("name")?.as_str()?;
        let socket = status.pointer("/local_address/socket_address");
        let address = socket.and_then(|socket| {
            let ip = socket.get("address")?.as_str()?.parse().ok()?;
            let port = socket.get("port_value")?.as_u64()?.try_into().ok()?;
            Some(SocketAddr::new(ip, port))
        });
        Some((name.to_owned(), Decision::Accepted(address)))
    });
    let mut decisions: HashMap<String, Decision> = accepted.collect();
    let dump = envoy
        .admin("/config_dump?resource=dynamic_listeners")
        .await?;
    let dump: Value = serde_json::from_str(&dump)?;
    let dynamic = dump.get("configs").and_then(Value::as_array);
    for listener in dynamic.into_iter().flatten() {
        let reason = listener
            .pointer("/error_state/details")
            .and_then(Value::as_str);
        let attempt = listener.pointer("/error_state/failed_configuration/name");
        let name = listener.get("name").or(attempt).and_then(Value::as_str);
        if let (Some(name), Some(reason)) = (name, reason) {
            decisions.insert(name.to_owned(), Decision::Refused(reason.to_owned()));
        }
    }
    Ok(decisions)
}

/// Where the Unix socket of a listener is.
pub(crate) fn unix_socket(files: &Files, listener: &str) -> PathBuf {
    socket_path(files.directory(), listener)
}
