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
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tests {
    /// The one of this name, in a program where several can be named.
    One(String),
    /// Those with this text in their names.
    With(String),
    All,
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
        let none = Asked::Mutant(0);
        let (listed, _) = program.output(none, &["--list"])?;
        let names: BTreeSet<&str> = listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .collect();
        // The standard harness ends its list with a count, and names a test's thread for the test.
        match listed.lines().any(|line| line.ends_with(" benchmarks")) {
            true => Self::by_thread(program, folder, &names),
            false => Self::by_file(program, folder, &names),
        }
    }

    fn by_thread(program: &'p Program, folder: &Path, names: &BTreeSet<&str>) -> Result<Vec<Self>> {
        let (threads, time) = record(program, folder, &["--test-threads=2"])?;
        let mut units = BTreeMap::new();
        for thread in threads {
            let (tests, time) = match names.contains(thread.name.as_str()) {
                true => (Tests::One(thread.name.clone()), thread.time),
                // A test began it, and none can tell which.
                false => (Tests::All, time),
            };
            let new = Self {
                program,
                tests,
                time,
                reached: BTreeSet::new(),
            };
            let key = match &new.tests {
                Tests::One(name) => name.clone(),
                _ => String::new(),
            };
            units
                .entry(key)
                .or_insert(new)
                .reached
                .extend(thread.reached);
        }
        Ok(units.into_values().collect())
    }

    fn by_file(program: &'p Program, folder: &Path, names: &BTreeSet<&str>) -> Result<Vec<Self>> {
        let files: BTreeSet<_> = names.iter().map(|name| name.split_once("::")).collect();
        let mut units = Vec::new();
        for file in files {
            let (tests, arguments) = match file {
                Some((file, _)) => (Tests::With(format!("{file}::")), vec![format!("{file}::")]),
                None => (Tests::All, Vec::new()),
            };
            units.push((tests, arguments));
        }
        units.sort_by(|(_, a), (_, b)| a.cmp(b));
        units.dedup_by(|(_, a), (_, b)| a == b);
        let mut recorded = Vec::new();
        for (tests, mut arguments) in units {
            arguments.push("--test-threads=1".to_owned());
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let (threads, time) = record(program, folder, &arguments)?;
            let reached = threads
                .into_iter()
                .flat_map(|thread| thread.reached)
                .collect();
            recorded.push(Self {
                program,
                tests,
                time,
                reached,
            });
        }
        Ok(recorded)
    }
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
