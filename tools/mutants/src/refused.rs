//! The mutants that did not compile the last time, so that they need not be found again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use anyhow::Result;

use crate::mutant::Mutant;
use crate::tree::Tree;

/// By file: what its text was, and the names of those in it.
type Refused = BTreeMap<String, (u64, BTreeSet<String>)>;

fn path(tree: &Tree) -> PathBuf {
    tree.target.with_file_name("refused.json")
}

fn known(tree: &Tree) -> Refused {
    let json = fs::read(path(tree)).unwrap_or_default();
    // At the first time there is none.
    serde_json::from_slice(&json).unwrap_or_default()
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Those in files that have not changed since.
pub(crate) fn recall(
    tree: &Tree,
    mutants: &[Mutant],
    texts: &BTreeMap<String, String>,
) -> BTreeSet<u32> {
    let mut known = known(tree);
    known.retain(|file, (before, _)| texts.get(file).is_some_and(|text| hash(text) == *before));
    let is_known = |mutant: &&Mutant| {
        let of_file = known.get(&mutant.file);
        of_file.is_some_and(|(_, names)| names.contains(&mutant.name))
    };
    mutants
        .iter()
        .filter(is_known)
        .map(|mutant| mutant.id)
        .collect()
}

/// Keeps them for the next time.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn remember(
    tree: &Tree,
    mutants: &[Mutant],
    texts: &BTreeMap<String, String>,
    refused: &BTreeSet<u32>,
) -> Result<()> {
    let mut known = known(tree);
    for (file, text) in texts {
        let of_file = mutants.iter().filter(|mutant| mutant.file == *file);
        let refused = of_file.filter(|mutant| refused.contains(&mutant.id));
        let names = refused.map(|mutant| mutant.name.clone()).collect();
        known.insert(file.clone(), (hash(text), names));
    }
    fs::write(path(tree), serde_json::to_vec(&known)?)?;
    Ok(())
}
