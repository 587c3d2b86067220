//! `rustformations eval`, `test`, `explain`, `functions` and `completions`, as users call them.
#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with files, removed at the end.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Calls the command in this folder.
    fn call(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rustformations"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    /// What it prints, if it succeeds.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.call(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it reports of an error, and its exit code.
    fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.call(arguments);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// A whole dry run.
    fn exchange(&self, arguments: &[&str]) -> Value {
        let arguments = [&["eval", "--format", "json"], arguments].concat();
        serde_json::from_str(&self.printed(&arguments)).unwrap()
    }

    /// The transcript of a dry run's first filter.
    fn played(&self, arguments: &[&str]) -> Value {
        let exchange = self.exchange(arguments);
        exchange.pointer("/filters/0").unwrap().clone()
    }
}

const MODEL: &str = "request: {extract: [{header: x-gateway-model-name}]}\n";

fn names_model() -> Files {
    Files::new(&[("f.yaml", MODEL)])
}

#[test]
fn eval_shows_what_was_found_held_and_changed() {
    let files = Files::new(&[(
        "f.yaml",
        "request:\n  extract: [{header: x-gateway-model-name}]\n  patch: [{set: /user, value: me}]\n",
    )]);
    let printed = files.printed(&[
        "eval",
        "--config",
        "f.yaml",
        "--pieces",
        "9",
        "-d",
        r#"{"model":"gpt-4o"}"#,
    ]);
    insta::assert_snapshot!(printed, @r#"
    request POST /v1/chat/completions
           0 ms  headers: held
           0 ms  body up to byte 9: held
           0 ms  body up to byte 18: 30 bytes go on
      `model` is "gpt-4o" from `json: /model`
      request.patch is done
      the route is chosen again
      - content-length: 18
      + content-length: 30
      + x-gateway-model-name: gpt-4o
      body: 18 bytes become 30
          {
        -   "model": "gpt-4o"
        +   "model": "gpt-4o",
        +   "user": "me"
          }
      goes on changed
      Envoy chooses the route again, by the headers above
    "#);
}

#[test]
fn eval_shows_an_answer_event_by_event() {
    let files = Files::new(&[
        (
            "f.yaml",
            "response:\n  patch: [{replace: /model, value: ours}]\n  extract: [{from: [{usage: total}], metadata: {namespace: llm, key: total}}]\n",
        ),
        (
            "a.http",
            "HTTP/1.1 200 OK\ncontent-type: text/event-stream\n\ndata: {\"model\":\"theirs\"}\n\ndata: {\"usage\":{\"total_tokens\":7}}\n\ndata: [DONE]\n\n",
        ),
    ]);
    let played = files.played(&[
        "--config",
        "f.yaml",
        "--response",
        "a.http",
        "--pause",
        "50",
        "-d",
        "{}",
    ]);
    let response = played.get("response").unwrap();
    let steps: Vec<u64> = response["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["atMs"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [0, 0, 50, 100]);
    assert!(
        response["sentBody"].as_str().unwrap().contains("\"ours\""),
        "{response}"
    );
    assert_eq!(
        played["metadata"],
        json!([{"namespace": "llm", "key": "total", "value": 7.0}])
    );
    let arguments = [
        "eval",
        "--config",
        "f.yaml",
        "--response",
        "a.http",
        "-d",
        "{}",
    ];
    let printed = files.printed(&arguments);
    assert!(printed.contains("\n  llm / total: 7\n"), "{printed}");
}

#[test]
fn eval_shows_the_answer_of_a_rule() {
    let files = Files::new(&[(
        "f.yaml",
        "request:\n  onFailure: reject\n  extract: [{header: x-model}]\n  reject: [{when: \"extracted.model != 'a'\", status: 404, code: model_not_found}]\n",
    )]);
    let printed = files.printed(&["eval", "--config", "f.yaml", "-d", r#"{"model":"b"}"#]);
    for part in [
        "request.reject[0] holds",
        "goes no further",
        "answer in its place: 404 (rustformations_rejected)",
        "model_not_found",
    ] {
        assert!(printed.contains(part), "{part} in\n{printed}");
    }
}

#[test]
fn eval_takes_a_call_of_curl_a_file_of_http_a_har_and_a_case() {
    let har = r#"{"log": {"entries": [{"request": {"method": "POST", "url": "http://h/v1/x", "headers": [],
        "postData": {"text": "{\"model\":\"m\"}"}}, "response": {"status": 200, "headers": [], "content": {"text": "hi"}}}]}}"#;
    let files = Files::new(&[
        ("f.yaml", MODEL),
        (
            "r.http",
            "POST /v1/x HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\r\n{\"model\":\"m\"}",
        ),
        ("r.har", har),
        ("r.yaml", "path: /v1/x\njson: {model: m}\n"),
    ]);
    for request in [
        &["--", "curl", "h/v1/x", "--json", "{\"model\":\"m\"}"][..],
        &["--request", "r.http"],
        &["--request", "r.har"],
        &["--request", "r.yaml"],
        &["--url", "/v1/x", "-d", "{\"model\":\"m\"}"],
    ] {
        let played = files.played(&[&["--config", "f.yaml"], request].concat());
        assert_eq!(played["request"]["title"], "POST /v1/x", "{request:?}");
        let set = played["request"]["sentHeaders"].as_array().unwrap();
        assert!(
            set.contains(&json!(["x-gateway-model-name", "m"])),
            "{request:?}: {played}"
        );
        assert_eq!(
            played["response"].is_null(),
            !request.contains(&"r.har"),
            "{request:?}"
        );
    }
}

