//! Whether a test finds a mutant.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use crate::mutant::Mutant;
use crate::program::{End, Program};
use crate::reach::{Tests, Unit};

/// How many mutants are tried at once.
const LANES: usize = 2;

/// How long the tests of one run take together, if they are several: starting a process takes as long as a short test.
const SHARED: Duration = Duration::from_millis(100);

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "by")]
pub(crate) enum Verdict {
    /// It does not compile.
    Unviable,
    /// It cannot be chosen at run time.
    NotTried,
    /// These tests fail.
    Caught(String),
    /// These tests do not end.
    TimedOut(String),
    /// No test fails, of those that reach it.
    Missed,
    /// No test reaches it.
    Unreached,
}

impl Verdict {
    /// Whether it lives on.
    pub(crate) fn is_missed(&self) -> bool {
        matches!(self, Self::Missed | Self::Unreached)
    }

    /// What is said of one that is missed, besides its name.
    pub(crate) fn note(&self) -> &'static str {
        match self {
            Self::Unreached => " (no test reaches it)",
            _ => "",
        }
    }
}

/// Some tests, run in one process.
struct Run<'u> {
    program: &'u Program,
    tests: Vec<&'u Tests>,
    time: Duration,
}

/// Tries each of these.
///
/// # Errors
/// A program cannot be started, or fails without a mutant when it is run as for one.
pub(crate) fn run<'m>(
    mutants: Vec<&'m Mutant>,
    units: &[Unit],
) -> Result<Vec<(&'m Mutant, Verdict)>> {
    for run in Run::plan(units.iter()) {
        let end = run.program.run(0, run.time, &run.arguments())?;
        ensure!(
            end == End::Passed,
            "{} without a mutant: {end:?}",
            run.name()
        );
    }
    let count = mutants.len();
    let mutants = Mutex::new(mutants.into_iter().enumerate());
    let next = || {
        mutants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let lane = || {
        let mut tried = Vec::new();
        while let Some((number, mutant)) = next() {
            if number % 100 == 0 {
                eprintln!("trying {number} of {count} ...");
            }
            let verdict = verdict(mutant.id, units)?;
            if verdict.is_missed() {
                eprintln!("missed: {}{}", mutant.name, verdict.note());
            }
            tried.push((mutant, verdict));
        }
        Ok::<_, anyhow::Error>(tried)
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let mut tried = Vec::new();
        for lane in lanes {
            let ended = lane
                .join()
                .map_err(|_| anyhow!("a panic while mutants are tried"))?;
            tried.extend(ended?);
        }
        Ok(tried)
    })
}

fn verdict(id: u32, units: &[Unit]) -> Result<Verdict> {
    let runs = Run::plan(units.iter().filter(|unit| unit.reached.contains(&id)));
    if runs.is_empty() {
        return Ok(Verdict::Unreached);
    }
    for run in runs {
        match run.program.run(id, run.time, &run.arguments())? {
            End::Passed => {}
            End::Failed => return Ok(Verdict::Caught(run.name())),
            End::TimedOut => return Ok(Verdict::TimedOut(run.name())),
        }
    }
    Ok(Verdict::Missed)
}

impl<'u> Run<'u> {
    /// The shortest first: most mutants are found at once.
    fn plan(units: impl Iterator<Item = &'u Unit<'u>>) -> Vec<Self> {
        let mut units: Vec<_> = units.collect();
        units.sort_by_key(|unit| unit.time);
        let mut runs: Vec<Self> = Vec::new();
        for Unit {
            program,
            tests,
            time,
            ..
        } in units
        {
            let is_one = |tests: &Tests| matches!(tests, Tests::One(_));
            let shares = |run: &&mut Self| {
                let fits = run.time.saturating_add(*time) <= SHARED;
                fits && std::ptr::eq(run.program, *program)
                    && run.tests.iter().all(|tests| is_one(tests))
            };
            match runs.iter_mut().find(shares).filter(|_| is_one(tests)) {
                Some(run) => {
                    run.tests.push(tests);
                    run.time = run.time.saturating_add(*time);
                }
                None => runs.push(Self {
                    program,
                    tests: vec![tests],
                    time: *time,
                }),
            }
        }
        runs.sort_by_key(|run| run.time);
        runs
    }

    fn arguments(&self) -> Vec<&str> {
        let mut arguments = Tests::arguments(&self.tests);
        arguments.push("--test-threads=1");
        arguments
    }

    fn name(&self) -> String {
        let mut name = self.program.name.clone();
        if let [Tests::One(test) | Tests::With(test)] = self.tests.as_slice() {
            name = format!("{name} {test}");
        }
        name
    }
}
