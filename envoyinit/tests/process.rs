//! The program itself, with a script in place of Envoy.
#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with a bootstrap and an Envoy that prints its arguments, one a line.
fn directory(bootstrap: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let envoy = directory.path().join("envoy");
    fs::write(directory.path().join("envoy.yaml"), bootstrap).unwrap();
    fs::write(
        &envoy,
        "#!/bin/sh\nfor argument; do echo \"$argument\"; done\n",
    )
    .unwrap();
    fs::set_permissions(&envoy, Permissions::from_mode(0o755)).unwrap();
    directory
}

fn run(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_envoyinit"))
        .args(arguments)
        .env("INPUT_CONF", directory.join("envoy.yaml"))
        .env("OUTPUT_CONF", directory.join("output.yaml"))
        .env("ENVOY", directory.join("envoy"))
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(
        message.contains("envoyinit: initializer failed: "),
        "{message}"
    );
    message
}

#[test]
fn becomes_envoy_with_the_completed_bootstrap() {
    let directory = directory("node: {id: \"{{.PodName}}\"}\n");
    let environment = [("POD_NAME", "gw-1"), ("KGATEWAY_NODE_REGION", "r")];
    let arguments = ["--disable-hot-restart", "--service-node", "a b"];
    let output = run(directory.path(), &arguments, &environment);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<&str> = printed.lines().collect();
    assert_eq!(printed[0], "--config-yaml");
    assert_eq!(printed[2..], arguments);
    let bootstrap: Value = serde_json::from_str(printed[1]).unwrap();
    assert_eq!(bootstrap["node"]["id"], "gw-1");
    assert_eq!(bootstrap["node"]["locality"]["region"], "r");

    let copy = directory.path().join("output.yaml");
    assert_eq!(fs::read_to_string(&copy).unwrap(), printed[1]);
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn needs_no_place_for_the_copy() {
    let directory = directory("{}");
    let output = run(
        directory.path(),
        &[],
        &[("OUTPUT_CONF", "/nowhere/envoy.yaml")],
    );
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_missing_bootstrap_is_fatal() {
    let directory = directory("{}");
    let output = run(
        directory.path(),
        &[],
        &[("INPUT_CONF", "/nowhere/envoy.yaml")],
    );
    let message = failure(&output);
    assert!(
        message.contains("/nowhere/envoy.yaml: mount the bootstrap there, or set INPUT_CONF"),
        "{message}"
    );
}

#[test]
fn every_other_failure_is_fatal_too() {
    let broken = directory("a: {{.Wrong}}");
    assert!(failure(&run(broken.path(), &[], &[])).contains("envoy.yaml:1:4: unknown `.Wrong`"));
    let broken = directory("a: [");
    assert!(failure(&run(broken.path(), &[], &[])).contains("neither YAML nor JSON"));
    let long = directory(&format!("a: {}", "x".repeat(140_000)));
    assert!(failure(&run(long.path(), &[], &[])).contains("bytes when completed"));
    let sound = directory("{}");
    let message = failure(&run(sound.path(), &[], &[("ENVOY", "/nowhere/envoy")]));
    assert!(
        message.contains("cannot run /nowhere/envoy: set ENVOY"),
        "{message}"
    );
}