/// As in the module: see "Environment variables" in docs/configuration.md.
#[test]
fn eval_takes_the_settings_of_the_environment() {
    let files = Files::new(&[(
        "f.yaml",
        "request: {set: [{name: x-home, value: \"{{ env('SOME_VARIABLE') }}\"}]}\n",
    )]);
    let played = |allowed: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rustformations"));
        command.args(["eval", "--config", "f.yaml", "-d", "{}"]);
        command
            .env("SOME_VARIABLE", "value")
            .env("RUSTFORMATIONS_ENV_ALLOW", allowed);
        let output = command.current_dir(files.0.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(played("SOME_*").contains("+ x-home: value"));
    assert!(!played("OTHER").contains("x-home"));
}

#[test]
fn eval_names_what_is_wrong() {
    let files = Files::new(&[
        ("f.yaml", MODEL),
        (
            "broken.yaml",
            "request: {extract: [{heder: x, from: []}]}\n",
        ),
        ("answer.http", "HTTP/1.1 200 OK\n\n"),
        ("acl.yaml", "static_resources: {}\n"),
    ]);
    for (arguments, part) in [
        (&["--config", "none.yaml"][..], "none.yaml: cannot be read"),
        (&["--config", "broken.yaml"], "broken.yaml:1:"),
        (
            &["--config", "f.yaml", "--at", "nowhere"],
            "no filter at `nowhere`",
        ),
        (
            &["--config", "f.yaml", "--request", "answer.http"],
            "an answer, and no request",
        ),
        (
            &["--config", "f.yaml", "--", "curl", "--nonsense"],
            "`--nonsense` is not known",
        ),
        (&["--config", "acl.yaml"], "no filter of the module"),
    ] {
        let (code, error) = files.refused(&[&["eval"], arguments].concat());
        assert_eq!(code, Some(1), "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
}

#[test]
fn eval_of_a_long_request_is_quick() {
    let files = names_model();
    let body = format!(
        "{{\"messages\":\"{}\",\"model\":\"m\"}}",
        "x".repeat(200_000)
    );
    fs::write(files.path("body.json"), body).unwrap();
    let quickest = (0..5).map(|_| {
        let begun = Instant::now();
        files.printed(&["eval", "--config", "f.yaml", "-d", "@body.json"]);
        begun.elapsed()
    });
    // A release build takes a tenth of it.
    assert!(quickest.min().unwrap() < Duration::from_millis(500));
}

const CASES: &str = "config: {request: {extract: [{header: x-model}]}}
cases:
- name: the model
  request: {json: {model: m}}
  expect: {request: {headers: {x-model: m}}, route_chosen_again: true}
- name: another model
  request: {json: {model: n}}
  expect: {request: {headers: {x-model: m}}, route_chosen_again: true}
- name: counted
  request: {json: {model: n}}
  expect: {partial: true, request: {headers: {x-model: n}}, counters: {a: 1}}
";

#[test]
fn test_plays_cases_and_writes_junit() {
    let files = Files::new(&[("cases.yaml", CASES)]);
    let output = files.call(&["test", "cases.yaml", "--junit", "results.xml"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for part in [
        "ok       the model\n",
        "failed   another model (cases.yaml:6)\n",
        "\n      however the bodies arrive\n",
        "skipped  counted: counters",
        "1 passed, 1 failed, 1 skipped\n",
    ] {
        assert!(printed.contains(part), "{part} in\n{printed}");
    }
    let xml = fs::read_to_string(files.path("results.xml")).unwrap();
    assert!(
        xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""),
        "{xml}"
    );
    assert_eq!(
        files
            .printed(&["test", "cases.yaml", "--filter", "the model"])
            .lines()
            .last(),
        Some("1 passed, 0 failed, 0 skipped")
    );
    assert_eq!(
        files
            .printed(&["test", "cases.yaml", "--list"])
            .lines()
            .count(),
        3
    );
}

#[test]
fn test_fails_where_nothing_is_played() {
    let files = Files::new(&[("cases.yaml", CASES), ("no.yaml", "cases: []\n")]);
    for arguments in [
        &["test", "cases.yaml", "--filter", "nonsense"][..],
        &["test", "no.yaml"],
        &["test", "none.yaml"],
        &["test", "cases.yaml", "--filter", "counted"],
    ] {
        let output = files.call(arguments);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {printed}");
    }
}

#[test]
fn explain_describes_each_direction() {
    let config = "request:\n  extract: [{header: x-model, aliases: [{match: a, value: b}]}]\n  bodyMode: streamed\n\
                  response:\n  patch: [{replace: /model, value: ours}]\n";
    let files = Files::new(&[("f.yaml", config)]);
    insta::assert_snapshot!(files.printed(&["explain", "f.yaml"]), @"
    a filter_config
      requests
        the body is held until the fields are known, at most 1048576 bytes, and goes on from there
        finds `x-model` in `json: /model` and puts it in the header `x-model`, without any value that the client sent; aliases: 1; if missing, the message goes on without it
        Envoy chooses the route again
      responses
        JSON is held to its end, if it can be edited; events and JSON Lines are edited one by one as they pass
        replaces `/model` in the body
      unlike kgateway's module
        it ignores `request.extract`, `request.bodyMode`, `response.patch`
    ");
    let files = Files::new(&[("f.yaml", "request: {set: [{name: x, value: '{{ a'}]}\n")]);
    let (code, error) = files.refused(&["explain", "f.yaml"]);
    assert_eq!(
        (code, error.contains("refused")),
        (Some(1), true),
        "{error}"
    );
}

#[test]
fn explain_says_what_is_held_as_the_page_about_holding_does() {
    for (config, line) in [
        (
            "response: {dropEvents: ['document.d == 1']}",
            "nothing is held but each event or JSON Line, until it is whole",
        ),
        (
            "response: {dropEvents: ['document.d == 1'], patch: [{remove: /d}]}",
            "JSON is held to its end, if it can be edited",
        ),
        (
            "request: {patch: [{remove: /d}]}",
            "JSON Lines are edited line by line as they pass",
        ),
        (
            "request: {patch: [{remove: /d}], clearRouteCache: true}",
            "edited; one over Envoy's buffer limit is answered with 413\n",
        ),
        (
            "{request: {patch: [{remove: /d}]}, limits: {maxHeldBytes: 5}}",
            "one over 5 bytes is answered with 413;",
        ),
        (
            "request: {set: [{name: x-a, value: a}]}",
            "it holds the whole body of each request even to edit headers; this module does not",
        ),
    ] {
        let files = Files::new(&[("f.yaml", config)]);
        let printed = files.printed(&["explain", "f.yaml"]);
        assert!(printed.contains(line), "{config}: {printed}");
    }
    let reading = "request: {set: [{name: x-a, cel: string(json(request.body).a)}]}";
    let files = Files::new(&[("f.yaml", reading)]);
    let printed = files.printed(&["explain", "f.yaml"]);
    assert!(!printed.contains("this module does not"), "{printed}");
}

/// Envoy reads a file by its name.
#[test]
fn json_in_a_file_called_yaml_is_yaml() {
    let config = r#"{"request": {"patch": [{"set": "/t", "json": [0.5, 3000000000, 5]}]}}"#;
    let names = ["f.yaml", "f.yml", "g.YAML", "f.json", "f"];
    let files = Files::new(&names.map(|name| (name, config)));
    let texts = json!({"t": ["0.5", "3000000000", 5]});
    let numbers = json!({"t": [0.5, 3_000_000_000_u64, 5]});
    for (name, sent) in names
        .into_iter()
        .zip([&texts, &texts, &texts, &numbers, &numbers])
    {
        let call = ["--config", name, "--", "curl", "host", "-d", "{}"];
        let body = files.exchange(&call)["filters"][0]["request"]["sentBody"].clone();
        let body: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
        assert_eq!(body, *sent, "{name}");
        let warns = !files.call(&["check", name]).status.success();
        assert_eq!(warns, sent == &texts, "{name}");
    }
    let case = "cases:\n- config: {file: f.yaml}\n  request: {json: {}}\n  \
                expect: {request: {body: '{\"t\":[\"0.5\",\"3000000000\",5]}'}}\n  name: a file\n";
    fs::write(files.path("cases.yaml"), case).unwrap();
    files.printed(&["test", "cases.yaml"]);
}

#[test]
fn convert_prints_a_configuration_and_what_does_not_map() {
    let files = Files::new(&[
        (
            "a.yaml",
            "transformations: {request: {set: {x-model: json(request.body).model}, replace: 'request.headers'}}\n",
        ),
        ("nothing.yaml", "a: 1\n"),
    ]);
    insta::assert_snapshot!(files.printed(&["convert", "a.yaml"]), @"
    # transformations.request.replace: the module has no such key
    # transformations.request.set: `x-model` is a field: a value that the client sent is removed, and Envoy chooses the route again
    request:
      extract:
      - {from: [{json: /model}], header: x-model}
    ");
    let (code, error) = files.refused(&["convert", "nothing.yaml"]);
    assert!(
        code == Some(1) && error.contains("nothing to convert"),
        "{error}"
    );
}

#[test]
fn functions_are_found_by_a_part_of_their_name() {
    let files = names_model();
    let printed = files.printed(&["functions", "sha256"]);
    assert!(
        printed.contains("sha256.encode(text or bytes)"),
        "{printed}"
    );
    let found: Vec<Value> =
        serde_json::from_str(&files.printed(&["functions", "--format", "json"])).unwrap();
    assert!(found.len() > 50 && found.iter().all(|function| function["about"].is_string()));
    assert_eq!(files.refused(&["functions", "nonsense"]).0, Some(1));
}

#[test]
fn every_shell_has_completions() {
    let files = names_model();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(
            files.printed(&["completions", shell]).contains("explain"),
            "{shell}"
        );
    }
    assert_eq!(files.refused(&["completions", "csh"]).0, Some(2));
}

/// Waits for a file to have this in it.
fn awaited(files: &Files, name: &str, part: &str) -> String {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(files.path(name)).unwrap_or_default();
        if text.contains(part) {
            return text;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{part} is not in {name}:\n{text}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn run_starts_envoy_again_when_a_sound_file_changes() {
    // In place of Envoy, a script that notes how it was started and ended. It ends with the folder that it is in.
    let envoy = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'version: 0/1.40.0/Clean'; exit; fi\n\
                 trap 'echo ended >> log; exit 0' TERM\necho \"started $* $(basename \"$ENVOY_DYNAMIC_MODULES_SEARCH_PATH\")\" >> log\n\
                 n=0; while [ -e log ] && [ $n -lt 600 ]; do sleep 0.05; n=$((n+1)); done\n";
    let files = Files::new(&[("f.yaml", MODEL), ("envoy", envoy)]);
    let module = files.path("module");
    fs::create_dir(&module).unwrap();
    fs::write(module.join("librust_module.so"), "").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(files.path("envoy"), executable).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_rustformations"))
        .args([
            "run",
            "f.yaml",
            "--module",
            "module/librust_module.so",
            "--",
            "--log-level",
            "info",
        ])
        .env("ENVOY_BIN", files.path("envoy"))
        .stderr(fs::File::create(files.path("errors")).unwrap())
        .current_dir(files.0.path())
        .spawn()
        .unwrap();
    awaited(
        &files,
        "log",
        "started --config-path f.yaml --log-level info module",
    );
    fs::write(
        files.path("f.yaml"),
        "request: {extract: [{header: 'a b'}]}\n",
    )
    .unwrap();
    awaited(
        &files,
        "errors",
        "f.yaml has errors; Envoy goes on with what it has",
    );
    fs::write(files.path("f.yaml"), b"\xff").unwrap();
    awaited(&files, "errors", "f.yaml: not UTF-8");
    assert_eq!(awaited(&files, "log", "started").lines().count(), 1);
    fs::write(
        files.path("f.yaml"),
        "request: {extract: [{header: x-other}]}\n",
    )
    .unwrap();
    awaited(&files, "log", "ended\nstarted");
    run.kill().unwrap();
    run.wait().unwrap();
}

#[test]
fn run_names_what_is_missing() {
    let files = Files::new(&[
        ("f.yaml", MODEL),
        ("broken.yaml", "request: {extract: [{header: 'a b'}]}\n"),
        ("librust_module.so", ""),
        ("other.so", ""),
    ]);
    for (arguments, part) in [
        (
            &["run", "f.yaml", "--module", "nowhere.so"][..],
            "nowhere.so: there is no module",
        ),
        (
            &["run", "f.yaml", "--module", "other.so"],
            "call it librust_module.so",
        ),
        (
            &["run", "none.yaml", "--module", "librust_module.so"],
            "none.yaml: cannot be read",
        ),
        (
            &["run", "broken.yaml", "--module", "librust_module.so"],
            "broken.yaml: mend the errors above",
        ),
        (
            &["run", "f.yaml", "--envoy", "newest"],
            "is not like 1.40.0",
        ),
    ] {
        let (code, error) = files.refused(arguments);
        assert!(
            code != Some(0) && error.contains(part),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    for arguments in [
        &["functions"][..],
        &["functions", "--format", "json"],
        &["schema"],
        &["completions", "bash"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rustformations"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads: each prints more than a pipe holds, or meets one that is closed.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let reported = String::from_utf8(output.stderr).unwrap();
        assert_eq!(reported, "", "{arguments:?}");
    }
}
