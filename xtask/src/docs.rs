//! `cargo xtask docs`: writes the pages that come from the code.

use std::fs;

use anyhow::{Context, Result, ensure};
use artifacts::workspace;

use crate::cargo::cargo;

/// The pages of `docs/`, and what prints each.
const PAGES: [(&str, &[&str]); 7] = [
    (
        "functions.md",
        &["--package", "transformations", "--example", "functions"],
    ),
    (
        "metrics.md",
        &["--package", "transformations", "--example", "metrics"],
    ),
    (
        "mistakes.md",
        &["--package", "rustformations-cli", "--example", "mistakes"],
    ),
    ("configuration.md", &REFERENCE),
    ("diagnostics.md", &REFERENCE),
    ("schema/transformations.schema.json", &REFERENCE),
    ("schema/http-acl.schema.json", &REFERENCE),
];

/// Prints what it is asked for.
const REFERENCE: [&str; 3] = ["--package", "reference", "--"];

/// Writes the files of docs/ that the code prints: the functions, from the descriptions beside them, the
/// metrics, from their definitions, the mistakes, from their messages, and the reference, from the types of
/// the configuration.
///
/// # Errors
/// The code does not compile.
pub(crate) fn write() -> Result<()> {
    for (path, printer) in PAGES {
        let mut printed = cargo(&["run", "--quiet", "--locked"]);
        printed.args(printer).current_dir(workspace());
        if printer == REFERENCE {
            printed.arg(path);
        }
        let page = printed.output()?;
        let errors = String::from_utf8_lossy(&page.stderr);
        ensure!(page.status.success(), "{path} was not made: {errors}");
        let file = workspace().join("docs").join(path);
        fs::write(&file, page.stdout).with_context(|| format!("writing {}", file.display()))?;
        println!("docs/{path}");
    }
    Ok(())
}
