//! Plays every case of `behaviour/` and of the cookbook in memory: `cargo test -p cases --test engine`.
//!
//! A trial is called `<file>::<case>`, so that `-- 'extract::'` plays one file. One that takes a real Envoy is ignored,
//! and shows why.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use cases::engine::{self, Ways};
use cases::read;
use libtest_mimic::{Arguments, Failed, Trial};

/// The folders of cases, seen from this crate.
const FOLDERS: [&str; 2] = ["behaviour", "../cookbook"];

fn files() -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder)? {
            files.push(entry?.path());
        }
    }
    files.sort();
    Ok(files)
}

/// A trial for each case of a file; a failing one, if the file cannot be read.
fn trials(file: &Path, ways: &Arc<Mutex<Ways>>) -> Vec<Trial> {
    let area = file.file_stem().unwrap_or_default().to_string_lossy();
    let cases = match read::file(file) {
        Ok(cases) => cases,
        Err(error) => {
            let failed = move || Err(Failed::from(error.to_string()));
            return vec![Trial::test(format!("{area}::reads"), failed)];
        }
    };
    let trial = |read::Placed { line, case }| {
        let place = format!("{}:{line}", file.display());
        let ways = Arc::clone(ways);
        let foreign = engine::only_on_envoy(&case);
        let trial = Trial::test(format!("{area}::{}", case.name), move || {
            let mut played = Ways::default();
            let problems = engine::play(&case, &mut played);
            let mut ways = ways.lock().unwrap_or_else(PoisonError::into_inner);
            ways.held += played.held;
            ways.streamed += played.streamed;
            match problems.is_empty() {
                true => Ok(()),
                false => Err(format!("{place}\n    {}", problems.join("\n    ")).into()),
            }
        });
        match foreign {
            None => trial,
            Some(what) => trial
                .with_kind(format!("on Envoy only: {what}"))
                .with_ignored_flag(true),
        }
    };
    cases.into_iter().map(trial).collect()
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let ways = Arc::new(Mutex::new(Ways::default()));
    let files = match files() {
        Ok(files) if !files.is_empty() => files,
        Ok(_) => {
            eprintln!("no files of cases");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            eprintln!("cannot list the files of cases: {error}");
            return ExitCode::FAILURE;
        }
    };
    let trials = files.iter().flat_map(|file| trials(file, &ways)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        let ways = ways.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!(
            "played in {} ways held and {} streamed",
            ways.held, ways.streamed
        );
    }
    conclusion.exit_code()
}
