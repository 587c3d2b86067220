//! The benchmark runs: every peer works on a real Envoy, and every part has something to say.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use harness::EnvoyRelease;
use serde_json::Value;

#[test]
fn a_short_run_measures_every_peer() {
    let release = EnvoyRelease::of_override().unwrap();
    let release = release.unwrap_or(EnvoyRelease::DEFAULT);
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("figures.json");
    let arguments = "--sizes 368 --model last --seconds 0.05 --rounds 1 --routes 20";
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--envoy", &release.to_string(), "--json"])
        .arg(&json)
        .args(arguments.split(' '))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");

    let results: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let mut missing = names(&results["leftOut"], "name");
    missing.remove("other-module");
    if !release.at_least(1, 37) {
        missing.remove("transform");
    }
    let has_bare_module = release.at_least(1, 40);
    if !has_bare_module {
        missing.remove("bare-module");
    }
    assert!(missing.is_empty(), "{missing:?} left out:\n{stderr}");

    let peers = names(&results["peers"], "name");
    assert!(
        peers.contains("extract") && peers.contains("kgateway-config"),
        "{peers:?}"
    );
    assert_eq!(names(&results["cells"], "peer"), peers);
    assert_eq!(names(&results["firstByte"], "peer"), peers);
    for cell in results["cells"].as_array().unwrap() {
        let cpu = cell["cpuMicroseconds"]["median"].as_f64().unwrap();
        assert!(cpu > 1.0, "{cell}");
    }
    let tables = if has_bare_module { 5 } else { 4 };
    assert_eq!(results["scale"].as_array().unwrap().len(), tables);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("first byte at upstream"), "{stdout}");
}

fn names(rows: &Value, field: &str) -> BTreeSet<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[field].as_str().unwrap().to_owned())
        .collect()
}
