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
mod updates;
mod upstream;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
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
    #[arg(long, value_name = "N", required_unless_present = "updates")]
    requests: Option<u64>,

    /// Replaces listener, routes and cluster in turn, so often, by LDS, RDS and CDS.
    #[arg(long, value_name = "N")]
    updates: Option<u32>,

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
        Ok(())
    }

    /// # Errors
    /// Memory is not flat.
    fn report(&self, found: Found) -> Result<()> {
        println!("{}", found.text());
        if self.report {
            found.renew()?;
        }
        let trend = found.trend();
        ensure!(trend.is_flat(), "memory is not flat: {trend}");
        Ok(())
    }
}
