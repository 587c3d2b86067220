//! Developer commands: `cargo xtask <command>`.
//!
//! Those that only start what is there are here, and build in seconds. The others are crates below `tools/`, built when
//! asked for.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod cargo;
mod command;
mod docs;
mod needs;
mod programs;
mod reported;
mod test;

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use artifacts::Module;

use command::{Command, HELP};

fn main() -> ExitCode {
    summary::exit_code(Command::parse(env::args_os()).and_then(execute))
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::Help => println!("{HELP}"),
        Command::Test { no_skip } => test::execute(no_skip)?,
        Command::Docs => docs::write()?,
        Command::Envoy(release) => println!("{}", release.binary()?.display()),
        Command::CheckModule(path) => {
            let path = path.map_or_else(
                || Ok(Module::release()?.path().into()),
                Ok::<_, anyhow::Error>,
            )?;
            return cargo::become_tool("check-module", &[path.into()]);
        }
        Command::Tool(name, arguments) => return cargo::become_tool(name, &arguments),
    }
    Ok(())
}
