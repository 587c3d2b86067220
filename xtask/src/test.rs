//! `cargo xtask test`: every test there is.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use harness::EnvoyRelease;

use crate::image::{self, Base, Plan};
use crate::needs;
use crate::tally::Tally;

/// Runs every test: engine, SDK, the scenarios on every supported Envoy (or the one in ENVOY_BIN), and the images.
///
/// Where Docker Engine runs and there are base images, or root and debootstrap to make stand-ins, the images are
/// tried; elsewhere they are skipped. The last line counts what passed, failed and was skipped.
#[derive(clap::Args)]
pub(crate) struct Test {
    /// Fail where anything would be skipped.
    #[arg(long)]
    no_skip: bool,
}

impl Test {
    pub(crate) fn execute(&self) -> Result<()> {
        // All of it first: what is missing must not show only after minutes of compiling.
        needs::check()?;
        for release in EnvoyRelease::SUPPORTED {
            release.binary()?;
        }
        let plan = Plan::make()?;
        if let Plan::Skip(why) = &plan {
            ensure!(!self.no_skip, "the images must not be skipped: {why}");
            skip(why);
        }
        let mut tally = workspace()?;
        tally += images(tally, &plan, image::build_and_try);
        println!("\n{tally}");
        verdict(tally, self.no_skip)
    }
}

/// Runs the tests of every package and shows what they print.
fn workspace() -> Result<Tally> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut child = Command::new(cargo)
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo: install Rust from https://rustup.rs")?;
    let printed = child.stdout.take().context("cargo has no output")?;
    let mut tally = Tally::default();
    let mut shown = io::stdout().lock();
    for line in BufReader::new(printed).split(b'\n') {
        let line = line?;
        shown.write_all(&line)?;
        shown.write_all(b"\n")?;
        tally += Tally::of_line(&String::from_utf8_lossy(&line));
    }
    drop(shown);
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        // A package did not compile, or a test program ended without a result.
        tally += Tally::FAILED;
    }
    Ok(tally)
}

/// What comes of the images, after the tests of the packages.
fn images(tests: Tally, plan: &Plan, attempt: impl FnOnce(&[Base]) -> Result<Tally>) -> Tally {
    match plan {
        Plan::Skip(why) => skip(why),
        Plan::Build(_) if tests.failed > 0 => skip("other tests failed; repair them first"),
        Plan::Build(bases) => attempt(bases).unwrap_or_else(|error| {
            eprintln!("images: {error:#}");
            Tally::FAILED
        }),
    }
}

fn skip(why: &str) -> Tally {
    println!("images: skipped: {why}");
    Tally::SKIPPED
}

fn verdict(tally: Tally, no_skip: bool) -> Result<()> {
    ensure!(tally.failed == 0, "{} failed: see above", tally.failed);
    if no_skip && tally.skipped > 0 {
        bail!("{} skipped, and nothing may be", tally.skipped);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::{Plan, Tally, images, verdict};

    const PASSED: Tally = Tally {
        passed: 1,
        failed: 0,
        skipped: 0,
    };

    #[test]
    fn a_skip_passes_unless_nothing_may_be_skipped() {
        let plan = Plan::Skip("no Docker Engine".into());
        let skipped = images(PASSED, &plan, |_| bail!("tried all the same"));
        assert_eq!(skipped, Tally::SKIPPED);
        assert!(verdict(skipped, false).is_ok());
        assert!(verdict(skipped, true).is_err());
        assert!(verdict(PASSED, true).is_ok());
    }

    #[test]
    fn images_that_fail_are_not_skipped() {
        let plan = Plan::Build(Vec::new());
        let wrong = Tally {
            passed: 20,
            failed: 1,
            skipped: 0,
        };
        assert_eq!(images(PASSED, &plan, |_| Ok(wrong)), wrong);
        let broken = images(PASSED, &plan, |_| bail!("docker build failed"));
        assert_eq!(broken, Tally::FAILED);
        for failed in [wrong, broken] {
            assert!(verdict(failed, false).is_err());
        }
    }

    #[test]
    fn a_skip_hides_no_failure() {
        let mut tally = Tally::FAILED;
        tally += images(tally, &Plan::Build(Vec::new()), |_| Ok(PASSED));
        assert_eq!(tally.to_string(), "0 passed, 1 failed, 1 skipped");
        assert!(verdict(tally, false).is_err());
    }
}
