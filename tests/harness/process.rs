//! A running Envoy.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use artifacts::{EnvoyRelease, Module};
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::client::Request;
use crate::launch::Launch;

/// The time between two looks at something that is about to happen.
const POLL: Duration = Duration::from_millis(20);

/// The same before Envoy is ready: `ready_after` is no finer.
const READINESS_POLL: Duration = Duration::from_millis(4);

/// How much of a log a failure shows.
const TAIL_LINES: usize = 60;

/// A running Envoy with a directory of its own. Killed when dropped.
#[derive(Debug)]
pub struct Envoy {
    release: EnvoyRelease,
    directory: TempDir,
    child: Mutex<Child>,
    bootstrap: Value,
    patience: Duration,
    spawned: Instant,
    ready_after: Duration,
}

impl Envoy {
    /// `patience` is how long a start, an exit or a log line may take.
    pub(crate) fn new(
        release: EnvoyRelease,
        directory: TempDir,
        child: Child,
        bootstrap: Value,
        patience: Duration,
    ) -> Self {
        Self {
            release,
            directory,
            child: Mutex::new(child),
            bootstrap,
            patience,
            spawned: Instant::now(),
            ready_after: Duration::ZERO,
        }
    }

    /// Starts an Envoy with the module and waits until it is ready. [`Launch`] sets more.
    ///
    /// # Errors
    /// It exits or is not ready in time; the error holds the end of its log.
    pub async fn start(release: EnvoyRelease, module: &Module, bootstrap: Value) -> Result<Self> {
        Launch::new(release, bootstrap).module(module).start().await
    }

    /// Which release runs.
    #[must_use]
    pub fn release(&self) -> EnvoyRelease {
        self.release
    }

    /// Where its first listener accepts connections.
    ///
    /// # Errors
    /// The admin interface does not answer, or there is no listener.
    pub async fn address(&self) -> Result<SocketAddr> {
        let listeners = self.listener_addresses().await?.into_iter();
        let mut addresses = listeners.map(|(_, address)| address);
        addresses.next().context("envoy has no listener")
    }

    /// Where the listener of this name accepts connections.
    ///
    /// # Errors
    /// The admin interface does not answer, or there is no such listener.
    pub async fn listener_address(&self, name: &str) -> Result<SocketAddr> {
        let listeners = self.listener_addresses().await?.into_iter();
        let mut found =
            listeners.filter_map(|(listener, address)| (listener == name).then_some(address));
        found
            .next()
            .with_context(|| format!("envoy has no listener called {name:?}"))
    }

    /// The name of every listener, and where it accepts connections.
    ///
    /// # Errors
    /// The admin interface does not answer as expected.
    pub async fn listener_addresses(&self) -> Result<Vec<(String, SocketAddr)>> {
        let listeners: Value = serde_json::from_str(&self.admin("/listeners?format=json").await?)?;
        let statuses = listeners.get("listener_statuses").and_then(Value::as_array);
        let parsed = statuses.into_iter().flatten().map(parse_listener);
        parsed.collect()
    }

    /// The answer of the admin interface to a GET.
    ///
    /// # Errors
    /// It does not answer, or not with 200.
    pub async fn admin(&self, path: &str) -> Result<String> {
        self.ask_admin(Request::get(path)).await
    }

    /// The answer of the admin interface to a POST, such as `/runtime_modify?key=value`.
    ///
    /// # Errors
    /// It does not answer, or not with 200.
    pub async fn admin_post(&self, path: &str) -> Result<String> {
        self.ask_admin(Request::post(path)).await
    }

    /// The lines of `/stats` whose name matches this regular expression.
    ///
    /// # Errors
    /// The admin interface does not answer.
    pub async fn stats(&self, filter: &str) -> Result<String> {
        self.admin(&format!("/stats?filter={filter}")).await
    }

