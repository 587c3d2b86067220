//! The crates that are linked into a program.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use artifacts::{cargo, workspace};
use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::output;

/// A program, and the crates in it.
#[derive(Debug)]
pub(crate) struct Linked {
    /// The package that the program is built from.
    pub(crate) program: Package,
    /// Without the program itself, by name and version.
    pub(crate) crates: Vec<Package>,
}

impl Linked {
    /// What is linked into the program of this package on this machine's platform.
    ///
    /// # Errors
    /// cargo fails.
    pub(crate) fn of(package: &str) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .current_dir(workspace())
            .other_options(["--locked".to_owned()])
            .exec()?;
        let mut known = by_name(metadata);
        // Metadata merges what all packages of a workspace want; the tree is of this one.
        let mut crates = BTreeMap::new();
        for line in tree(package)?.lines() {
            let key = key(line)?;
            if let Some(package) = known.remove(&key) {
                crates.insert(key, package);
            }
        }
        let program = crates.keys().find(|(name, _)| name == package).cloned();
        let program = program.with_context(|| format!("no package {package}"))?;
        let program = crates.remove(&program).context("no such package")?;
        Ok(Self {
            program,
            crates: crates.into_values().collect(),
        })
    }
}

type Key = (String, String);

fn by_name(metadata: Metadata) -> BTreeMap<Key, Package> {
    let packages = metadata.packages.into_iter();
    packages
        .map(|package| {
            let key = (package.name.to_string(), package.version.to_string());
            (key, package)
        })
        .collect()
}

/// A line for each crate: `name v1.2.3`, perhaps with more behind it.
fn tree(package: &str) -> Result<String> {
    output(
        cargo()
            .current_dir(workspace())
            .args(["tree", "--locked", "--package", package])
            .args(["--edges", "normal,no-proc-macro", "--prefix", "none"])
            .args(["--no-dedupe", "--format", "{p}"]),
    )
}

fn key(line: &str) -> Result<Key> {
    let mut words = line.split_whitespace();
    let name = words.next().context("an empty line in cargo's tree")?;
    let version = words.next().and_then(|version| version.strip_prefix('v'));
    let version = version.with_context(|| format!("no version in {line:?}"))?;
    Ok((name.into(), version.into()))
}

#[cfg(test)]
mod tests {
    use super::Linked;

    #[test]
    fn the_module_has_its_engine_and_none_of_the_tools() {
        let linked = Linked::of("rustformations").unwrap();
        let has = |name: &str| linked.crates.iter().any(|package| *package.name == name);
        for name in ["transformations", "minijinja", "cel"] {
            assert!(has(name), "{name}");
        }
        for name in ["rustformations", "tokio", "schemars", "anyhow_of_nobody"] {
            assert!(!has(name), "{name}");
        }
    }
}
