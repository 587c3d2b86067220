//! Which tests reach which mutant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::program::{Asked, Program};

/// Tests of one program that are run together or not at all.
#[derive(Debug)]
pub(crate) struct Unit<'p> {
    pub(crate) program: &'p Program,
    pub(crate) tests: Tests,
    /// How long they take without a mutant.
    pub(crate) time: Duration,
    /// The mutants that they reach.
    pub(crate) reached: BTreeSet<u32>,
}

/// Some of a program's tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tests {
    /// The one of this name, in a program where several can be named.
    One(String),
    /// Those with this text in their names.
    With(String),
    All,
}

impl Tests {
    /// What chooses them on a command line; of some that can be named, all of these.
    pub(crate) fn arguments<'t>(chosen: &[&'t Self]) -> Vec<&'t str> {
        let mut arguments = Vec::new();
        for tests in chosen {
            match tests {
                Tests::One(name) => arguments.push(name.as_str()),
                Tests::With(text) => arguments.push(text.as_str()),
                Tests::All => {}
            }
        }
        // It may stand once.
        if chosen.iter().any(|tests| matches!(tests, Tests::One(_))) {
            arguments.push("--exact");
        }
        arguments
    }
}

/// What a thread reached.
#[derive(Debug)]
struct Thread {
    name: String,
    time: Duration,
    reached: BTreeSet<u32>,
}

impl<'p> Unit<'p> {
    /// Runs every test of a program, and says what each reaches.
    ///
    /// # Errors
    /// A test fails.
    pub(crate) fn of(program: &'p Program, folder: &Path) -> Result<Vec<Self>> {
        let (listed, _) = program.output(Asked::Mutant(0), &["--list"])?;
        let names = listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"));
        let names: BTreeSet<&str> = names.collect();
        // The standard harness ends its list with a count, and names a test's thread for the test. Of other programs
        // the tests of each file are run by themselves.
        let is_standard = listed.lines().any(|line| line.ends_with(" benchmarks"));
        let (groups, threads) = match is_standard {
            true => ([Tests::All].into(), "--test-threads=2"),
            false => (by_file(&names), "--test-threads=1"),
        };
        let mut units = BTreeMap::new();
        for group in groups {
            let mut arguments = Tests::arguments(&[&group]);
            arguments.push(threads);
            let (threads, time) = record(program, folder, &arguments)?;
            for thread in threads {
                let (tests, time) = match is_standard && names.contains(thread.name.as_str()) {
                    true => (Tests::One(thread.name), thread.time),
                    // A test began it, and none can tell which.
                    false => (group.clone(), time),
                };
                let unit = units.entry(tests.clone()).or_insert_with(|| Self {
                    program,
                    tests,
                    time,
                    reached: BTreeSet::new(),
                });
                unit.reached.extend(thread.reached);
            }
        }
        Ok(units.into_values().collect())
    }
}

/// The tests of each file: `file::name`. All, where they have no such names.
fn by_file(names: &BTreeSet<&str>) -> BTreeSet<Tests> {
    let files = names.iter().map(|name| name.split_once("::"));
    let tests = files.map(|file| match file {
        Some((file, _)) => Tests::With(format!("{file}::")),
        None => Tests::All,
    });
    tests.collect()
}

/// Runs tests, and says what each thread reached, and how long all took.
fn record(program: &Program, folder: &Path, arguments: &[&str]) -> Result<(Vec<Thread>, Duration)> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let (_, time) = program.output(Asked::Reached(folder), arguments)?;
    let mut threads = Vec::new();
    for file in fs::read_dir(folder)? {
        let text = fs::read_to_string(file?.path())?;
        threads.push(Thread::read(&text).context("a thread wrote something else")?);
    }
    Ok((threads, time))
}

impl Thread {
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (name, micros, ids) = (lines.next()?, lines.next()?, lines.next()?);
        Some(Self {
            name: name.to_owned(),
            time: Duration::from_micros(micros.parse().ok()?),
            reached: ids
                .split_whitespace()
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Tests;

    #[test]
    fn several_tests_are_named_at_once() {
        let [a, b] = ["a", "b"].map(|name| Tests::One(name.to_owned()));
        assert_eq!(Tests::arguments(&[&a, &b]), ["a", "b", "--exact"]);
        let file = Tests::With("file::".to_owned());
        assert_eq!(Tests::arguments(&[&file]), ["file::"]);
        assert_eq!(Tests::arguments(&[&Tests::All]), [""; 0]);
    }
}
