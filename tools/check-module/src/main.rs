//! `check-module PATH`, and `cargo xtask check-module`, which builds the module first.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

fn main() -> ExitCode {
    summary::exit_code(execute())
}

fn execute() -> Result<()> {
    let path = env::args_os().nth(1).context("usage: check-module PATH")?;
    let report = check_module::check(Path::new(&path))?;
    println!("{}\n\n{report}", path.display());
    let wrong = report.wrong();
    ensure!(wrong == 0, "{wrong} of the checks failed");
    Ok(())
}
