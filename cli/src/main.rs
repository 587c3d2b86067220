//! `rustformations`: what can be done with a configuration without an Envoy.
#![forbid(unsafe_code)]

mod check;
mod denied;
mod document;

use std::process::ExitCode;

use clap::Parser;

/// Works with configurations of the Envoy module rustformations.
#[derive(Parser)]
#[command(name = "rustformations", version)]
enum Command {
    Check(check::Check),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Check(command) => command.execute(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
