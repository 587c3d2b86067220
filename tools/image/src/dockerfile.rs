//! What the Dockerfile declares.

use std::fs;

use anyhow::{Context, Result};
use harness::workspace;

/// The arguments that name base images, with the image of each.
pub(super) fn bases() -> Result<Vec<(String, String)>> {
    let mut declared = arguments()?;
    declared.retain(|(argument, _)| argument.ends_with("_IMAGE"));
    Ok(declared)
}

/// The arguments that the Dockerfile declares, with their defaults.
fn arguments() -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(workspace().join("Dockerfile")).context("no Dockerfile")?;
    let declared = text
        .lines()
        .filter_map(|line| line.strip_prefix("ARG ")?.split_once('='));
    Ok(declared
        .map(|(name, default)| (name.to_owned(), default.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;

    use harness::{EnvoyRelease, workspace};

    use super::arguments;

    #[test]
    fn the_base_images_are_the_releases_this_workspace_names() {
        let declared: HashMap<_, _> = arguments().unwrap().into_iter().collect();
        let toolchain = fs::read_to_string(workspace().join("rust-toolchain.toml")).unwrap();
        let version = declared["RUST_IMAGE"].strip_prefix("rust:").unwrap();
        let version = version.strip_suffix("-bookworm").unwrap();
        assert!(
            toolchain.contains(&format!("channel = \"{version}\"")),
            "{version}"
        );
        let envoy = format!("envoyproxy/envoy:distroless-v{}", EnvoyRelease::DEFAULT);
        assert_eq!(declared["ENVOY_IMAGE"], envoy);
        assert_eq!(declared["VERSION"], env!("CARGO_PKG_VERSION"));
    }
}
