//! The module of `bare_module.c`: the least that any module costs.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{EnvoyRelease, Module};
use tempfile::TempDir;

const SOURCE: &str = include_str!("bare_module.c");

/// The module, for as long as this lives.
#[derive(Debug)]
pub(super) struct BareModule {
    pub(super) module: Module,
    _folder: TempDir,
}

impl BareModule {
    /// Compiles it.
    ///
    /// # Errors
    /// It is not for this release, or there is no C compiler.
    pub(super) fn build(release: EnvoyRelease) -> Result<Self> {
        ensure!(release.at_least(1, 40), "needs Envoy 1.40");
        let folder = tempfile::Builder::new().prefix("bare-module-").tempdir()?;
        let source = folder.path().join("bare_module.c");
        let module = folder.path().join("librust_module.so");
        fs::write(&source, SOURCE)?;
        let status = Command::new("cc")
            .args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .args([&module, &source])
            .status()
            .context("cannot run cc: install a C compiler")?;
        ensure!(status.success(), "cc does not compile bare_module.c");
        Ok(Self {
            module: Module::at(&module)?,
            _folder: folder,
        })
    }
}
