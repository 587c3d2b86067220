//! `cargo xtask soak`: whether memory stays flat, and every request is answered right, under long load.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod body;
mod chart;
mod client;
mod exchange;
mod gateway;
mod in_force;
mod load;
mod memory;
mod report;
mod requests;
mod resources;
mod restarts;
mod updates;
mod upstream;
mod visitors;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use harness::{EnvoyRelease, Module};

use report::Found;

/// Sends mixed requests to one Envoy with the module, or replaces its configuration under load, and checks every answer
/// and Envoy's memory.
#[derive(Parser)]
#[command(name = "soak", bin_name = "cargo xtask soak")]
struct Soak {
    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// Sends so many requests of a mix.
    #[arg(long, value_name = "N", required_unless_present_any = ["updates", "restarts"])]
    requests: Option<u64>,

    /// Replaces listener, routes and cluster in turn, so often, by LDS, RDS and CDS.
    #[arg(long, value_name = "N")]
    updates: Option<u32>,

    /// Replaces the Envoy itself so often by a hot restart, with the module and without.
    #[arg(long, value_name = "N")]
    restarts: Option<u32>,

    /// Renews the plots and the figures in docs/soak.md.
    #[arg(long)]
    report: bool,
}

fn main() -> ExitCode {
    summary::exit_code(Soak::parse().execute())
}

impl Soak {
    fn execute(&self) -> Result<()> {
        let module = Module::release()?;
        self.envoy.binary()?;
        let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
        if let Some(requests) = self.requests {
            let run = runtime.block_on(requests::run(self.envoy, module, requests))?;
            self.report(Found::Requests(run))?;
        }
        if let Some(updates) = self.updates {
            let run = runtime.block_on(updates::run(self.envoy, module, updates))?;
            self.report(Found::Updates(run))?;
        }
        if let Some(restarts) = self.restarts {
            let run = runtime.block_on(restarts::run(self.envoy, module, restarts))?;
            self.report(Found::Restarts(run))?;
        }
        Ok(())
    }

    /// # Errors
    /// Memory is not flat, or more was lost than without the module.
    fn report(&self, found: Found) -> Result<()> {
        println!("{}", found.text());
        if self.report {
            found.renew()?;
        }
        found.verdict()
    }
}
