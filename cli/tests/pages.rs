//! What the pages type and print is what the command takes and prints.
#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What it prints, whatever becomes of it.
fn call(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustformations"));
    let output = command.args(arguments).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), printed)
}

/// The calls of the command in the blocks of shell of all pages, each with its page.
fn calls() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|end| end == "md"));
    pages.push(root().join("README.md"));
    let mut found = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let blocks = text.split("```sh\n").skip(1);
        let lines = blocks.flat_map(|rest| rest.split("```").next().unwrap().lines());
        for line in lines {
            let line = line.split(" #").next().unwrap().trim();
            let call = [
                "rustformations ",
                "./rustformations ",
                "target/release/rustformations ",
            ]
            .iter()
            .find_map(|program| line.strip_prefix(program));
            if let Some(call) = call {
                found.push((page.display().to_string(), call.to_owned()));
            }
        }
    }
    found
}

#[test]
fn each_call_on_a_page_has_a_command_and_options_that_exist() {
    let calls = calls();
    assert!(calls.len() >= 10, "{calls:?}");
    for (page, line) in calls {
        // What follows is a call of curl.
        let ours = line.split(" -- ").next().unwrap();
        let mut words = ours.split_whitespace();
        let command = words.next().unwrap();
        let (code, help) = call(&[command, "--help"]);
        assert_eq!(code, Some(0), "{page}: {line}");
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{page}: {line}: no {option}");
        }
    }
}

#[test]
fn the_page_about_debugging_prints_what_eval_prints() {
    let page = fs::read_to_string(root().join("docs/debugging.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let routing = config(
        "routing.yaml",
        "request: {extract: [{header: x-gateway-model-name, name: model, aliases: [{match: fast, value: gpt-4o-mini}]}]}",
    );
    let bounding = config(
        "bounding.yaml",
        r#"request: {onFailure: reject, patch: [{replace: /max_tokens, cel: "min(value, 4096)"}]}"#,
    );
    for (config, body, from) in [
        (&routing, r#"{"model": "fast"}"#, "request POST"),
        (&bounding, r#"{"max_tokens":"many"}"#, "answer in its place"),
    ] {
        let (code, printed) = call(&["eval", "--config", config, "-d", body]);
        assert_eq!(code, Some(0), "{printed}");
        let from = printed.find(from).unwrap();
        let shown = printed.get(from..).unwrap();
        assert!(page.contains(shown.trim_end()), "{shown}");
    }
    let holding = config(
        "holding.yaml",
        "response: {body: {parseAs: AsJson, value: '{{ model }}'}}",
    );
    let part = "warning[RF014]: response: the body is read, so every response is held until it ends, event streams too;";
    let (_, printed) = call(&["check", &holding]);
    assert!(printed.contains(part), "{printed}");
    assert!(page.contains(part), "{part}");
}

#[test]
fn the_page_about_the_command_prints_what_eval_prints() {
    let page = fs::read_to_string(root().join("docs/command.md")).unwrap();
    let file = root().join("envoy-configs/minimal.yaml");
    let config = file.to_str().unwrap();
    let (code, printed) = call(&["eval", "--config", config, "-d", r#"{"model": "large"}"#]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(page.contains(printed.trim_end()), "{printed}");
}
