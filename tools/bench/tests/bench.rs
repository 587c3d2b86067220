//! The benchmark runs: every peer works on a real Envoy, and every part has something to say.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use harness::EnvoyRelease;
use serde_json::Value;

/// A run with these arguments.
struct Run {
    release: EnvoyRelease,
    results: Value,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(arguments: &str) -> Self {
        let release = EnvoyRelease::of_override().unwrap();
        let release = release.unwrap_or(EnvoyRelease::DEFAULT);
        let directory = tempfile::tempdir().unwrap();
        let json = directory.path().join("figures.json");
        let output = Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(["--envoy", &release.to_string(), "--json"])
            .arg(&json)
            .args(arguments.split(' '))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        Self {
            release,
            results: serde_json::from_slice(&fs::read(&json).unwrap()).unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr,
        }
    }
}

/// A peer is left out unless the answer is 200 and, where it chooses the route again, the routed cluster gave it.
#[test]
fn every_peer_does_its_job_once() {
    // No body of this size is compared: each is tried, and none is measured.
    let Run {
        release,
        results,
        stderr,
        ..
    } = Run::of("--parts small --sizes 1 --rounds 1");
    let mut missing = names(&results["leftOut"], "name");
    missing.remove("other-module");
    if release.at_least(1, 40) {
        assert!(missing.is_empty(), "{missing:?} left out:\n{stderr}");
        assert_eq!(names(&results["peers"], "name").len(), 15);
    }
    assert_eq!(results["comparisons"]["small"], Value::Array(Vec::new()));
}

#[test]
fn a_short_run_measures_every_peer() {
    let parts = "--parts load,first-byte,scale";
    let Run {
        release,
        results,
        stdout,
        stderr,
    } = Run::of(&format!(
        "{parts} --sizes 368 --model last --seconds 0.05 --rounds 1 --routes 20"
    ));
    let mut missing = names(&results["leftOut"], "name");
    missing.remove("other-module");
    if !release.at_least(1, 37) {
        missing.remove("transform");
    }
    let has_bare_module = release.at_least(1, 40);
    if !has_bare_module {
        missing.remove("bare-module");
        missing.retain(|name| !name.starts_with("ai_protocol_manager"));
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
    assert!(stdout.contains("first byte at upstream"), "{stdout}");
}

#[test]
fn a_short_run_measures_every_condition() {
    let Run {
        results,
        stdout,
        stderr,
        ..
    } = Run::of(
        "--parts small,rate,protocols,workers,failover --sizes 368 --seconds 0.02 --rounds 1 \
         --only extract,ext_proc-buffered",
    );
    let missing = names(&results["leftOut"], "name");
    assert!(missing.is_empty(), "{missing:?} left out:\n{stderr}");

    let wanted = ["none", "buffer", "extract", "ext_proc-buffered"];
    let wanted = BTreeSet::from(wanted.map(String::from));
    let comparisons = &results["comparisons"];
    for (condition, settings) in [("small", 1), ("rate", 1), ("protocols", 4), ("workers", 2)] {
        let rows = &comparisons[condition];
        assert_eq!(names(rows, "peer"), wanted, "{condition}");
        assert_eq!(names(rows, "setting").len(), settings, "{condition}");
        assert_eq!(
            rows.as_array().unwrap().len(),
            wanted.len() * settings,
            "{condition}"
        );
    }
    let failover = &comparisons["failover"];
    assert_eq!(
        names(failover, "peer"),
        BTreeSet::from(["none", "failover"].map(String::from))
    );
    for row in comparisons
        .as_object()
        .unwrap()
        .values()
        .flat_map(|rows| rows.as_array().unwrap())
    {
        assert!(row["requests"].as_u64().unwrap() > 0, "{row}");
        assert!(
            row["cpuMicroseconds"]["median"].as_f64().unwrap() > 1.0,
            "{row}"
        );
        let is_counted = !row["cpuOverNoneMicroseconds"].is_null();
        assert_eq!(is_counted, row["peer"] != "none", "{row}");
        let router = row["routerMicroseconds"]["median"].as_f64().unwrap();
        let asks_a_router = row["peer"].as_str().unwrap().starts_with("ext_proc");
        assert_eq!(router > 1.0, asks_a_router, "{row}");
    }
    assert!(stdout.contains("| `ext_proc-buffered` |"), "{stdout}");
}

#[test]
fn a_short_run_measures_every_way_with_answers() {
    let Run {
        release,
        results,
        stdout,
        stderr,
    } = Run::of("--parts answers --seconds 0.05 --rounds 1 --endless 40000000");
    let answers = &results["answers"];
    let mut missing = names(&answers["leftOut"], "name");
    for (name, minor) in [("sse_to_metadata", 38), ("ai_protocol_manager", 40)] {
        if !release.at_least(1, minor) {
            missing.remove(name);
        }
    }
    assert!(missing.is_empty(), "{missing:?} left out:\n{stderr}");

    let peers = names(&answers["peers"], "name");
    assert!(
        peers.contains("usage") && peers.contains("patch-cel"),
        "{peers:?}"
    );
    assert_eq!(names(&answers["cells"], "peer"), peers);
    for cell in answers["cells"].as_array().unwrap() {
        let cpu = cell["cpuMicroseconds"]["median"].as_f64().unwrap();
        assert!(cpu > 1.0, "{cell}");
        let is_counted = !cell["overNoneMicroseconds"].is_null();
        assert_eq!(is_counted, cell["peer"] != "none", "{cell}");
    }
    // Who holds no event lets it through before the next is sent, 20 ms later.
    for row in answers["firstEvent"].as_array().unwrap() {
        let lowest = row["microseconds"]["lowest"].as_f64().unwrap();
        assert!(lowest < 20_000.0, "{row}");
    }
    // Whoever kept what passes would hold some 40 MB of it.
    for row in answers["endless"].as_array().unwrap() {
        let mebibytes = |field: &str| row[field].as_f64().unwrap();
        let (early, most) = (mebibytes("earlyMebibytes"), mebibytes("mostMebibytes"));
        assert!(early > 10.0 && most - early < 20.0, "{row}");
    }
    assert!(stdout.contains("first event"), "{stdout}");
    assert!(stdout.contains("over none"), "{stdout}");
}

fn names(rows: &Value, field: &str) -> BTreeSet<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[field].as_str().unwrap().to_owned())
        .collect()
}
