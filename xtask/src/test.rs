//! `cargo xtask test`: every test there is.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::EnvoyRelease;

use crate::image;

/// Runs every test: engine, SDK, the scenarios on every supported Envoy (or the one in ENVOY_BIN), and, where Docker
/// Engine runs, the images.
#[derive(clap::Args)]
pub(crate) struct Test {}

impl Test {
    pub(crate) fn execute(&self) -> Result<()> {
        // First, so that a missing download tool does not show only after minutes of compiling.
        for release in EnvoyRelease::SUPPORTED {
            release.binary()?;
        }
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["test", "--workspace", "--locked", "--no-fail-fast"])
            .status()
            .context("cannot run cargo: install Rust from https://rustup.rs")?;
        ensure!(status.success(), "tests failed: see above");
        image::test()
    }
}
