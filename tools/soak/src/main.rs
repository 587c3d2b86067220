//! `cargo xtask soak`: whether memory stays flat, and every request is answered right, under long load.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod body;
mod chart;
mod client;
mod exchange;
mod gateway;
mod load;
mod memory;
mod report;
mod requests;
mod upstream;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use harness::{EnvoyRelease, Module};

/// Sends mixed requests to one Envoy with the module, and checks every answer and Envoy's memory.
#[derive(Parser)]
#[command(name = "soak", bin_name = "cargo xtask soak")]
struct Soak {
    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// How many requests are sent.
    #[arg(long, value_name = "N")]
    requests: u64,

    /// Renews the plot and the tables in docs/soak.md.
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
        let run = runtime.block_on(requests::run(self.envoy, &module, self.requests))?;
        println!("{}", report::text(&run));
        if self.report {
            report::renew(&run)?;
        }
        ensure!(
            run.trend.is_flat(),
            "memory is not flat: {}",
            report::trend(&run.trend)
        );
        Ok(())
    }
}
