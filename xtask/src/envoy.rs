//! `cargo xtask envoy`: where a release of Envoy is.

use anyhow::Result;
use harness::EnvoyRelease;

/// Prints the path of an Envoy binary, downloading it once into the user's cache directory.
#[derive(clap::Args)]
pub(crate) struct Envoy {
    /// The release, such as 1.40.0.
    #[arg(default_value_t = EnvoyRelease::DEFAULT)]
    version: EnvoyRelease,
}

impl Envoy {
    pub(crate) fn execute(&self) -> Result<()> {
        println!("{}", self.version.binary()?.display());
        Ok(())
    }
}
