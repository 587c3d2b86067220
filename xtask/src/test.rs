//! `cargo xtask test`: every test there is.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use artifacts::{EnvoyRelease, Tests, workspace};
use summary::Tally;

use crate::cargo::cargo;
use crate::reported::counted;
use crate::{needs, programs};

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
    let mut tally = programs::run(Tests::build()?, &mut shown)?;
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
    use anyhow::bail;

    use super::{Tally, images, verdict};

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