    /// The value of one counter or gauge, by its full name; 0 if Envoy does not know it yet.
    ///
    /// # Errors
    /// The admin interface does not answer.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        let stats = self.stats(&name.replace('.', "\\.")).await?;
        let value = stats
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map_or(Ok(0), |value| {
            value
                .parse()
                .with_context(|| format!("stat {name} is {value:?}"))
        })
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.file("stderr")
    }

    /// Waits until the log contains `text`, and returns the log.
    ///
    /// # Errors
    /// It does not appear in time.
    pub async fn log_containing(&self, text: &str) -> Result<String> {
        self.wait_for(|| Some(self.log()).filter(|log| log.contains(text)))
            .await
            .with_context(|| format!("envoy logged no {text:?}"))
    }

    /// Waits until the access log has at least `count` lines, and returns them.
    ///
    /// # Errors
    /// It has fewer when the time is up.
    pub async fn access_log(&self, count: usize) -> Result<Vec<String>> {
        let lines = || {
            self.stdout()
                .lines()
                .map(ToOwned::to_owned)
                .collect::<Vec<_>>()
        };
        let found = self
            .wait_for(|| Some(lines()).filter(|lines| lines.len() >= count))
            .await;
        found.with_context(|| format!("access log: wanted {count} lines, have {:#?}", lines()))
    }

    /// Whether the process runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.exit_status(), Ok(None))
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// The time from its start until it was ready, to within a few milliseconds.
    #[must_use]
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The processor time it has used, in user and kernel mode, all threads.
    ///
    /// # Errors
    /// The process has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        let pid = Pid::from_raw(self.pid().try_into()?);
        let clock = clock_getcpuclockid(pid).context("envoy has ended")?;
        Ok(clock_gettime(clock).context("envoy has ended")?.into())
    }

    /// The resident memory it has now, in bytes.
    ///
    /// # Errors
    /// The process has ended.
    pub fn memory(&self) -> Result<u64> {
        self.memory_field("VmRSS:")
    }

    /// The most resident memory it ever had, in bytes.
    ///
    /// # Errors
    /// The process has ended.
    pub fn peak_memory(&self) -> Result<u64> {
        self.memory_field("VmHWM:")
    }

    fn memory_field(&self, name: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(path).context("envoy has ended")?;
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = value.and_then(|value| value.trim().strip_suffix(" kB"));
        // An ended process that nobody has waited for has no such line.
        let kibibytes: u64 = kibibytes.context("envoy has ended")?.parse()?;
        Ok(kibibytes * 1024)
    }

    /// What someone needs to understand a failure: state, bootstrap, the module's stats, the end of both logs.
    pub async fn report(&self) -> String {
        let state = match self.exit_status() {
            Ok(None) => "running".to_owned(),
            Ok(Some(status)) => format!("ended: {status}"),
            Err(error) => format!("unknown: {error}"),
        };
        let stats = match self.is_alive() {
            true => self
                .stats("rustformations")
                .await
                .unwrap_or_else(|error| format!("{error:#}")),
            false => String::new(),
        };
        format!(
            "--- Envoy {} ({state}), bootstrap\n{}\n--- stats\n{stats}\n--- access log\n{}\n--- log\n{}",
            self.release,
            self.bootstrap,
            tail(&self.stdout()),
            tail(&self.log()),
        )
    }

    async fn ask_admin(&self, request: Request) -> Result<String> {
        let address = self
            .file("admin")
            .parse()
            .context("envoy has no admin address yet")?;
        Ok(request.send(address).await?.expect_status(200)?.text())
    }

    pub(crate) async fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(status) = self.exit_status()? {
                bail!(
                    "envoy {} did not start ({status}):\n{}",
                    self.release,
                    tail(&self.log())
                );
            }
            // Refused, reset and 503 all mean: not yet.
            if self.admin("/ready").await.is_ok() {
                self.ready_after = self.spawned.elapsed();
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "envoy is not ready:\n{}",
                tail(&self.log())
            );
            sleep(READINESS_POLL).await;
        }
    }

    /// Has it end as a process manager does, gracefully.
    ///
    /// # Errors
    /// It does not end in time, or not with 0.
    pub async fn end(&self) -> Result<()> {
        self.admin_post("/quitquitquit").await?;
        let status = self.wait_for_exit().await?;
        ensure!(
            status.success(),
            "envoy ended with {status}:\n{}",
            tail(&self.log())
        );
        Ok(())
    }

    /// Ends it by SIGTERM, as its supervisor does, and returns how it exited.
    ///
    /// # Errors
    /// It still runs when the time is up.
    pub async fn terminate(&self) -> Result<ExitStatus> {
        kill(Pid::from_raw(self.pid().try_into()?), Signal::SIGTERM).context("envoy has ended")?;
        self.wait_for_exit().await
    }

    /// How it exited; `None` while it runs.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn exit_status(&self) -> Result<Option<ExitStatus>> {
        self.child()
            .try_wait()
            .context("cannot ask for envoy's state")
    }

    pub(crate) async fn wait_for_exit(&self) -> Result<ExitStatus> {
        let exited = self.wait_for(|| self.exit_status().transpose()).await;
        exited.with_context(|| format!("envoy still runs:\n{}", tail(&self.log())))?
    }

    async fn wait_for<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + self.patience;
        loop {
            let found = look();
            if found.is_some() || Instant::now() > deadline {
                return found;
            }
            sleep(POLL).await;
        }
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stdout(&self) -> String {
        self.file("stdout")
    }

    fn file(&self, name: &str) -> String {
        read(&self.directory.path().join(name))
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let mut child = self.child();
        // Already ended is as good.
        let _killed = child.kill();
        let _reaped = child.wait();
    }
}

/// A listener's name and address, as the admin interface prints them.
fn parse_listener(status: &Value) -> Result<(String, SocketAddr)> {
    let name = status.get("name").and_then(Value::as_str);
    let address = status
        .pointer("/local_address/socket_address")
        .context("a listener without an address")?;
    let ip = address
        .get("address")
        .and_then(Value::as_str)
        .context("a listener without an address")?;
    let port = address
        .get("port_value")
        .and_then(Value::as_u64)
        .context("a listener without a port")?;
    let address = SocketAddr::new(ip.parse()?, port.try_into()?);
    Ok((name.unwrap_or_default().to_owned(), address))
}

/// The file as text; empty if it is not there yet.
fn read(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    lines
        .into_iter()
        .skip(skipped)
        .collect::<Vec<_>>()
        .join("\n")
}
