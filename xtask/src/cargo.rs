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
    let profile = profile(name);
    cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--profile",
        profile,
        "--package",
        name,
        "--",
    ])
}

/// What a tool is built by: one that measures must not be what takes the time.
fn profile(name: &str) -> &'static str {
    match name {
        "bench" | "soak" => "load",
        _ => "dev",
    }
}

/// Runs a tool in place of this process, so that its exit code, and what ends it, are the command's own.
///
/// # Errors
/// Always: it does not return otherwise.
pub(crate) fn become_tool(name: &str, arguments: &[OsString]) -> Result<()> {
    Err(tool(name).args(arguments).exec()).context("cannot run cargo")
}
