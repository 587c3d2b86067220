//! The texts of the licences under which crates are linked, which most of them ask to be handed on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use cargo_metadata::Package;

use crate::linked::Linked;

/// How the names of such files begin.
const NAMES: [&str; 5] = ["license", "licence", "copying", "notice", "unlicense"];

/// Every crate with its licence, then each text once, with the crates that carry it.
///
/// # Errors
/// A crate's folder cannot be read.
pub(crate) fn write<'a>(programs: impl IntoIterator<Item = &'a Linked>) -> Result<String> {
    let mut crates = BTreeMap::new();
    for linked in programs {
        for package in &linked.crates {
            // Ours have none of their own: LICENSE is theirs.
            if package.source.is_some() {
                crates.insert(label(package), package);
            }
        }
    }
    let mut texts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut all = String::from(
        "Crates that are linked into the module or the command, and their licences.\n\n",
    );
    for (label, package) in &crates {
        let license = package.license.as_deref().unwrap_or("no licence named");
        writeln!(all, "{label}: {license}")?;
        for text in read(package)? {
            texts.entry(text).or_default().push(label);
        }
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (text, labels) in texts {
        let line = "-".repeat(80);
        write!(all, "\n{line}\n{}\n{line}\n\n{text}", labels.join(", "))?;
    }
    Ok(all)
}

fn label(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

/// The licence files beside a crate's manifest, by name.
fn read(package: &Package) -> Result<Vec<String>> {
    let folder = package.manifest_path.parent();
    let folder = folder.with_context(|| format!("{} has no folder", package.name))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if NAMES.iter().any(|begin| name.starts_with(begin)) && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    let texts = files.into_iter().map(|file| {
        let text = fs::read(&file).with_context(|| file.display().to_string())?;
        Ok(format!("{}\n", String::from_utf8_lossy(&text).trim_end()))
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::write;
    use crate::linked::Linked;

    #[test]
    fn each_text_is_there_once_with_all_that_carry_it() {
        let linked = Linked::of("rustformations").unwrap();
        let all = write([&linked, &linked]).unwrap();
        assert!(all.contains("minijinja 2.12.0: Apache-2.0"), "{all}");
        let line = format!("\n{}\n", "-".repeat(80));
        let texts: Vec<_> = all.split(&line).skip(2).step_by(2).collect();
        let different: BTreeSet<_> = texts.iter().collect();
        assert!(texts.len() > 10);
        assert_eq!(texts.len(), different.len());
        assert!(
            !all.contains("transformations 0"),
            "our own are not third parties"
        );
    }
}
