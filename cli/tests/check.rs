//! `rustformations check`, as users call it.
#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The exit code and what was printed, for arguments and standard input.
fn check(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rustformations"))
        .arg("check")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn a_sound_configuration_passes() {
    let (code, printed) = check(
        &["-"],
        "request: {extract: [{header: x-gateway-model-name}]}",
    );
    assert_eq!(
        (code, printed.as_str()),
        (Some(0), "-: no errors, no warnings\n")
    );
}

#[test]
fn everything_wrong_is_printed() {
    let config = r#"{"request": {"set": [{"name": "x", "value": "{{ a | uper }}"}], "sett": [], "remove": ["a b"]}}"#;
    let (code, printed) = check(&["-"], config);
    assert_eq!(code, Some(1), "{printed}");
    for part in [
        "-:1:65: warning[RF003]: request.sett: unknown key, which is ignored; did you mean `set`?\n",
        "warning[RF005]: request.set[0] `x`: unknown filter `uper`; did you mean `upper`?\n",
        "error[RF006]: request.remove[0]",
        "\n-: 1 error, 3 warnings\n",
    ] {
        assert!(printed.contains(part), "{part} is not in\n{printed}");
    }
}

#[test]
fn access_lists_are_checked_too() {
    let config = r#"{"rules": [{"cidrs": ["10.0.0.0/33"], "action": "deny"}]}"#;
    let (code, printed) = check(&["--filter", "http-acl", "-"], config);
    assert_eq!(code, Some(1));
    assert!(printed.contains("error[RF010]: "), "{printed}");
}

#[test]
fn the_examples_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy-configs");
    let mut files: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        files.push(entry.unwrap().path().to_str().unwrap().to_owned());
    }
    files.retain(|file| file.ends_with(".yaml"));
    assert!(!files.is_empty());
    let arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    let (code, printed) = check(&arguments, "");
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(
        printed.matches("no errors").count(),
        files.len(),
        "{printed}"
    );
}

#[test]
fn the_examples_of_the_documents_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for document in [
        "docs/keys.md",
        "docs/body-routing.md",
        "docs/cel.md",
        "docs/answers.md",
        "docs/rejecting.md",
    ] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let examples = text.split("```yaml\n").skip(1);
        let examples: Vec<_> = examples
            .map(|rest| rest.split("```").next().unwrap())
            .filter(|example| !example.starts_with("- name: rustformations"))
            .collect();
        assert!(!examples.is_empty(), "{document}");
        for example in examples {
            let (code, printed) = check(&["-"], example);
            assert_eq!(code, Some(0), "{document}:\n{example}\n{printed}");
        }
    }
}

#[test]
fn an_error_in_envoys_configuration_has_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("envoy.yaml");
    let text = "static_resources:\n  listeners:\n  - http_filters:\n    - typed_config:\n        \
        '@type': type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter\n        \
        dynamic_module_config: {name: rust_module, do_not_close: true}\n        filter_name: FILTER\n        filter_config:\n          \
        '@type': type.googleapis.com/google.protobuf.Struct\n          value: {request: {remove: 1}}\n";
    for (filter, message) in [
        (
            "rustformation",
            "envoy.yaml:10:37: error[RF002]: request.remove: ",
        ),
        (
            "rustformations",
            "envoy.yaml:7:22: error[RF005]: unknown filter `rustformations`; did you mean `rustformation`?",
        ),
    ] {
        fs::write(&path, text.replace("FILTER", filter)).unwrap();
        let (code, printed) = check(&[path.to_str().unwrap()], "");
        assert_eq!(code, Some(1));
        assert!(printed.contains(message), "{printed}");
    }
}

#[test]
fn warnings_fail_unless_they_are_allowed() {
    let text = "request: {remove: [x-a]}\nlater: 1\n";
    let (code, printed) = check(&["-"], text);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("-: no errors, 1 warning\n"), "{printed}");
    let (code, allowed) = check(&["--allow-warnings", "-"], text);
    assert_eq!((code, allowed), (Some(0), printed));
    let (code, _) = check(&["--allow-warnings", "-"], "request: 1");
    assert_eq!(code, Some(1));
}

#[test]
fn the_line_and_a_caret_show_the_place() {
    let text = "request:\n  set:\n  - name: x-a\n    value: |\n      a\n      {{ 'a' | uper }}\n";
    let (_, printed) = check(&["-"], text);
    let expected = "-:6:16: warning[RF005]: request.set[0] `x-a`: unknown filter `uper`; did you mean `upper`?\n \
        6 |       {{ 'a' | uper }}\n   |                ^\n-: no errors, 1 warning\n";
    assert_eq!(printed, expected);
}

/// A file in one line is not printed whole.
#[test]
fn a_part_of_a_long_line_is_shown() {
    let names = vec!["\"x-a\""; 100].join(", ");
    let text = format!("{{\"request\": {{\"remove\": [{names}], \"sett\": []}}}}");
    let (_, printed) = check(&["-"], &text);
    let lines: Vec<&str> = printed.lines().collect();
    let [_, line, caret, _] = lines.as_slice() else {
        panic!("{printed}");
    };
    assert!(line.chars().count() < 140, "{line}");
    let at = caret.chars().position(|c| c == '^').unwrap();
    let marked: String = line.chars().skip(at).take(6).collect();
    assert_eq!(marked, "\"sett\"", "{printed}");
}

