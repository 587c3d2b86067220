//! Modules beside the one under test, in a search path of their own.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{Launch, Module};
use tempfile::TempDir;

const SOURCE: &str = include_str!("foreign_module.c");

/// A second copy of our own module under another file name, as an upgrade has it.
pub(super) const GREEN: &str = "rust_module_green";

/// A module of another kind.
pub(super) const FOREIGN: &str = "foreign";

/// A search path with our module, a copy of it, and a module of another kind.
pub(super) struct Modules(TempDir);

impl Modules {
    pub(super) fn new() -> Result<Self> {
        let ours = Module::release()?.path();
        let directory = tempfile::tempdir()?;
        let file = |name: &str| directory.path().join(format!("lib{name}.so"));
        // Copies: the loader takes links to one file for one module.
        fs::copy(ours, file("rust_module"))?;
        fs::copy(ours, file(GREEN))?;
        let source = directory.path().join("foreign_module.c");
        fs::write(&source, SOURCE)?;
        let status = Command::new("cc")
            .args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC"])
            .arg(format!("-DMODULE=\"{}\"", file("rust_module").display()))
            .arg("-o")
            .args([&file(FOREIGN), &source])
            .arg("-ldl")
            .status()
            .context("cannot run cc: install a C compiler")?;
        ensure!(status.success(), "cc does not compile foreign_module.c");
        Ok(Self(directory))
    }

    /// An Envoy that finds them all.
    pub(super) fn find(&self, launch: Launch) -> Launch {
        let directory = self.0.path().to_string_lossy();
        launch.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", &directory)
    }
}
