//! When things arrive and go on, how messages end, and what the filter stands beside.

#![forbid(unsafe_code)]

mod played;

use cases::engine::{Ways, play};
use cases::read;

use played::{cases, problems};

/// A stream whose events go on one by one.
const STREAM: &str = r#"
cases:
- name: an event passes before the next
  config: {response: {patch: [{replace: /model, value: fast}]}}
  response:
    headers: {content-type: text/event-stream}
    pieces: ["data: {\"model\":\"m\"}\n\n", "data: {\"mod", {after_ms: 300, piece: "el\":\"m\"}\n\n"}]
  expect:
    response:
      body: "data: {\"model\":\"fast\"}\n\ndata: {\"model\":\"fast\"}\n\n"
      pieces: ["data: {\"model\":\"fast\"}\n\n", {not: {contains: el}}, {contains: "fast\"}\n\n"}]
      arrives_within_ms: 100
    callbacks: {on_response_headers: {last: passes}}
"#;

/// A response that waits for its end, which never comes.
const CUT_OFF: &str = r#"
cases:
- name: what is held is lost
  config: {response: {patch: [{replace: /model, value: fast}]}}
  response:
    headers: {content-type: application/json}
    pieces: ['{"model":"m"', {after_ms: 50, piece: ',"a":1'}]
    broken_off: true
  expect:
    client_reached: false
    callbacks: {on_response_headers: {each: [held]}, on_response_body: {each: [held, held]}}
- name: so is a request
  config: {request: {extract: [{header: x-model}]}}
  request: {pieces: ['{"mod'], broken_off: true}
  expect: {upstream_reached: false}
"#;

/// Parts go in and come out.
const PARTS: &str = r#"
cases:
- name: a part is edited
  config: {request: {patch: [{replace: /model, value: fast}]}}
  request:
    headers: {content-type: multipart/form-data; boundary=b}
    body:
      multipart:
        boundary: b
        parts:
        - {name: model, body: m}
        - {name: file, filename: a.wav, headers: {content-type: audio/wav}, body: {hex: 00ff}}
  expect:
    request:
      body:
        multipart:
        - {name: model, body: fast}
        - {name: file, filename: a.wav, headers: {content-type: audio/wav}, body: {hex: 00ff}}
"#;

#[test]
fn pieces_parts_and_ends_are_compared() {
    for right in [STREAM, CUT_OFF, PARTS] {
        assert_eq!(problems(right), [""; 0]);
    }
    for (right, from, to, named) in [
        (
            STREAM,
            "pieces: [\"data: {\\\"model\\\":\\\"fast",
            "pieces: [\"data: {\\\"model\\\":\\\"slow",
            "response piece 0",
        ),
        (
            STREAM,
            "{not: {contains: el}}",
            "{contains: el}",
            "response piece 1",
        ),
        (
            STREAM,
            "{contains: \"fast",
            "{contains: \"slow",
            "response piece 2",
        ),
        (
            STREAM,
            "pieces: [\"data",
            "pieces: [{after_ms: 101, piece: x}, \"data",
            "expects 3, and 4 are sent",
        ),
        (STREAM, "piece: \"el", "piece: \"al", "response body"),
        (STREAM, "last: passes", "last: held", "OnResponseHeaders"),
        (
            CUT_OFF,
            "client_reached: false",
            "client_reached: true",
            "client reached",
        ),
        (
            CUT_OFF,
            "each: [held]}",
            "each: [passes]}",
            "OnResponseHeaders",
        ),
        (CUT_OFF, "[held, held]", "[held, passes]", "OnResponseBody"),
        (
            CUT_OFF,
            "upstream_reached: false",
            "upstream_reached: true",
            "upstream reached",
        ),
        (
            CUT_OFF,
            "broken_off: true\n  expect:\n    client",
            "\n  expect:\n    client",
            "client reached",
        ),
        (
            PARTS,
            "model, body: fast",
            "model, body: slow",
            "request body",
        ),
        (
            PARTS,
            "model, body: fast",
            "modal, body: fast",
            "request body",
        ),
        (
            PARTS,
            "        - {name: model, body: fast}\n",
            "",
            "request body",
        ),
        (
            PARTS,
            "audio/wav}, body: {hex: 00ff}}\n  expect",
            "audio/wav}, body: {hex: 00fe}}\n  expect",
            "request body",
        ),
    ] {
        assert!(right.contains(from), "{from}");
        let problems = problems(&right.replacen(from, to, 1)).join("\n");
        assert!(problems.contains(named), "{from} -> {to}: {problems}");
    }
}

