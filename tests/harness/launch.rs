//! How an Envoy is started.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use artifacts::{EnvoyRelease, Module};
use serde_json::Value;

use crate::process::Envoy;

/// How to start an Envoy.
#[derive(Clone, Debug)]
pub struct Launch {
    release: EnvoyRelease,
    binary: Option<PathBuf>,
    bootstrap: Value,
    module: Option<Module>,
    concurrency: u32,
    log_level: String,
    component_log_level: String,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    runner: Vec<String>,
    hot_restart: Vec<String>,
}

/// What `--mode validate` said.
#[derive(Debug)]
pub struct Validation {
    /// Success if the bootstrap is valid.
    pub status: ExitStatus,
    /// Both output streams.
    pub output: String,
}

impl Launch {
    /// An Envoy of this release with this bootstrap: two workers, log level info, no module to find.
    #[must_use]
    pub fn new(release: EnvoyRelease, bootstrap: Value) -> Self {
        Self {
            release,
            binary: None,
            bootstrap,
            module: None,
            concurrency: 2,
            log_level: "info".into(),
            // At start `main` lists every extension there is.
            component_log_level: "main:warning".into(),
            environment: Vec::new(),
            arguments: Vec::new(),
            runner: runner().split_whitespace().map(ToOwned::to_owned).collect(),
            hot_restart: vec!["--disable-hot-restart".into()],
        }
    }

    /// Runs this binary of the release instead of its own.
    #[must_use]
    pub fn binary(mut self, binary: &Path) -> Self {
        self.binary = Some(binary.to_owned());
        self
    }

    /// Where to find `rust_module`.
    #[must_use]
    pub fn module(mut self, module: &Module) -> Self {
        self.module = Some(module.clone());
        self
    }

    /// The number of worker threads.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// The log level of everything, such as `debug`.
    #[must_use]
    pub fn log_level(mut self, level: &str) -> Self {
        level.clone_into(&mut self.log_level);
        self
    }

    /// The log level of some components, such as `dynamic_modules:debug`.
    #[must_use]
    pub fn component_log_level(mut self, levels: &str) -> Self {
        self.component_log_level = format!("main:warning,{levels}");
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds arguments of Envoy.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Takes over from the Envoy of the epoch before, which has the same base id: a hot restart.
    #[must_use]
    pub fn epoch(mut self, base_id: u32, epoch: u32) -> Self {
        let (base_id, epoch) = (base_id.to_string(), epoch.to_string());
        let arguments = ["--base-id", &base_id, "--restart-epoch", &epoch];
        self.hot_restart = arguments.map(ToOwned::to_owned).to_vec();
        self
    }

    /// Whether `ENVOY_RUNNER` has a command run every Envoy, and all takes longer.
    #[must_use]
    pub fn has_runner() -> bool {
        !runner().is_empty()
    }

    /// Has this command run Envoy, as `valgrind` does, instead of the one in `ENVOY_RUNNER`.
    #[must_use]
    pub fn under(mut self, command: &[&str]) -> Self {
        self.runner = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Starts it and waits until it is ready for requests.
    ///
    /// # Errors
    /// It exits or is not ready in time; the error holds the end of its log.
    pub async fn start(self) -> Result<Envoy> {
        let mut envoy = self.spawn(&[])?;
        envoy.wait_until_ready().await?;
        Ok(envoy)
    }

    /// Starts it, expecting it to refuse its bootstrap, and returns its log.
    ///
    /// # Errors
    /// It does not exit, or exits without an error.
    pub async fn start_expecting_refusal(self) -> Result<String> {
        let envoy = self.spawn(&[])?;
        let status = envoy
            .wait_for_exit()
            .await
            .context("envoy accepted what it should refuse")?;
        ensure!(
            !status.success(),
            "envoy ended without an error:\n{}",
            envoy.log()
        );
        ensure!(
            status.code().is_some(),
            "envoy crashed ({status}) instead of refusing:\n{}",
            envoy.log()
        );
        Ok(envoy.log())
    }

    /// Checks the bootstrap with `--mode validate`.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn validate(self) -> Result<Validation> {
        let envoy = self.spawn(&["--mode", "validate"])?;
        let status = envoy.wait_for_exit().await?;
        Ok(Validation {
            status,
            output: envoy.stdout() + &envoy.log(),
        })
    }

    /// How long a start, an exit or a log line may take. On a busy machine a thousand listeners take half a minute; a command
    /// that runs Envoy makes it many times slower.
    fn patience(&self) -> Duration {
        match self.runner.is_empty() {
            true => Duration::from_secs(60),
            false => Duration::from_secs(600),
        }
    }

    fn spawn(self, arguments: &[&str]) -> Result<Envoy> {
        let patience = self.patience();
        let binary = match self.binary {
            Some(binary) => binary,
            None => self.release.binary()?,
        };
        let directory = tempfile::Builder::new().prefix("envoy-").tempdir()?;
        let file = |name: &str| directory.path().join(name);
        fs::write(
            file("bootstrap.json"),
            serde_json::to_string_pretty(&self.bootstrap)?,
        )?;
        let mut command = match self.runner.split_first() {
            None => Command::new(&binary),
            Some((runner, arguments)) => {
                let mut command = Command::new(runner);
                command.args(arguments).arg(&binary);
                command
            }
        };
        command
            .arg("--config-path")
            .arg(file("bootstrap.json"))
            .arg("--admin-address-path")
            .arg(file("admin"))
            .args(["--concurrency", &self.concurrency.to_string()])
            .args(["--log-level", &self.log_level])
            // Access logs are read back by tests: do not hold them for the usual ten seconds.
            .args(["--file-flush-interval-msec", "20"])
            .args(&self.hot_restart)
            .args(["--component-log-level", &self.component_log_level])
            .args(&self.arguments)
            .args(arguments)
            .envs(
                self.module
                    .iter()
                    .map(|module| ("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", module.directory())),
            )
            .envs(self.environment)
            // cargo's, where another build of the module may lie: some releases look there too.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(File::create(file("stdout"))?)
            .stderr(File::create(file("stderr"))?);
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Envoy::new(
            self.release,
            directory,
            child,
            self.bootstrap,
            patience,
        ))
    }
}

/// A command, in words with spaces between, that runs every Envoy.
fn runner() -> String {
    env::var("ENVOY_RUNNER").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envoy_under_a_command_has_more_time() {
        let launch = Launch::new(EnvoyRelease::DEFAULT, Value::Null);
        let (alone, slow) = (
            launch.clone().under(&[]).patience(),
            launch.under(&["valgrind", "--tool=callgrind"]).patience(),
        );
        assert!(slow >= 10 * alone, "{slow:?} instead of {alone:?}");
    }
}
