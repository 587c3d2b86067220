//! The crates that are linked into a program.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use artifacts::{cargo, workspace};
use cargo_metadata::{MetadataCommand, Package};

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
        let mut known = packages()?;
        // Metadata merges what all packages of a workspace want; the tree is of this one.
        let mut crates = BTreeMap::new();
        for line in tree(package, "none", &[])?.lines() {
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

/// The name of a package, and its version.
pub(crate) type Key = (String, String);

/// All that `Cargo.lock` has.
///
/// # Errors
/// cargo fails.
pub(crate) fn packages() -> Result<BTreeMap<Key, Package>> {
    let metadata = MetadataCommand::new()
        .current_dir(workspace())
        .other_options(["--locked".to_owned()])
        .exec()?;
    let packages = metadata.packages.into_iter();
    let packages = packages.map(|package| {
        let key = (package.name.to_string(), package.version.to_string());
        (key, package)
    });
    Ok(packages.collect())
}

/// A line for each crate: `name v1.2.3`, perhaps with more behind it. Before it is what cargo calls the prefix.
///
/// # Errors
/// cargo fails.
pub(crate) fn tree(package: &str, prefix: &str, options: &[&str]) -> Result<String> {
    output(
        cargo()
            .current_dir(workspace())
            .args(["tree", "--locked", "--package", package])
            .args(["--edges", "normal,no-proc-macro", "--prefix", prefix])
            .args(["--no-dedupe", "--format", "{p}"])
            .args(options),
    )
}

/// The crate of a line without prefix.
///
/// # Errors
/// The line is not one of cargo's tree.
pub(crate) fn key(line: &str) -> Result<Key> {
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
