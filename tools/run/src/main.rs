//! `cargo xtask run`: a gateway to try.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod gateway;
mod http;
mod mock_llm;
mod run;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::{Arg, Parser};

use run::Run;

const HELP: &str = "\
Starts Envoy with envoy-configs/body-routing.yaml and two mock LLMs, sends sample requests and shows who answered.

Usage: cargo xtask run [--once] [--envoy VERSION]

  --once           exit after the samples, with 0 only if each answer was right
  --envoy VERSION  the release of Envoy, instead of the newest";

fn main() -> ExitCode {
    summary::exit_code(parse(env::args_os()).and_then(|run| match run {
        Some(run) => run.execute(),
        None => {
            println!("{HELP}");
            Ok(())
        }
    }))
}

/// Reads a command line, the program's name first. `None`: it asks for help.
fn parse(line: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Option<Run>> {
    let mut line = Parser::from_iter(line);
    let mut run = Run::default();
    while let Some(argument) = line.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("once") => run.once = true,
            Arg::Long("envoy") => run.release = line.value()?.to_string_lossy().parse()?,
            argument => return Err(argument.unexpected()).context("cargo xtask run"),
        }
    }
    Ok(Some(run))
}

#[cfg(test)]
mod tests {
    use artifacts::EnvoyRelease;

    use super::{Run, parse};

    #[test]
    fn options_are_taken_in_any_order() {
        let run = Run {
            once: true,
            release: EnvoyRelease::OLDEST,
        };
        for line in ["--once --envoy 1.36.4", "--envoy=1.36.4 --once"] {
            let line = format!("run {line}");
            assert_eq!(parse(line.split(' ')).unwrap(), Some(run));
        }
        assert_eq!(parse(["run"]).unwrap(), Some(Run::default()));
        assert_eq!(parse(["run", "--help"]).unwrap(), None);
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (line, named) in [
            ("run --onec", "cargo xtask run: invalid option '--onec'"),
            ("run --envoy latest", "latest"),
            ("run --envoy", "--envoy"),
        ] {
            let error = format!("{:#}", parse(line.split(' ')).unwrap_err());
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
