//! The conformance runner on a real Envoy: it passes what is right and reports everything that is wrong.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use serde_json::Value;

const CASES: &str = "tests/cases.jsonl";

/// Those of other gateways.
const ROUTING: &str = "tests/routing.jsonl";

/// In the language of `docs/cases.md`.
const OURS: &str = "tests/ours.yaml";

fn conformance(arguments: &[&str]) -> Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_conformance"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(arguments)
        .output()
        .context("cannot run conformance")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The ids of the committed cases whose name begins with this.
fn ids(file: &str, prefix: &str) -> Result<BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(path)?;
    let mut ids = BTreeSet::new();
    for line in text.lines() {
        let id = match line.strip_prefix("- name: ") {
            Some(name) => format!("ours::{name}"),
            None if file == OURS => continue,
            None => {
                let case: Value = serde_json::from_str(line)?;
                let id = case.get("id").and_then(Value::as_str).context("no id")?;
                id.to_owned()
            }
        };
        if id.trim_start_matches("ours::").starts_with(prefix) {
            ids.insert(id);
        }
    }
    Ok(ids)
}

#[test]
fn every_wrong_expectation_is_reported_and_no_right_one() {
    let only_wrong_ones_fail = |file| {
        let output = conformance(&[file]).unwrap();
        let text = stdout(&output);
        let failed: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("FAIL "))
            .map(|line| {
                line.split([' '])
                    .next()
                    .unwrap()
                    .trim_end_matches(':')
                    .to_owned()
            })
            .collect();
        let (right, wrong) = (ids(file, "right-").unwrap(), ids(file, "wrong-").unwrap());
        assert_eq!(
            failed,
            wrong,
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let sum = format!("{} passed, {} failed", right.len(), wrong.len());
        assert_eq!(text.lines().last(), Some(sum.as_str()));
        assert_eq!(output.status.code(), Some(1));
    };
    // What never comes is waited for: the files wait together.
    std::thread::scope(|scope| {
        for file in [CASES, ROUTING, OURS] {
            scope.spawn(move || only_wrong_ones_fail(file));
        }
    });
}

#[test]
fn success_means_that_something_passed() {
    let output = conformance(&["--only", "right-header", CASES]).unwrap();
    assert_eq!(stdout(&output), "1 passed, 0 failed\n");
    assert_eq!(output.status.code(), Some(0));
    let nothing = conformance(&["--only", "nothing", CASES]).unwrap();
    assert_eq!(stdout(&nothing), "");
    assert_eq!(nothing.status.code(), Some(1));
}
