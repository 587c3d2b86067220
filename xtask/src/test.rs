//! `cargo xtask test`: every test there is.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use artifacts::{EnvoyRelease, Module, workspace};
use summary::Tally;

use crate::cargo::cargo;
use crate::needs;

/// Runs every test: of all packages, the scenarios on every supported Envoy (or the one in `ENVOY_BIN`), and the images.
///
/// Where Docker Engine runs and there are base images, or root and debootstrap to make stand-ins, the images are
/// tried; elsewhere they are skipped. The last line counts what passed, failed and was skipped.
///
/// # Errors
/// Something is missing or fails, or is skipped where nothing may be.
pub(crate) fn execute(no_skip: bool) -> Result<()> {
    // All of it first: what is missing must not show only after minutes of compiling.
    needs::check()?;
    for release in EnvoyRelease::SUPPORTED {
        release.binary()?;
    }
    let image = image()?;
    // Says why, if they cannot be had here.
    let mut shown = io::stdout().lock();
    let plan = counted(Command::new(&image).arg("--plan"), &mut shown)?;
    verdict(plan, no_skip).context("the images")?;
    compile()?;
    let mut tally = counted(&mut tests(&["--no-fail-fast"]), &mut shown)?;
    tally += images(tally, plan, &mut shown, |shown| {
        counted(&mut Command::new(&image), shown)
    })?;
    writeln!(shown, "\n{tally}")?;
    verdict(tally, no_skip)
}

/// Builds the tool that tries the images. With a test beside it, cargo gives all crates the features that the tests below
/// want, and compiles none of them twice.
fn image() -> Result<PathBuf> {
    eprintln!("building tools/image ...");
    let program = ["--bin", "image", "--test", "architecture"];
    let mut build = cargo(&["build", "--quiet", "--workspace", "--locked"]);
    let status = build.args(program).current_dir(workspace()).status()?;
    ensure!(status.success(), "tools/image does not compile: see above");
    let this = env::current_exe()?;
    let folder = this.parent().map(Path::to_owned).unwrap_or_default();
    Ok(folder.join("image"))
}

/// Compiles the tests, and the module meanwhile: its last step optimizes it as a whole, on one core.
fn compile() -> Result<()> {
    let module = thread::spawn(|| Module::release().map(|_| ()));
    let status = tests(&["--no-run"]).status().context("cannot run cargo")?;
    let module = module.join().map_err(|_| anyhow!("the build panicked"))?;
    ensure!(status.success(), "the tests do not compile: see above");
    module
}

/// `cargo test` of all packages.
fn tests(arguments: &[&str]) -> Command {
    let mut tests = cargo(&["test", "--workspace", "--locked"]);
    tests.args(arguments).current_dir(workspace());
    tests
}

/// Runs a command, shows what it prints, and adds up what it reports of tests.
fn counted(command: &mut Command, shown: &mut impl Write) -> Result<Tally> {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let printed = child.stdout.take().context("it has no output")?;
    let mut tally = Tally::default();
    let mut elsewhere = 0;
    for line in BufReader::new(printed).split(b'\n') {
        let line = line?;
        shown.write_all(&line)?;
        shown.write_all(b"\n")?;
        let line = String::from_utf8_lossy(&line);
        elsewhere += usize::from(Tally::is_played_elsewhere(&line));
        let mut reported = Tally::of_line(&line);
        if reported != Tally::default() {
            reported.skipped = reported
                .skipped
                .saturating_sub(std::mem::take(&mut elsewhere));
        }
        tally += reported;
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        // A package did not compile, or a test program ended without a result.
        tally += Tally::FAILED;
    }
    Ok(tally)
}

/// What comes of the images, after the tests of the packages. A plan counts nothing, or that they are skipped.
fn images<W: Write>(
    tests: Tally,
    plan: Tally,
    shown: &mut W,
    attempt: impl FnOnce(&mut W) -> Result<Tally>,
) -> Result<Tally> {
    if plan != Tally::default() {
        return Ok(plan);
    }
    if tests.failed > 0 {
        writeln!(
            shown,
            "images: skipped: other tests failed; repair them first"
        )?;
        return Ok(Tally::SKIPPED);
    }
    attempt(shown)
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
    use std::process::Command;

    use anyhow::bail;

    use super::{Tally, counted, images, verdict};

    const PASSED: Tally = Tally {
        passed: 1,
        failed: 0,
        skipped: 0,
    };

    /// The plan of images that can be built.
    const POSSIBLE: Tally = Tally {
        passed: 0,
        failed: 0,
        skipped: 0,
    };

    /// What a script reports. What it prints must not count as a result of these tests.
    fn shell(script: &str) -> Tally {
        let (mut command, mut shown) = (Command::new("sh"), Vec::new());
        counted(command.args(["-c", script]), &mut shown).unwrap()
    }

    #[test]
    fn what_a_command_reports_is_counted() {
        let both = "echo 'test result: ok. 2 passed; 0 failed; 1 ignored'; echo 3 passed, 0 failed, 0 skipped";
        assert_eq!(shell(both).to_string(), "5 passed, 0 failed, 1 skipped");
        assert_eq!(shell("echo building").to_string(), POSSIBLE.to_string());
    }

    /// What only one player can play is no skip: the other plays it.
    #[test]
    fn what_is_played_elsewhere_is_not_left_out() {
        let lines = "echo 'test [in memory only: a host] a::b ... ignored'; echo 'test c ... ignored'; \
                     echo 'test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured'; \
                     echo 'test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured'";
        assert_eq!(shell(lines).to_string(), "2 passed, 0 failed, 2 skipped");
    }

    #[test]
    fn a_command_that_fails_without_a_count_has_failed() {
        assert_eq!(shell("exit 3"), Tally::FAILED);
        let counts = "echo 0 passed, 2 failed, 0 skipped; exit 1";
        assert_eq!(shell(counts).to_string(), "0 passed, 2 failed, 0 skipped");
    }

    #[test]
    fn a_skip_passes_unless_nothing_may_be_skipped() {
        let skipped = images(PASSED, Tally::SKIPPED, &mut Vec::new(), |_| {
            bail!("tried all the same")
        })
        .unwrap();
        assert_eq!(skipped, Tally::SKIPPED);
        assert!(verdict(skipped, false).is_ok());
        assert!(verdict(skipped, true).is_err());
        assert!(verdict(PASSED, true).is_ok());
    }

    #[test]
    fn images_that_fail_are_not_skipped() {
        let tried = images(PASSED, POSSIBLE, &mut Vec::new(), |_| Ok(Tally::FAILED)).unwrap();
        assert_eq!(tried, Tally::FAILED);
        assert!(verdict(tried, false).is_err());
    }

    #[test]
    fn a_skip_hides_no_failure() {
        let mut tally = Tally::FAILED;
        tally += images(tally, POSSIBLE, &mut Vec::new(), |_| Ok(PASSED)).unwrap();
        assert_eq!(tally.to_string(), "0 passed, 1 failed, 1 skipped");
        assert!(verdict(tally, false).is_err());
    }
}
