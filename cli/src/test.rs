//! `rustformations test`: cases beside a configuration.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use cases::Case;
use cases::engine::{self, Ways};
use cases::read;

use crate::junit::{self, Suite};

const PASSED: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default();
const SKIPPED: Style = AnsiColor::Yellow.on_default();

/// Plays cases: examples of a configuration, an exchange, and what comes of it. `docs/cases.md` describes them.
///
/// Each is played in every way that its bodies can arrive: in one piece, in many, beside filters that hold them. Exits 0 if
/// all pass, else 1.
#[derive(clap::Args)]
pub struct Test {
    /// The files of cases.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Plays only cases whose name contains this text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,

    /// Lists the names, and plays none.
    #[arg(long)]
    list: bool,

    /// Writes the results to a file, in JUnit's XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// Everything that is not as expected.
    Failed(Vec<String>),
    /// Why it cannot be played here.
    Skipped(String),
}

/// A case that was played.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    pub(crate) name: String,
    pub(crate) line: u64,
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
}

impl Test {
    /// Plays the cases.
    ///
    /// # Errors
    /// A file cannot be read, or the output is closed.
    pub fn execute(&self) -> Result<ExitCode> {
        let mut out = anstream::stdout().lock();
        let (mut suites, mut unread) = (Vec::new(), 0);
        for path in &self.files {
            let file = path.display().to_string();
            let placed = match read::file(path) {
                Ok(placed) => placed,
                Err(error) => {
                    unread += 1;
                    writeln!(out, "{FAILED}{error}{FAILED:#}")?;
                    continue;
                }
            };
            let chosen = placed
                .into_iter()
                .filter(|placed| placed.case.name.contains(&self.filter));
            let mut suite = Suite {
                file,
                cases: Vec::new(),
            };
            for placed in chosen {
                if self.list {
                    writeln!(out, "{}:{}: {}", suite.file, placed.line, placed.case.name)?;
                    continue;
                }
                let begun = Instant::now();
                let verdict = verdict(&placed.case);
                let played = Played {
                    name: placed.case.name,
                    line: placed.line,
                    verdict,
                    took: begun.elapsed(),
                };
                shown(&mut out, &suite.file, &played)?;
                suite.cases.push(played);
            }
            suites.push(suite);
        }
        if let Some(path) = &self.junit {
            let written = std::fs::write(path, junit::xml(&suites));
            written.with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        if self.list {
            return Ok(exit(unread == 0));
        }
        let all = || suites.iter().flat_map(|suite| &suite.cases);
        let count = |is: fn(&Verdict) -> bool| all().filter(|played| is(&played.verdict)).count();
        let passed = count(|verdict| matches!(verdict, Verdict::Passed));
        let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
        let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
        if passed + failed + skipped == 0 && unread == 0 {
            writeln!(out, "no case has `{}` in its name", self.filter)?;
        }
        Ok(exit(unread == 0 && failed == 0 && passed > 0))
    }
}

fn exit(is_well: bool) -> ExitCode {
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn verdict(case: &Case) -> Verdict {
    if let Some(what) = engine::only_on_envoy(case) {
        return Verdict::Skipped(format!("{what}: only a real Envoy plays it"));
    }
    match engine::play(case, &mut Ways::default()) {
        problems if problems.is_empty() => Verdict::Passed,
        problems => Verdict::Failed(problems),
    }
}

fn shown(out: &mut dyn Write, file: &str, played: &Played) -> Result<()> {
    let Played {
        name,
        line,
        verdict,
        ..
    } = played;
    match verdict {
        Verdict::Passed => writeln!(out, "{PASSED}ok{PASSED:#}       {name}")?,
        Verdict::Skipped(why) => writeln!(out, "{SKIPPED}skipped{SKIPPED:#}  {name}: {why}")?,
        Verdict::Failed(problems) => {
            writeln!(out, "{FAILED}failed{FAILED:#}   {name} ({file}:{line})")?;
            for problem in problems {
                writeln!(out, "    {problem}")?;
            }
        }
    }
    Ok(())
}
