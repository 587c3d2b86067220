//! What cargo builds.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{cargo, workspace};

/// A line of cargo's messages that reports something built:
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>.
#[derive(Debug)]
pub(crate) struct Artifact(Value);

impl Artifact {
    /// Runs `cargo build`.
    ///
    /// # Errors
    /// It fails; its messages are on the standard error.
    pub(crate) fn build(arguments: &[&str]) -> Result<Vec<Self>> {
        let output = cargo()
            .current_dir(workspace())
            .args([
                "build",
                "--locked",
                "--message-format",
                "json-render-diagnostics",
            ])
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo: install Rust from https://rustup.rs")?;
        ensure!(
            output.status.success(),
            "the build failed: cargo's messages are above"
        );
        let messages = String::from_utf8_lossy(&output.stdout);
        let messages = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let artifacts =
            messages.filter(|message| message.get("reason") == Some(&"compiler-artifact".into()));
        Ok(artifacts.map(Self).collect())
    }

    /// Its file of this name.
    pub(crate) fn file(&self, name: &str) -> Option<&Path> {
        let files = self.0.get("filenames")?.as_array()?.iter();
        files
            .filter_map(|file| Some(Path::new(file.as_str()?)))
            .find(|file| file.ends_with(name))
    }

    /// The text at a JSON Pointer.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }

    /// The program of tests that it is.
    pub(crate) fn test_program(&self) -> Option<&Path> {
        let is_test = self.0.pointer("/profile/test")?.as_bool()?;
        self.text("/executable").filter(|_| is_test).map(Path::new)
    }
}
