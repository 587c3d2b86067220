//! The test programs, two at a time.

use std::collections::VecDeque;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::{Context, Result};
use artifacts::{Module, TestProgram, Tests};
use summary::Tally;

use crate::cargo::cargo;
use crate::reported::Reported;

/// How many run at once. Most of them wait for an Envoy, a clock or one slow test for a part of their time.
const LANES: usize = 2;

/// It takes as long as all others: it begins first.
const LONGEST: &str = "scenarios";

/// Runs every program and every example of the documentation, shows what each printed when it has ended, and adds up.
///
/// # Errors
/// A program cannot be run, or what it printed not be shown.
pub(crate) fn run(tests: Tests, shown: &mut impl Write) -> Result<Tally> {
    let mut programs = tests.programs;
    programs.sort_by_key(|program| program.name != LONGEST);
    let module = &tests.module;
    let mut jobs: VecDeque<_> = programs
        .iter()
        .map(|program| Job::of(program, module))
        .collect();
    jobs.push_back(Job::documentation(module));
    let jobs = Mutex::new(jobs);
    let next = || {
        jobs.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    let (ended, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..LANES {
            let ended = ended.clone();
            scope.spawn(move || {
                while let Some(job) = next() {
                    if ended.send(job.run()).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ended);
        let mut tally = Tally::default();
        for result in results {
            let (printed, reported) = result?;
            shown.write_all(&printed)?;
            tally += reported;
        }
        Ok(tally)
    })
}

/// A program to run, and what to call it.
struct Job {
    title: String,
    command: Command,
}

impl Job {
    fn of(program: &TestProgram, module: &Module) -> Self {
        let title = format!("{}, {}", program.package, program.name);
        Self::with(title, program.command(), module)
    }

    fn documentation(module: &Module) -> Self {
        let arguments = ["test", "--workspace", "--locked", "--no-fail-fast", "--doc"];
        Self::with("documentation".into(), cargo(&arguments), module)
    }

    fn with(title: String, mut command: Command, module: &Module) -> Self {
        command.env("RUSTFORMATIONS_MODULE", module.path());
        Self { title, command }
    }

    /// What it printed, below its title, and what it reported.
    fn run(mut self) -> Result<(Vec<u8>, Tally)> {
        eprintln!("testing {} ...", self.title);
        let output = self
            .command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run the tests of {}", self.title))?;
        let mut printed = format!("\n     {}\n", self.title).into_bytes();
        printed.extend_from_slice(&output.stdout);
        let mut reported = Reported::default();
        for line in output.stdout.split(|byte| *byte == b'\n') {
            reported.line(line);
        }
        Ok((printed, reported.end(output.status)))
    }
}
