//! `cargo xtask conformance`: kgateway's cases, and those of other gateways that route on bodies, on a real Envoy.
//!
//! `case` reads them into cases of `docs/cases.md`, with `routing` for those of others, `body` and `expectation`; `take` is
//! one of them on its way; `wire` decides how client
//! and upstream express one; `bootstrap` gives each a listener; `batch` takes those that can share an Envoy, which
//! `gateway` starts; `play`, with `tunnel` and `callbacks`, sends the requests; `verdict` compares the `observation` with the `expectation`; `report` says what differs.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod batch;
mod body;
mod bootstrap;
mod callbacks;
mod case;
mod documented;
mod expectation;
mod gateway;
mod observation;
mod play;
mod report;
mod routing;
mod take;
mod tunnel;
mod verdict;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use harness::{EnvoyRelease, Module};

use batch::Act;
use case::{Content, Entry};
use report::{Outcome, Report};

/// Plays conformance cases on a real Envoy: kgateway's case files, those of other gateways that route on bodies, and
/// files of configurations that must load.
#[derive(Parser)]
#[command(name = "conformance", bin_name = "cargo xtask conformance")]
struct Conformance {
    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// A librust_module.so to test instead of a fresh build.
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,

    /// Play only the case of this id.
    #[arg(long, value_name = "ID")]
    only: Option<String>,

    /// Play a sample: one case of as many.
    #[arg(long, value_name = "N")]
    every: Option<std::num::NonZeroUsize>,

    /// Case files: lines of JSON, or the YAML of docs/cases.md.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    summary::exit_code(Conformance::parse().execute())
}

impl Conformance {
    fn execute(&self) -> Result<()> {
        let mut entries = Vec::new();
        for file in &self.files {
            entries.extend(case::read(file)?);
        }
        if let Some(only) = &self.only {
            entries.retain(|entry| entry.id == *only);
            ensure!(!entries.is_empty(), "no case is called {only:?}");
        }
        if let Some(every) = self.every {
            let sample = entries.into_iter().step_by(every.get());
            entries = sample.collect();
        }
        self.envoy.binary()?;
        let module = match &self.module {
            Some(path) => Module::at(path)?,
            None => Module::release()?.clone(),
        };
        let runtime = tokio::runtime::Runtime::new()?;
        let report = runtime.block_on(self.run(&entries, &module));
        println!("{report}");
        // The report is the last thing said.
        if report.failed() > 0 {
            std::process::exit(1);
        }
        Ok(())
    }

    async fn run(&self, entries: &[Entry], module: &Module) -> Report {
        let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
        let mut acts = BTreeMap::new();
        for (number, Entry { id, content }) in entries.iter().enumerate() {
            match content {
                Err(error) => {
                    outcomes.insert(number, Outcome::unplayed(id, error));
                }
                Ok(Content::Golden(golden)) => {
                    acts.insert(number, Act::golden(number, id, golden));
                }
                Ok(Content::Case(case)) => match Act::case(number, id, case, self.envoy).await {
                    Ok(act) => {
                        acts.insert(number, act);
                    }
                    Err(reason) if case.ours => {
                        outcomes.insert(number, Outcome::engine_only(id, &reason));
                    }
                    Err(reason) => {
                        let differences = vec![format!("cannot express: {reason:#}")];
                        outcomes.insert(number, Outcome::new(id, differences).of(case));
                    }
                },
            }
        }
        let mut batches: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (number, act) in &acts {
            batches.entry(act.environment()).or_default().push(*number);
        }
        for numbers in batches.into_values() {
            let batch: Vec<&Act<'_>> = numbers
                .iter()
                .filter_map(|number| acts.get(number))
                .collect();
            let played = batch::run(&batch, self.envoy, module).await;
            outcomes.extend(numbers.into_iter().zip(played));
        }
        Report {
            outcomes: outcomes.into_values().collect(),
            documented: documented::differences(),
        }
    }
}
