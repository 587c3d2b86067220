//! The SDKs, and how their trials are judged.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{End, RecordedRequest};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::gateways::Gateways;
use crate::packages::Packages;
use crate::sent::Sent;
use crate::trial::{Place, Seen, Trial};

/// How long a mock may take to see that a peer has left.
const PATIENCE: Duration = Duration::from_secs(5);

/// An SDK, by the name of its package, and the program of `sdks/` that calls it.
#[derive(Clone, Copy)]
pub(super) struct Sdk {
    pub(super) name: &'static str,
    program: &'static str,
}

/// All that are tried.
pub(super) const SDKS: [Sdk; 8] = [
    Sdk::of("openai", "with_openai.py"),
    Sdk::of("anthropic", "with_anthropic.py"),
    Sdk::of("google-genai", "with_google_genai.py"),
    Sdk::of("boto3", "with_boto3.py"),
    Sdk::of("cohere", "with_cohere.py"),
    Sdk::of("mistralai", "with_mistralai.py"),
    Sdk::of("ollama", "with_ollama.py"),
    Sdk::of("litellm", "with_litellm.py"),
];

impl Sdk {
    const fn of(name: &'static str, program: &'static str) -> Self {
        Self { name, program }
    }

    /// Makes its trials.
    ///
    /// # Errors
    /// The program does not run to its end.
    pub(super) async fn play(
        &self,
        packages: &Packages,
        gateways: &Gateways,
    ) -> Result<Vec<Trial>> {
        let mut python = Command::from(packages.python(self.program, &gateways.addresses()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("python3 is missing: install python3 and python3-pip")?;
        let mut stdin = python.stdin.take().context("python3 has no input")?;
        let stdout = python.stdout.take().context("python3 has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut judge = Judge::new(gateways);
        let mut trials = Vec::new();
        while let Some(line) = lines.next_line().await? {
            let seen: Seen = serde_json::from_str(&line)
                .with_context(|| format!("{}: {line:?} is no trial", self.program))?;
            let error = match &seen.error {
                Some(error) => Some(error.clone()),
                None => judge
                    .judge(&seen)
                    .await
                    .err()
                    .map(|error| format!("{error:#}")),
            };
            judge.next();
            // A call to the mock alone is what the next one is compared with.
            if seen.place != Place::Direct || error.is_some() {
                let trial = Trial::new(&seen, error);
                println!("{} {trial}", self.name);
                trials.push(trial);
            }
            stdin.write_all(b"\n").await?;
        }
        let status = python.wait().await?;
        ensure!(status.success(), "{} ended with {status}", self.program);
        ensure!(!trials.is_empty(), "{} made no trial", self.program);
        Ok(trials)
    }
}

/// Compares what the mocks got with what it had to be.
struct Judge<'a> {
    gateways: &'a Gateways,
    /// How many requests each mock had before the trial, by its name.
    before: Vec<(&'static str, usize)>,
    /// What the SDK sent without Envoy.
    direct: Vec<Sent>,
}

impl<'a> Judge<'a> {
    fn new(gateways: &'a Gateways) -> Self {
        let mut judge = Self {
            gateways,
            before: Vec::new(),
            direct: Vec::new(),
        };
        judge.next();
        judge
    }

    /// Begins a trial.
    fn next(&mut self) {
        let places = [Place::Direct, Place::Unified, Place::Llm];
        let mocks = places.iter().flat_map(|place| self.gateways.mocks(*place));
        self.before = mocks
            .map(|(name, mock)| (*name, mock.requests().len()))
            .collect();
    }

    async fn judge(&mut self, seen: &Seen) -> Result<()> {
        let mut arrived = Vec::new();
        for (name, mock) in self.gateways.mocks(seen.place) {
            let before = self.before.iter().find(|(known, _)| known == name);
            let before = before.map(|(_, count)| *count).unwrap_or_default();
            if seen.left && seen.cluster == *name {
                let left = |request: &RecordedRequest| request.left;
                let found = timeout(PATIENCE, mock.request_where("its end", left)).await;
                // The error has every request.
                let found = found.ok().and_then(Result::ok);
                found.with_context(|| format!("{name} was not told that its stream was left"))?;
            }
            let requests = mock.requests();
            let new = requests.get(before..).unwrap_or_default();
            let expected = if seen.place == Place::Direct || seen.cluster == *name {
                seen.requests
            } else {
                0
            };
            ensure!(
                new.len() == expected,
                "{name} got {} requests instead of {expected}",
                new.len()
            );
            if let Some(request) = new.iter().find(|request| request.end != End::Complete) {
                bail!("{name} got a request that is {:?}", request.end);
            }
            arrived.extend(new.iter().map(Sent::of));
        }
        match seen.place {
            Place::Direct => self.direct = arrived,
            Place::Unified if seen.is_compared() => {
                let direct = std::mem::take(&mut self.direct);
                ensure!(
                    direct.len() == arrived.len(),
                    "it was not sent without Envoy"
                );
                for (sent, arrived) in direct.iter().zip(&arrived) {
                    sent.compare(arrived)?;
                }
            }
            Place::Unified | Place::Llm => {}
        }
        Ok(())
    }
}
