//! The test programs of the copy, and how they are run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The least time that a run gets, however short it is without a mutant.
const LEAST: Duration = Duration::from_secs(5);

/// How many times as long as without a mutant a run may take.
const PATIENCE: u32 = 8;

/// A program that runs tests.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    package: String,
    folder: PathBuf,
    path: PathBuf,
    environment: Vec<(&'static str, String)>,
}

/// What chooses a mutant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked<'a> {
    /// The one of this number runs.
    Mutant(u32),
    /// None runs. Those that are reached are noted in this folder.
    Reached(&'a Path),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    Failed,
    TimedOut,
}

impl Program {
    /// The program of tests that a message of cargo reports.
    pub(crate) fn of(message: &Value) -> Option<Self> {
        let text = |pointer| message.pointer(pointer)?.as_str();
        message.pointer("/profile/test")?.as_bool()?.then_some(())?;
        let folder = Path::new(text("/manifest_path")?).parent()?;
        let id = text("/package_id")?;
        let (folder_url, version) = id.rsplit_once('#')?;
        let package = match version.split_once('@') {
            Some((name, _)) => name,
            None => folder_url.rsplit('/').next()?,
        };
        Some(Self {
            name: text("/target/name")?.to_owned(),
            package: package.to_owned(),
            folder: folder.to_owned(),
            path: text("/executable")?.into(),
            environment: Vec::new(),
        })
    }

    /// With this variable.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Its command, which ends after this time, or when it takes more than eight gigabytes.
    fn command(&self, asked: Asked, limit: Duration, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        let script = "ulimit -v 8388608; limit=$1; shift; exec timeout -s KILL \"$limit\" \"$@\"";
        command
            .args(["-c", script, "sh"])
            .arg(limit.as_secs_f64().to_string());
        command
            .arg(&self.path)
            .args(arguments)
            .current_dir(&self.folder);
        command
            .env("CARGO_PKG_NAME", &self.package)
            .env("CARGO_MANIFEST_DIR", &self.folder);
        command.env("RUST_BACKTRACE", "0").env("INSTA_UPDATE", "no");
        // The same inputs each time; that one fails is enough.
        command
            .env("PROPTEST_RNG_SEED", "1")
            .env("PROPTEST_MAX_SHRINK_ITERS", "0");
        command.env("PROPTEST_FAILURE_PERSISTENCE", "off");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        match asked {
            Asked::Mutant(id) => command.env("MUTANT", id.to_string()),
            Asked::Reached(folder) => command.env("MUTANTS_REACHED", folder),
        };
        command.stdin(Stdio::null());
        command
    }

    /// Runs some of its tests with a mutant. Without one they take `usual`.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn run(&self, id: u32, usual: Duration, arguments: &[&str]) -> Result<End> {
        let limit = LEAST.max(usual.saturating_mul(PATIENCE));
        let mut command = self.command(Asked::Mutant(id), limit, arguments);
        let begun = Instant::now();
        let status = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(match status.success() {
            true => End::Passed,
            false if begun.elapsed() >= limit => End::TimedOut,
            false => End::Failed,
        })
    }

    /// What it prints without a mutant, and how long it takes.
    ///
    /// # Errors
    /// A test fails.
    pub(crate) fn output(&self, asked: Asked, arguments: &[&str]) -> Result<(String, Duration)> {
        let begun = Instant::now();
        let limit = Duration::from_secs(600);
        let output = self.command(asked, limit, arguments).output();
        let output = output.with_context(|| self.path.display().to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "{} {arguments:?} fails without a mutant:\n{printed}{said}",
                self.name
            );
        }
        Ok((printed, begun.elapsed()))
    }
}
