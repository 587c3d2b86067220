//! Where the workspace is.

use std::path::{Path, PathBuf};

/// The root of the workspace this harness was built in.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
