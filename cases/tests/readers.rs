//! What the cases of `disguised-*.yaml` state of strict readers is what those of Python's standard library see.

#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use cases::Case;
use serde_json::{Value, json};

/// The formats: a file of disguises for each.
const KINDS: [&str; 4] = ["json", "multipart", "form", "path"];

/// How many disguises each format has at least.
const DISGUISES: usize = 25;

/// A request as `reader.py` takes it: what to look for is the source of the case's only field.
fn asked(kind: &str, case: &Case) -> String {
    let config: Value = serde_json::from_str(case.config_text()).unwrap();
    let source = config.pointer("/request/extract/0/from/0").unwrap();
    let message = &case.request.0;
    let body = message.body.bytes();
    let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = message.field(":path");
    json!([
        kind,
        source.get(kind).unwrap(),
        message.field("content-type"),
        path,
        hex
    ])
    .to_string()
}

/// What Python's readers see of each request.
fn seen(asked: &[String]) -> Vec<Option<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reader.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    input.write_all(asked.join("\n").as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn each_disguise_is_stated_as_a_strict_reader_sees_it() {
    for kind in KINDS {
        let file = format!("behaviour/disguised-{kind}.yaml");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
        let cases = cases::read::file(&path).unwrap();
        assert!(cases.len() >= DISGUISES, "{file}: {} cases", cases.len());
        let asked: Vec<_> = cases.iter().map(|one| asked(kind, &one.case)).collect();
        let seen = seen(&asked);
        assert_eq!(seen.len(), cases.len(), "{file}");
        for (one, seen) in cases.iter().zip(seen) {
            let name = &one.case.name;
            let stated = one.case.reader.as_ref();
            let stated = stated.unwrap_or_else(|| panic!("{file}: `{name}` states no reader"));
            assert_eq!(stated.sees, seen, "{file}: {name}");
        }
    }
}