/// How long a byte takes is the sender's time until the piece that lets it go on.
#[test]
fn time_is_that_of_the_sender() {
    let text = r#"
config: {}
cases:
- name: the first byte
  response: {pieces: [{after_ms: 200, piece: a}, {after_ms: 200, piece: b}]}
  expect: {response: {arrives_within_ms: 200}}
- name: its end
  config: {response: {body: {value: 'x{{ body() }}'}}}
  response: {pieces: [{after_ms: 200, piece: a}, {after_ms: 200, piece: b}]}
  expect: {response: {headers: {content-length: '3'}, body: xab, arrives_within_ms: 400}}
"#;
    assert_eq!(problems(text), [""; 0]);
    for (from, to) in [
        ("within_ms: 200", "within_ms: 199"),
        ("within_ms: 400", "within_ms: 399"),
    ] {
        let problems = problems(&text.replace(from, to)).join("\n");
        assert!(problems.contains("response arrives"), "{problems}");
    }
}

#[test]
fn chains_are_places_or_lists() {
    let text = r#"
cases:
- name: one that holds bodies
  config: {request: {extract: [{header: x-model}]}}
  chain: [buffer, filter, buffer]
  request: {json: {model: m}}
  expect: {request: {headers: {x-model: m}}, route_chosen_again: true}
- name: a cluster's
  config: {request: {extract: [{header: x-model}]}}
  chain: upstream
  request: {json: {model: m}}
  expect: {request: {headers: {x-model: m}}}
"#;
    assert_eq!(problems(text), [""; 0]);
    let route = text.replace("route_chosen_again: true", "route_chosen_again: false");
    assert!(problems(&route).join("").contains("route chosen again"));
    let lua = text.replace("[buffer, filter, buffer]", "[{lua: ''}, filter]");
    assert!(
        problems(&lua)
            .join("")
            .contains("only a real Envoy plays it")
    );
    for (chain, named) in [
        ("[buffer]", "no `filter` in the chain"),
        ("[filter, filter]", "stands twice"),
        ("[filter, surprise]", "surprise"),
        (
            "[filter, {lua: '', name: a}]",
            "a filter is `lua`, or `name`",
        ),
        ("[filter, {surprise: a}]", "surprise"),
        ("surprise", "surprise"),
    ] {
        let error = cases(&text.replace("[buffer, filter, buffer]", chain)).unwrap_err();
        assert!(error.contains(named), "{chain}: {error}");
    }
}

#[test]
fn a_configuration_may_be_in_a_file() {
    let folder = std::env::temp_dir().join(format!("cases-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("within")).unwrap();
    let config = "request: {set: [{name: x-a, value: '1'}]}\n";
    std::fs::write(folder.join("config.yaml"), config).unwrap();
    let wrapped = "- value: '{\"request\": {\"set\": [{\"name\": \"x-a\", \"value\": \"1\"}]}}'\n";
    std::fs::write(folder.join("envoy.yaml"), wrapped).unwrap();
    let file = folder.join("within/cases.yaml");
    let read = |config: &str| {
        let text = format!(
            "config: {config}\ncases:\n- {{name: a, expect: {{request: {{headers: {{x-a: '1'}}}}}}}}\n"
        );
        std::fs::write(&file, text).unwrap();
        read::file(&file).map_err(|error| error.to_string())
    };
    for right in [
        "{file: ../config.yaml}",
        "{file: ../envoy.yaml, at: /0/value}",
    ] {
        let cases = read(right).unwrap();
        assert_eq!(
            play(&cases[0].case, &mut Ways::default()),
            [""; 0],
            "{right}"
        );
    }
    for (wrong, named) in [
        (
            "{file: ../none.yaml}",
            "config file ../none.yaml: No such file",
        ),
        ("{file: /etc/hostname}", "write a path from the folder"),
        ("{file: ../envoy.yaml, at: /1}", "nothing is at /1"),
        (
            "{file: ../envoy.yaml, surprise: a}",
            "`surprise` beside `file`",
        ),
    ] {
        let error = read(wrong).unwrap_err();
        assert!(error.contains(named), "{wrong}: {error}");
    }
    std::fs::remove_dir_all(folder).unwrap();
    let error = cases("cases:\n- {name: a, config: {file: a}, expect: {unchanged: true}}\n");
    assert!(error.unwrap_err().contains("in no folder"));
}
