//! The `cargo` that started this command.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

/// `cargo <arguments>`.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = artifacts::cargo();
    cargo.args(arguments);
    cargo
}

/// Builds and runs the crate of this name below `tools/`.
pub(crate) fn tool(name: &str) -> Command {
    eprintln!("building tools/{name} ...");
    let mut run = cargo(&["run", "--quiet", "--locked", "--package", name]);
    if name == "bench" {
        // The load must not be what it measures.
        run.args(["--profile", "demo"]);
    }
    run.arg("--");
    run
}

/// Runs a tool in place of this process, so that its exit code, and what ends it, are the command's own.
///
/// # Errors
/// Always: it does not return otherwise.
pub(crate) fn become_tool(name: &str, arguments: &[OsString]) -> Result<()> {
    Err(tool(name).args(arguments).exec()).context("cannot run cargo")
}
