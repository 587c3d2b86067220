//! `rustformations completions`: what a shell completes.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;

/// Prints the completions for a shell.
///
/// `rustformations completions bash > /etc/bash_completion.d/rustformations`
#[derive(clap::Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints those of `command`.
    ///
    /// # Errors
    /// The output is closed.
    pub fn execute(&self, mut command: Command) -> Result<ExitCode> {
        // clap_complete panics if what it writes to is closed.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, "rustformations", &mut text);
        io::stdout().lock().write_all(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
