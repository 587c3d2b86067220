//! `cargo xtask docs`: writes the pages that come from the code.

use std::fs;

use anyhow::{Context, Result, ensure};
use artifacts::workspace;

use crate::cargo::cargo;

/// The pages, by the examples of the engine that print them.
const PAGES: [&str; 2] = ["functions", "metrics"];

/// Writes the pages of docs/ that the engine prints: the functions, from the descriptions beside them, and
/// the metrics, from their definitions.
///
/// # Errors
/// The engine does not compile.
pub(crate) fn write() -> Result<()> {
    for name in PAGES {
        let page = cargo(&["run", "--quiet", "--locked", "--package", "transformations"])
            .args(["--example", name])
            .current_dir(workspace())
            .output()?;
        let errors = String::from_utf8_lossy(&page.stderr);
        ensure!(page.status.success(), "{name}.md was not made: {errors}");
        let path = workspace().join("docs").join(name).with_extension("md");
        fs::write(&path, page.stdout).with_context(|| format!("writing {}", path.display()))?;
        println!("docs/{name}.md");
    }
    Ok(())
}
