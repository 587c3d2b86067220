//! Each row of `docs/dependencies.md` is true, and each crate that is linked into the module has one.

mod unsafe_code;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use artifacts::workspace;
use cargo_metadata::Package;

use crate::linked::{Key, key, packages, tree};

/// What releases are made for: a processor's crates may differ from another's.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

const PAGE: &str = "docs/dependencies.md";

/// What the page leaves to people, in a row that nobody has written yet.
const UNKNOWN: &str = "?";

/// Each crate of the module, and the crates that depend on it there.
///
/// # Errors
/// cargo fails.
fn brought() -> Result<BTreeMap<Key, BTreeSet<Key>>> {
    let mut brought: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for target in TARGETS {
        let mut above: Vec<Key> = Vec::new();
        for line in tree("rustformations", "depth", &["--target", target])?.lines() {
            let begin = line.find(|letter: char| !letter.is_ascii_digit());
            let (depth, name) = line.split_at(begin.with_context(|| format!("no name: {line}"))?);
            let depth = depth.parse();
            above.truncate(depth.with_context(|| format!("no depth: {line}"))?);
            let key = key(name)?;
            let users = brought.entry(key.clone()).or_default();
            users.extend(above.last().cloned());
            above.push(key);
        }
    }
    Ok(brought)
}

/// A crate of ours by its folder, another by its name.
fn name(package: &Package) -> Result<String> {
    if package.source.is_some() {
        return Ok(format!("`{}`", package.name));
    }
    let folder = package.manifest_path.parent().context("no folder")?;
    let folder = folder.as_std_path().strip_prefix(workspace())?;
    Ok(format!("`{}/`", folder.display()))
}

/// The rows that the page must have: of each crate from outside, and of each of ours that may have `unsafe`.
///
/// # Errors
/// cargo fails, or a crate's sources cannot be read.
fn rows(page: &str) -> Result<BTreeSet<String>> {
    let packages = packages()?;
    let package = |key: &Key| packages.get(key).with_context(|| format!("no {key:?}"));
    let mut rows = BTreeSet::new();
    for (key, users) in brought()? {
        let linked = package(&key)?;
        let unsafe_code = unsafe_code::of(linked)?;
        let mut title = name(linked)?;
        let reason = reason(page, &title).unwrap_or(UNKNOWN);
        if linked.source.is_some() {
            title = format!("{title} {}", linked.version);
        } else if unsafe_code == unsafe_code::FORBIDDEN {
            continue;
        }
        let users = users.iter().map(|user| name(package(user)?));
        let users = users.collect::<Result<Vec<_>>>()?.join(", ");
        rows.insert(format!("| {title} | {users} | {reason} | {unsafe_code} |"));
    }
    Ok(rows)
}

/// What the page gives as the reason of a crate, perhaps for another version.
fn reason<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let begin = format!("| {name} ");
    let row = page.lines().find(|line| line.starts_with(&begin))?;
    row.split(" | ").nth(2)
}

#[test]
fn each_crate_of_the_module_has_a_true_row() {
    let page = fs::read_to_string(workspace().join(PAGE)).unwrap();
    let right = rows(&page).unwrap();
    let written = page.lines().filter(|line| line.starts_with("| `"));
    let written: BTreeSet<_> = written.map(str::to_owned).collect();
    let wrong: Vec<_> = written.difference(&right).map(String::as_str).collect();
    let missing: Vec<_> = right.difference(&written).map(String::as_str).collect();
    assert!(
        wrong.is_empty() && missing.is_empty(),
        "{PAGE} is not true any more. Take out:\n{}\n\nPut in, with a reason in place of {UNKNOWN}:\n{}\n",
        wrong.join("\n"),
        missing.join("\n"),
    );
    for row in written {
        let reasoned = reason(&row, row.split_whitespace().nth(1).unwrap());
        let reasoned = reasoned.is_some_and(|reason| !["", UNKNOWN].contains(&reason));
        assert!(reasoned, "{PAGE} lacks a reason: {row}");
    }
}

#[test]
fn a_reason_outlives_a_version() {
    let page = "| `serde_json` 1.0.0 | `bodies/` | reads JSON | none |\n\
        | `serde` 1.0.0 | `bodies/`, `cel` | declares | none |\n";
    assert_eq!(reason(page, "`serde`"), Some("declares"));
    assert_eq!(reason(page, "`cel`"), None);
}

#[test]
fn no_crate_is_linked_in_two_versions() {
    let brought = brought().unwrap();
    let users = |name: &str| {
        let mut crates = brought.iter().filter(|((other, _), _)| other == name);
        let (_, users) = crates.next().unwrap();
        let users = users.iter().map(|(user, _)| user.as_str());
        (users.collect::<Vec<_>>(), crates.count())
    };
    assert_eq!(users("digest"), (vec!["md-5", "sha1", "sha2"], 0));
    for (name, _) in brought.keys() {
        assert_eq!(users(name).1, 0, "{name}");
    }
    assert!(!brought.keys().any(|(name, _)| name == "syn"));
}
