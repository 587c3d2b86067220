//! The copy of the workspace that the mutants are written into.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::mutant::Mutant;

/// The crate that each mutated one asks.
const CHOSEN: &str = include_str!("chosen.rs");

const CHOSEN_MANIFEST: &str = "\
[package]
name = \"mutant\"
edition = \"2024\"

[lib]
path = \"lib.rs\"
";

/// Optimized a little: the tests run thousands of times. What they check at run time stays.
const PROFILE: &str = "
[profile.mutants]
inherits = \"dev\"
opt-level = 1
debug = false
";

/// A copy of every file that git knows or would take.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) folder: PathBuf,
    /// Where cargo builds it.
    pub(crate) target: PathBuf,
}

impl Tree {
    /// Copies what has changed since the last time.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn copy(workspace: &Path, mutants: &[Mutant]) -> Result<Self> {
        let folder = workspace.join("target/mutants/tree");
        let target = workspace.join("target/mutants/build");
        let tree = Self { folder, target };
        let mut listed = Command::new("git");
        listed.args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let listed = listed
            .current_dir(workspace)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(listed.status.success(), "git cannot list the files");
        let listed = String::from_utf8(listed.stdout)?;
        let names: BTreeSet<&str> = listed.split_terminator('\0').collect();
        tree.remove_others(&tree.folder, &names)?;
        let mutated: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
        let packages: BTreeSet<&str> = mutants
            .iter()
            .map(|mutant| mutant.package.as_str())
            .collect();
        for name in listed
            .split_terminator('\0')
            .filter(|name| !mutated.contains(name))
        {
            let from = workspace.join(name);
            // It may be deleted, and not yet by git.
            if !from.exists() {
                continue;
            }
            let bytes = fs::read(&from).with_context(|| name.to_owned())?;
            match std::str::from_utf8(&bytes) {
                Ok(text) if name.ends_with("Cargo.toml") => {
                    tree.write(name, manifest(name, text, &packages).as_bytes())?;
                }
                _ => tree.write(name, &bytes)?,
            }
            let permissions = fs::metadata(&from)?.permissions();
            fs::set_permissions(tree.folder.join(name), permissions)?;
        }
        tree.write("mutant/lib.rs", CHOSEN.as_bytes())?;
        tree.write("mutant/Cargo.toml", CHOSEN_MANIFEST.as_bytes())?;
        Ok(tree)
    }

    /// Removes what the workspace does not have any more.
    fn remove_others(&self, folder: &Path, names: &BTreeSet<&str>) -> Result<()> {
        let Ok(entries) = fs::read_dir(folder) else {
            return Ok(()); // at the first time
        };
        for entry in entries {
            let path = entry?.path();
            let name = path
                .strip_prefix(&self.folder)?
                .to_str()
                .unwrap_or_default();
            if path.is_dir() && !path.is_symlink() {
                self.remove_others(&path, names)?;
            } else if !names.contains(name) && !name.starts_with("mutant/") {
                fs::remove_file(&path).with_context(|| name.to_owned())?;
            }
        }
        Ok(())
    }

    /// Writes a file, unless it is so already: cargo goes by times.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, bytes).with_context(|| name.to_owned())
    }
}

/// A manifest of the workspace as the copy has it.
fn manifest(name: &str, text: &str, mutated: &BTreeSet<&str>) -> String {
    if name == "Cargo.toml" {
        return format!("{text}{PROFILE}");
    }
    let package = text.lines().find_map(|line| line.strip_prefix("name = "));
    let package = package.unwrap_or_default().trim_matches('"');
    if !mutated.contains(package) {
        return text.to_owned();
    }
    let up = "../".repeat(name.matches('/').count());
    let section = "[dependencies]\n";
    let dependency = format!("{section}mutant = {{ path = \"{up}mutant\" }}\n");
    match text.contains(section) {
        true => text.replacen(section, &dependency, 1),
        false => format!("{text}\n{dependency}"),
    }
}

/// The texts of the mutated files.
///
/// # Errors
/// One cannot be read.
pub(crate) fn texts(workspace: &Path, mutants: &[Mutant]) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for Mutant { file, .. } in mutants {
        if !texts.contains_key(file) {
            let text = fs::read_to_string(workspace.join(file)).with_context(|| file.clone())?;
            texts.insert(file.clone(), text);
        }
    }
    Ok(texts)
}