#[test]
fn programs_read_json() {
    let text = "request:\n  sett: []\n---\nrequest:\n  remove: 1\n";
    let (code, printed) = check(&["--format", "json", "-"], text);
    assert_eq!(code, Some(1));
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let first = serde_json::json!({
        "file": "-", "line": 2, "column": 3, "endLine": 2, "endColumn": 7, "severity": "warning",
        "code": "RF003", "filter": "", "path": "request.sett", "message": "unknown key, which is ignored",
        "help": "did you mean `set`?",
    });
    assert_eq!(printed[0], first);
    let place = |index: usize| {
        (
            printed[index]["line"].clone(),
            printed[index]["code"].clone(),
        )
    };
    assert_eq!(place(1), (5.into(), "RF002".into()));
    let (code, printed) = check(&["--format", "json", "-"], "{}");
    assert_eq!((code, printed.as_str()), (Some(0), "[]\n"));
}

#[test]
fn a_file_that_is_missing_does_not_hide_the_others() {
    let (code, printed) = check(&["/nowhere", "-"], "{}");
    assert_eq!(code, Some(1));
    assert!(
        printed.contains("/nowhere: error: cannot be read: "),
        "{printed}"
    );
    assert!(printed.contains("-: no errors, no warnings"), "{printed}");
}

#[test]
fn what_does_nothing_in_a_cluster_is_warned_of() {
    let filter = |name: &str, config: &str| {
        format!(
            r#"{{"name": "{name}", "typed_config": {{
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
            "dynamic_module_config": {{"name": "rust_module", "do_not_close": true}}, "filter_name": "rustformation",
            "filter_config": {{"@type": "type.googleapis.com/google.protobuf.Struct", "value": {config}}}}}}}"#
        )
    };
    let extract = r#"{"request": {"extract": [{"header": "x-model", "onMissing": "reject"}],
        "set": [{"name": "x-a", "cel": "source.address"}]}}"#;
    let bootstrap = |in_cluster: &str| {
        format!(
            r#"{{"static_resources": {{
            "listeners": [{{"filter_chains": [{{"filters": [{{"typed_config": {{
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "http_filters": [{}]}}}}]}}]}}],
            "clusters": [{{"typed_extension_protocol_options": {{"o": {{
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "http_filters": [{in_cluster}]}}}}}}]}}}}"#,
            filter("ours", extract)
        )
    };
    let (code, printed) = check(&["-"], &bootstrap(&filter("ours", extract)));
    assert_eq!(code, Some(1), "{printed}");
    for part in [
        "warning[RF015]: the filter at",
        "has the name `ours` too",
        "warning[RF015]: request: a filter in a cluster cannot change the route",
        "warning[RF015]: request.extract: `reject` in a cluster ends the request",
        "warning[RF015]: `source` and `destination` have no value",
        "\n-: no errors, 4 warnings\n",
    ] {
        assert!(printed.contains(part), "{part} is not in\n{printed}");
    }
    let sound = filter("theirs", r#"{"request": {"patch": [{"remove": "/a"}]}}"#);
    let (_, printed) = check(&["-"], &bootstrap(&sound));
    assert_eq!(printed, "-: no errors, no warnings\n");
}

#[test]
fn a_route_may_not_measure() {
    let with = |metrics: &str| {
        format!(
            r#"{{"filter_chains": [{{"routes": [{{"typed_per_filter_config": {{"rust": {{
                "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute",
                "dynamic_module_config": {{"name": "rust_module", "do_not_close": true}},
                "per_route_config_name": "rustformation",
                "filter_config": {{
                    "@type": "type.googleapis.com/google.protobuf.Struct",
                    "value": {{{metrics} "request": {{"remove": ["x-a"]}}}}}}}}}}}}]}}]}}"#
        )
    };
    let (code, printed) = check(&["-"], &with(r#""metrics": {},"#));
    assert_eq!(code, Some(1), "{printed}");
    let error = "error[RF008]: metrics: a route can define no metric; move `metrics`";
    assert!(printed.contains(error), "{printed}");
    let (code, printed) = check(&["-"], &with(""));
    assert_eq!(code, Some(0), "{printed}");
}

/// Envoy 1.38 and later prefer it, and earlier ones know the other only.
#[test]
fn a_route_names_its_filter_by_either_key() {
    for key in ["filter_name", "per_route_config_name"] {
        let text = format!(
            "routes:\n- typed_per_filter_config:\n    ours:\n      \
             '@type': type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute\n      \
             dynamic_module_config: {{name: rust_module, do_not_close: true}}\n      {key}: rustformation\n      \
             filter_config: {{'@type': type.googleapis.com/google.protobuf.Struct, value: {{request: {{remove: [x-a]}}}}}}\n"
        );
        let (code, printed) = check(&["-"], &text);
        assert_eq!(code, Some(0), "{printed}");
    }
}
