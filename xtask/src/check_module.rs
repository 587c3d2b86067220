//! `cargo xtask check-module`: what the module file needs and offers.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use harness::Module;

use crate::table::Table;

/// Checks the built module: hooks, symbols, libraries, flags. Exits 1 if some Envoy would refuse it, or if its crashes
/// would have no names.
#[derive(clap::Args)]
pub(crate) struct CheckModule {
    /// A librust_module.so; built if not given.
    path: Option<PathBuf>,
}

impl CheckModule {
    pub(crate) fn execute(&self) -> Result<()> {
        let path = match &self.path {
            Some(path) => path.clone(),
            None => Module::release()?.path().to_path_buf(),
        };
        let report = check_module::check(&path)?;
        println!("{}\n", path.display());
        let mut table = Table::new(["what", "found", "verdict"]);
        for row in &report.rows {
            let cells = [row.what.clone(), row.found.clone(), row.verdict().into()];
            table.row(cells);
        }
        println!("{table}");
        for detail in &report.details {
            println!("{detail}");
        }
        ensure!(
            report.wrong() == 0,
            "{} of the checks failed",
            report.wrong()
        );
        Ok(())
    }
}
