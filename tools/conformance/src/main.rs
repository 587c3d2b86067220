//! `cargo xtask conformance`: kgateway's cases, those of other gateways that route on bodies, and our own, on a real Envoy.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use conformance::{Plan, Report, read};
use harness::{EnvoyRelease, Module};

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

    /// Case files: the YAML of docs/cases.md, lines of JSON, or a list of reports from the field.
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
            entries.extend(read(file)?);
        }
        if let Some(only) = &self.only {
            entries.retain(|entry| entry.id() == only);
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
        let plan = Plan::of(&entries, self.envoy);
        let report: Report = runtime.block_on(plan.play(&module));
        println!("{report}");
        // The report is the last thing said.
        if report.failed() > 0 {
            std::process::exit(1);
        }
        Ok(())
    }
}
