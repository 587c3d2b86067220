//! How the developer commands sum up: tables, counts, and how they end.
#![forbid(unsafe_code)]

mod table;
mod tally;

use std::fmt;
use std::process::ExitCode;

pub use table::Table;
pub use tally::Tally;

/// How a command ends, its error printed.
pub fn exit_code<E: fmt::Display>(done: Result<(), E>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With all that led to it.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
