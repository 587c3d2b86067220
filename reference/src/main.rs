//! Prints a generated file of `docs/`, by its path there. `cargo xtask docs` writes them.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)] // what it is for

use std::process::ExitCode;

use reference::PAGES;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_default();
    let Some(page) = PAGES.iter().find(|page| page.path == path) else {
        let paths = PAGES.map(|page| page.path).join(", ");
        eprintln!("error: `{path}` is no generated file; name one of {paths}");
        return ExitCode::FAILURE;
    };
    print!("{}", (page.make)());
    ExitCode::SUCCESS
}
