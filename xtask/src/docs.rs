//! `cargo xtask docs`: writes the pages that come from the code.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Writes docs/functions.md from the descriptions beside the functions.
#[derive(clap::Args)]
pub(crate) struct Docs {}

impl Docs {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let page = Command::new(cargo)
            .args(["run", "--quiet", "--locked", "-p", "transformations"])
            .args(["--example", "functions"])
            .current_dir(&root)
            .output()?;
        let errors = String::from_utf8_lossy(&page.stderr);
        ensure!(page.status.success(), "the page was not made: {errors}");
        let path = root.join("docs/functions.md");
        fs::write(&path, page.stdout).with_context(|| format!("writing {}", path.display()))?;
        println!("docs/functions.md");
        Ok(())
    }
}
