//! Developer commands: `cargo xtask <command>`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

#[cfg(test)]
mod architecture;
mod bench;
mod check_module;
mod conformance;
mod docs;
mod envoy;
mod image;
mod manifests;
mod needs;
mod run;
mod table;
mod tally;
mod test;

use std::process::ExitCode;

use clap::Parser;

/// Builds, runs and checks the module.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    Run(run::Run),
    Test(test::Test),
    Envoy(envoy::Envoy),
    CheckModule(check_module::CheckModule),
    Conformance(conformance::Conformance),
    Manifests(manifests::Manifests),
    Bench(bench::Bench),
    Docs(docs::Docs),
    Image(image::Image),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Run(command) => command.execute(),
        Command::Test(command) => command.execute(),
        Command::Envoy(command) => command.execute(),
        Command::CheckModule(command) => command.execute(),
        Command::Conformance(command) => command.execute(),
        Command::Manifests(command) => command.execute(),
        Command::Bench(command) => command.execute(),
        Command::Docs(command) => command.execute(),
        Command::Image(command) => command.execute(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
