//! `rustformations`: what can be done with a configuration without an Envoy.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use rustformations_cli::{Check, Schema};

/// Works with configurations of the Envoy module rustformations.
#[derive(Parser)]
#[command(name = "rustformations", version)]
enum Command {
    Check(Check),
    Schema(Schema),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Check(command) => command.execute(),
        Command::Schema(command) => command.execute(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
