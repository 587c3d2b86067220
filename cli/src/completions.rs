//! `rustformations completions`: what a shell completes.

use std::io;
use std::process::ExitCode;

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
    pub fn execute(&self, mut command: Command) -> ExitCode {
        clap_complete::generate(
            self.shell,
            &mut command,
            "rustformations",
            &mut io::stdout(),
        );
        ExitCode::SUCCESS
    }
}
