//! `rustformations schema`: the keys of a configuration, for editors.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use reference::Filter;

/// Prints the JSON Schema (2020-12) of a filter_config.
///
/// An editor completes and checks a file that begins with `# yaml-language-server: $schema=` and the path of the schema.
#[derive(clap::Args)]
pub struct Schema {
    /// That of the filter http-acl.
    #[arg(long)]
    acl: bool,
}

impl Schema {
    /// Prints it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn execute(&self) -> Result<ExitCode> {
        let filter = if self.acl {
            Filter::Acl
        } else {
            Filter::Transformations
        };
        let schema = reference::text(&reference::schema(filter));
        io::stdout().lock().write_all(schema.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
