//! Plays the cases of `cases/behaviour/` and `cookbook/` on a real Envoy: `cargo test -p conformance --test envoy`.
//!
//! A trial is called `<release>::<file>::<case>`, so that `-- extract::` plays one file and `-- 1.36.4::` one release. Those
//! that no Envoy can play are ignored, and show why. All that are chosen share one Envoy for each release and environment.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use conformance::{Entry, Part, Plan, read};
use harness::{EnvoyRelease, Module};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

/// Most of a case's time is spent waiting.
const THREADS: usize = 4;

/// Names the releases, a comma between them, or `all`; without it the oldest and the newest.
const RELEASES: &str = "CASES_ENVOYS";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    match trials(&arguments) {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn releases() -> Result<Vec<EnvoyRelease>> {
    if let Some(only) = EnvoyRelease::of_override()? {
        return Ok(vec![only]);
    }
    match std::env::var(RELEASES).as_deref() {
        Err(_) | Ok("") => Ok(vec![EnvoyRelease::OLDEST, EnvoyRelease::DEFAULT]),
        Ok("all") => Ok(EnvoyRelease::SUPPORTED.to_vec()),
        Ok(list) => {
            let parsed = list.split(',').map(|release| release.trim().parse());
            parsed.collect::<Result<_, _>>().with_context(|| RELEASES)
        }
    }
}

/// The folders of cases.
const FOLDERS: [&str; 2] = ["cases/behaviour", "cookbook"];

fn entries() -> Result<Vec<Entry>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in FOLDERS {
        for file in std::fs::read_dir(root.join(folder))? {
            files.push(file?.path());
        }
    }
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        entries.extend(read(&file)?);
    }
    ensure!(!entries.is_empty(), "no cases");
    Ok(entries)
}

/// Whether the runner will run what is called so.
fn is_chosen(arguments: &Arguments, name: &str) -> bool {
    let matches = |filter: &String| match arguments.exact {
        true => name == filter,
        false => name.contains(filter.as_str()),
    };
    arguments.filter.as_ref().is_none_or(matches) && !arguments.skip.iter().any(matches)
}

fn trials(arguments: &Arguments) -> Result<Vec<Trial>> {
    let entries: &'static [Entry] = entries()?.leak();
    let runtime = Arc::new(Runtime::new()?);
    let mut trials = Vec::new();
    for release in releases()? {
        let name = |entry: &Entry| format!("{release}::{}", entry.id());
        let (chosen, others): (Vec<&'static Entry>, Vec<&'static Entry>) = entries
            .iter()
            .partition(|entry| is_chosen(arguments, &name(entry)));
        let unchosen = |entry: &Entry| Trial::test(name(entry), || Ok(()));
        // Nobody runs these, but they are counted.
        trials.extend(others.into_iter().map(unchosen));
        if chosen.is_empty() {
            continue;
        }
        if !arguments.list {
            release.binary()?;
        }
        let plan = Plan::of(chosen.iter().copied(), release);
        let batches: Vec<_> = plan.batches.into_iter().map(Arc::new).collect();
        for (entry, part) in chosen.into_iter().zip(plan.parts) {
            let (batch, place) = match part {
                Part::Known(outcome) => {
                    trials.push(known(
                        name(entry),
                        outcome.not_played(),
                        outcome.differences(),
                    ));
                    continue;
                }
                Part::Played { batch, place } => (batch, place),
            };
            let batch = batches.get(batch).context("a case is in no batch")?;
            let (batch, runtime) = (Arc::clone(batch), Arc::clone(&runtime));
            trials.push(Trial::test(name(entry), move || {
                let module = Module::release().map_err(|error| format!("{error:#}"))?;
                let outcome = runtime.block_on(batch.play(place, module));
                match outcome.as_ref().map(|outcome| outcome.differences()) {
                    Some([]) => Ok(()),
                    Some(differences) => Err(Failed::from(differences.join("\n    "))),
                    None => Err(Failed::from("it is not in its batch")),
                }
            }));
        }
    }
    Ok(trials)
}

/// A case whose outcome is known: no Envoy can play it, or nobody can read it.
fn known(name: String, reason: Option<String>, differences: &[String]) -> Trial {
    if let Some(reason) = reason {
        return Trial::test(name, || Ok(()))
            .with_kind(format!("in memory only: {reason}"))
            .with_ignored_flag(true);
    }
    let differences = differences.join("\n    ");
    Trial::test(name, move || Err(Failed::from(differences)))
}
