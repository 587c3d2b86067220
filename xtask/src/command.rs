//! What can be typed after `cargo xtask`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use artifacts::EnvoyRelease;
use lexopt::{Arg, Parser, ValueExt};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Builds, runs and checks the module.

Usage: cargo xtask COMMAND

  test [--no-skip]                run every test, on every supported Envoy or the one in ENVOY_BIN, and try the images
                                  where that is possible; --no-skip: fail where anything would be skipped
  docs                            write docs/functions.md, docs/metrics.md and docs/mistakes.md from the code
  envoy [VERSION]                 print the path of an Envoy, downloaded once into the user's cache directory
  check-module [PATH]             check the module, built if no PATH is given: hooks, symbols, libraries, flags

Crates below tools/, built when asked for; `cargo xtask COMMAND --help` lists what they take:

  run [--once] [--envoy VERSION]  start Envoy with envoy-configs/body-routing.yaml and two mock LLMs, send sample
                                  requests, show who answered; --once: exit then, with 0 only if each was right
  bench                           compare what bodies and answers cost Envoy: ours, its filters, none
  clients                         call eight SDKs of language models through Envoy, and print what each was tried with
  conformance                     play cases, and case files of other gateways, on a real Envoy
  image                           build the images with Docker Engine and try them
  dist                            build what a release hands out into dist/: archive, module, debug files, licences, sums
  manifests                       check the Kubernetes manifests of deploy/
  mutants                         change the code in thousands of ways, and print each change that no test finds
  soak                            send a million requests, replace configurations, restart Envoy: is each answered, is
                                  memory flat";

/// The crates below `tools/` that are commands, by their names.
const TOOLS: [&str; 9] = [
    "bench",
    "clients",
    "conformance",
    "dist",
    "image",
    "manifests",
    "mutants",
    "run",
    "soak",
];

/// A command with its arguments.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Test {
        no_skip: bool,
    },
    Docs,
    Envoy(EnvoyRelease),
    /// Of this file, or the module built from here.
    CheckModule(Option<PathBuf>),
    /// A crate below `tools/`, and what it is given.
    Tool(&'static str, Vec<OsString>),
}

impl Command {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// There is no such command, or it does not take such arguments.
    pub(crate) fn parse(line: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self> {
        let mut line = Parser::from_iter(line);
        let name = match line.next()? {
            None | Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Self::Help),
            Some(Arg::Value(name)) => name.string()?,
            Some(argument) => bail!("{}; see `cargo xtask --help`", argument.unexpected()),
        };
        if let Some(tool) = TOOLS.into_iter().find(|tool| *tool == name) {
            return Ok(Self::Tool(tool, line.raw_args()?.collect()));
        }
        let mut command = match name.as_str() {
            "help" => Self::Help,
            "test" => Self::Test { no_skip: false },
            "docs" => Self::Docs,
            "envoy" => Self::Envoy(EnvoyRelease::DEFAULT),
            "check-module" => Self::CheckModule(None),
            _ => bail!("no command {name:?}; see `cargo xtask --help`"),
        };
        while let Some(argument) = line.next()? {
            match (&mut command, argument) {
                (_, Arg::Short('h') | Arg::Long("help")) => return Ok(Self::Help),
                (Self::Test { no_skip }, Arg::Long("no-skip")) => *no_skip = true,
                (Self::Envoy(chosen), Arg::Value(version)) => *chosen = release(&version)?,
                (Self::CheckModule(path @ None), Arg::Value(file)) => *path = Some(file.into()),
                (_, argument) => {
                    return Err(argument.unexpected())
                        .with_context(|| format!("cargo xtask {name}"));
                }
            }
        }
        Ok(command)
    }
}

fn release(version: &OsStr) -> Result<EnvoyRelease> {
    version.to_string_lossy().parse()
}

#[cfg(test)]
mod tests {
    use artifacts::EnvoyRelease;

    use super::{Command, HELP, TOOLS};

    fn parsed(line: &str) -> Result<Command, String> {
        Command::parse(line.split(' ')).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn commands_take_what_is_theirs() {
        let release = EnvoyRelease::OLDEST;
        let no_skip = Command::Test { no_skip: true };
        assert_eq!(parsed("xtask test --no-skip").unwrap(), no_skip);
        assert_eq!(
            parsed("xtask envoy 1.36.4").unwrap(),
            Command::Envoy(release)
        );
        let file = Command::CheckModule(Some("a.so".into()));
        assert_eq!(parsed("xtask check-module a.so").unwrap(), file);
        for line in ["xtask", "xtask help", "xtask -h", "xtask test --help"] {
            assert_eq!(parsed(line).unwrap(), Command::Help, "{line}");
        }
    }

    #[test]
    fn a_tool_gets_its_arguments_as_they_are() {
        let arguments = ["--help", "--", "--only=x"];
        let line = format!("xtask bench {}", arguments.join(" "));
        let tool = Command::Tool("bench", arguments.map(Into::into).to_vec());
        assert_eq!(parsed(&line).unwrap(), tool);
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (line, named) in [
            ("xtask rnu", "no command \"rnu\""),
            (
                "xtask test --onec",
                "cargo xtask test: invalid option '--onec'",
            ),
            ("xtask docs x", "\"x\""),
            ("xtask check-module a b", "\"b\""),
            ("xtask envoy latest", "latest"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn help_lists_every_tool() {
        for tool in TOOLS {
            assert!(HELP.contains(&format!("\n  {tool} ")), "{tool}");
        }
    }
}
