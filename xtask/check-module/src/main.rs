//! `check-module PATH`: the check of `cargo xtask check-module` where xtask itself would take long to build.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use std::env;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = env::args_os().nth(1) else {
        eprintln!("usage: check-module PATH");
        return ExitCode::FAILURE;
    };
    let report = match check_module::check(Path::new(&path)) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    for row in &report.rows {
        println!("{}: {} {}", row.what, row.found, row.verdict());
    }
    for detail in &report.details {
        println!("{detail}");
    }
    if report.wrong() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
