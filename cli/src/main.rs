//! `rustformations`: what can be done with a configuration without an Envoy.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use rustformations_cli::{
    Check, Completions, Convert, Eval, Explain, Functions, Playground, Run, Schema, Test,
};

/// Works with configurations of the Envoy module rustformations.
///
/// Exits 0 if all is well, 1 if something is wrong with what it was given, and 2 if its arguments are wrong.
#[derive(Parser)]
#[command(name = "rustformations", version)]
enum Command {
    Check(Check),
    Eval(Box<Eval>),
    Test(Test),
    Explain(Explain),
    Convert(Convert),
    Functions(Functions),
    Schema(Schema),
    Completions(Completions),
    Playground(Playground),
    Run(Run),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Check(command) => command.execute(),
        Command::Eval(command) => command.execute(),
        Command::Test(command) => command.execute(),
        Command::Convert(command) => command.execute(),
        Command::Explain(command) => command.execute(),
        Command::Functions(command) => command.execute(),
        Command::Schema(command) => command.execute(),
        Command::Run(command) => command.execute(),
        Command::Playground(command) => command.execute(),
        Command::Completions(command) => command.execute(Command::command()),
    };
    match done {
        Ok(code) => code,
        // Whoever reads has read enough, as `head` does.
        Err(error) if is_closed(&error) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether an error is that nobody reads the output any more.
fn is_closed(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
