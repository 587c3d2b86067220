//! `cargo xtask docs`: writes the pages that come from the code.

use std::fs;

use anyhow::{Context, Result, ensure};
use artifacts::workspace;

use crate::cargo::cargo;

/// The pages, by the packages and their examples that print them.
const PAGES: [(&str, &str); 3] = [
    ("transformations", "functions"),
    ("transformations", "metrics"),
    ("rustformations-cli", "mistakes"),
];

/// Writes the pages of docs/ that the code prints: the functions, from the descriptions beside them, the
/// metrics, from their definitions, and the mistakes, from their messages.
///
/// # Errors
/// A package does not compile.
pub(crate) fn write() -> Result<()> {
    for (package, name) in PAGES {
        let page = cargo(&["run", "--quiet", "--locked", "--package", package])
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
