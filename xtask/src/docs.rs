//! `cargo xtask docs`: writes the pages that come from the code.

use std::fs;

use anyhow::{Context, Result, ensure};
use artifacts::workspace;

use crate::cargo::cargo;

/// Writes docs/functions.md from the descriptions beside the functions.
///
/// # Errors
/// The engine does not compile.
pub(crate) fn write() -> Result<()> {
    let page = cargo(&["run", "--quiet", "--locked", "--package", "transformations"])
        .args(["--example", "functions"])
        .current_dir(workspace())
        .output()?;
    let errors = String::from_utf8_lossy(&page.stderr);
    ensure!(page.status.success(), "the page was not made: {errors}");
    let path = workspace().join("docs/functions.md");
    fs::write(&path, page.stdout).with_context(|| format!("writing {}", path.display()))?;
    println!("docs/functions.md");
    Ok(())
}
