//! What a file of cases may say, and that a wrong expectation is found.

#![forbid(unsafe_code)]

use cases::engine::{Ways, play};
use cases::read::{self, Placed};

/// A case that passes.
const RIGHT: &str = r#"
cases:
- name: a model becomes a header
  config:
    request:
      extract: [{header: x-model}]
      dynamicMetadata: [{namespace: n, key: k, value: {stringValue: '{{ extracted.model }}'}}]
      set: [{name: x-fails, cel: int(request.path)}]
  request: {headers: {x-old: [a, b]}, json: {model: m}}
  response: {status: 404, body: gone}
  expect:
    request: {headers: {x-model: m, x-old: [a, b]}, body: '{"model":"m"}'}
    response: {headers: {':status': '404'}, body: {contains: one}}
    metadata: {n: {k: m}}
    route_chosen_again: true
    reads_body: {request: true}
    failures: [render]
    log: [spells no such number]
    warnings: []
"#;

/// A case whose request is answered.
const ANSWERED: &str = r#"
cases:
- name: no model
  config: {request: {extract: [{header: x-model, onMissing: reject}]}}
  request: {json: {}}
  expect:
    reply:
      status: 400
      details: rustformations_field_missing
      headers: {content-type: application/json}
      body: {contains: [missing_model, model]}
    failures: [field_missing]
"#;

/// A case whose configuration is refused.
const REFUSED: &str = r#"
cases:
- name: a template that does not end
  config: {request: {set: [{name: x-a, value: '{{'}]}}
  expect: {errors: [{RF004: 'request.set[0]'}]}
"#;

fn cases(text: &str) -> Result<Vec<Placed>, String> {
    read::read(text, "file.yaml").map_err(|error| error.to_string())
}

fn problems(text: &str) -> Vec<String> {
    let cases = match cases(text) {
        Ok(cases) => cases,
        Err(error) => return vec![error],
    };
    let played = cases
        .iter()
        .map(|one| play(&one.case, &mut Ways::default()));
    played.flatten().collect()
}

#[test]
fn right_expectations_pass() {
    for right in [RIGHT, ANSWERED, REFUSED] {
        assert_eq!(problems(right), [""; 0]);
    }
}

#[test]
fn each_wrong_expectation_is_named() {
    for (right, from, to, named) in [
        (
            RIGHT,
            "x-model: m,",
            "x-model: n,",
            "request header x-model",
        ),
        (
            RIGHT,
            "x-model: m,",
            "x-model: null,",
            "request header x-model",
        ),
        (RIGHT, "x-model: m, x", "x", "request header x-model"),
        (
            RIGHT,
            "x-old: [a, b]}, body",
            "x-old: [b, a]}, body",
            "request header x-old",
        ),
        (
            RIGHT,
            r#"'{"model":"m"}'"#,
            r#"'{"model": "m"}'"#,
            "request body",
        ),
        (RIGHT, "'404'", "'200'", "response header :status"),
        (RIGHT, "contains: one", "contains: two", "response body"),
        (
            RIGHT,
            "metadata: {n: {k: m}}",
            "metadata: {n: {k: n}}",
            "metadata",
        ),
        (RIGHT, "metadata: {n: {k: m}}", "", "metadata"),
        (RIGHT, "again: true", "again: false", "route chosen again"),
        (
            RIGHT,
            "{request: true}",
            "{request: false}",
            "reads the body",
        ),
        (RIGHT, "failures: [render]", "", "failures"),
        (RIGHT, "[render]", "[render, render]", "failures"),
        (RIGHT, "log: [spells no such number]", "log: [other]", "log"),
        (RIGHT, "warnings: []", "warnings: [{RF003: a}]", "warnings"),
        (ANSWERED, "status: 400", "status: 404", "reply status"),
        (
            ANSWERED,
            "details: rustformations_field",
            "details: other",
            "reply details",
        ),
        (
            ANSWERED,
            "application/json",
            "text/plain",
            "reply header content-type",
        ),
        (
            ANSWERED,
            "headers: {content-type: application/json}",
            "",
            "reply header content-type",
        ),
        (ANSWERED, "_model, model]", "_model, other]", "reply body"),
        (
            ANSWERED,
            "body: {contains: [missing_model, model]}",
            "",
            "reply body",
        ),
        (REFUSED, "RF004", "RF005", "errors"),
        (REFUSED, "set[0]", "set[1]", "errors"),
        (
            REFUSED,
            "errors: [{RF004: 'request.set[0]'}]",
            "unchanged: true",
            "errors",
        ),
    ] {
        assert!(right.contains(from), "{from}");
        let problems = problems(&right.replace(from, to)).join("\n");
        assert!(problems.contains(named), "{from} -> {to}: {problems:?}");
    }
}

#[test]
fn what_is_not_known_is_named_with_its_place() {
    for (right, from, to, named) in [
        (
            RIGHT,
            "  request: {headers",
            "  surprise: {headers",
            "line 9",
        ),
        (RIGHT, "json: {model: m}}\n", "surprise: 1}\n", "line 9"),
        (
            RIGHT,
            "  response: {status",
            "  response: {surprise: 1, status",
            "line 10",
        ),
        (RIGHT, "metadata: {n", "surprise: {n", "line 14"),
        (RIGHT, "contains: one", "surprise: one", "line 13"),
        (
            ANSWERED,
            "details: ",
            "surprise: 1\n      details: ",
            "line 9",
        ),
        (RIGHT, "cases:", "surprise: 1\ncases:", "line 2"),
    ] {
        assert!(right.contains(from), "{from}");
        let error = cases(&right.replace(from, to)).unwrap_err();
        let place = error.contains("surprise") && error.contains(named);
        assert!(place, "{from} -> {to}: {error}");
    }
}

#[test]
fn what_could_not_fail_is_refused() {
    let nothing = RIGHT.split("  expect:").next().unwrap().to_owned();
    for (expect, named) in [
        ("{}", "no expectation"),
        ("{request: {}}", "a change of nothing"),
        (
            "{unchanged: true, request: {body: a}}",
            "`unchanged`, and then a change",
        ),
        (
            "{unchanged: true, errors: [{RF001: a}]}",
            "a refused configuration does nothing",
        ),
        ("{route: other}", "no route is called `other`"),
    ] {
        let error = cases(&format!("{nothing}  expect: {expect}\n")).unwrap_err();
        assert!(
            error.contains("file.yaml:3: `a model becomes a header`"),
            "{error}"
        );
        assert!(error.contains(named), "{error}");
    }
    for (from, to, named) in [
        (
            "json: {model: m}}",
            "json: {model: m}, body: a}",
            "exclude each other",
        ),
        ("x-old: [a, b]}, json", "':path': /}, json", "write `path`"),
        ("x-old: [a, b]}, json", "X-Old: a}, json", "lower case"),
        ("x-old: [a, b]}, json", "x-old: 1}, json", "quotes"),
        (
            "{status: 404",
            "{path: /, status: 404",
            "belong to `request`",
        ),
    ] {
        let error = cases(&RIGHT.replace(from, to)).unwrap_err();
        assert!(error.contains(named), "{from} -> {to}: {error}");
    }
    assert!(cases("cases: []").unwrap_err().contains("no case"));
    let twice = format!("{RIGHT}{}", RIGHT.replace("cases:\n", ""));
    assert!(
        cases(&twice)
            .unwrap_err()
            .contains("another case has this name")
    );
}

#[test]
fn a_file_gives_its_cases_a_configuration() {
    let text = "
config: {request: {set: [{name: x-a, value: '1'}]}}
cases:
- name: its own
  config: {}
  expect: {unchanged: true}
- name: the file's
  expect: {request: {headers: {x-a: '1'}}}
";
    assert_eq!(problems(text), [""; 0]);
    let none = text.replace("config: {request", "# config: {request");
    assert!(
        cases(&none)
            .unwrap_err()
            .contains("`the file's`: no `config`")
    );
}

#[test]
fn bodies_have_many_forms() {
    let text = r#"
config: {}
cases:
- name: forms
  request:
    pieces:
    - text
    - {hex: '00 ff'}
    - {base64: /w==}
    - {json: {b: [1, null, 1.5, true], a: 'x"'}}
    - {crlf: "a\nb"}
    - [{repeat: [a, b], times: 2}, c]
  expect:
    request: {body: ["text\0", {hex: ffff}, '{"b":[1,null,1.5,true],"a":"x\""}', "a\r\nb", ababc]}
- name: encoded
  request: {body: {gzip: {json: {a: 1}}}}
  expect: {request: {body: {unzipped: {json: {a: 1}}}}}
"#;
    assert_eq!(problems(text), [""; 0]);
}

/// Where a route leads is part of an exchange.
#[test]
fn routes_have_configurations_of_their_own() {
    let text = r#"
cases:
- name: the model leads to its route
  config: {request: {extract: [{header: x-model}]}}
  routes:
  - name: own
    headers: {x-model: m}
    config: {response: {set: [{name: x-of, value: own}]}}
  - name: others
  request: {json: {model: m}}
  response: {}
  expect:
    request: {headers: {x-model: m}}
    response: {headers: {x-of: own}}
    route_chosen_again: true
    route: own
"#;
    assert_eq!(problems(text), [""; 0]);
    let wrong = text.replace("route: own", "route: others");
    assert!(
        problems(&wrong).join("").contains("route\n"),
        "{:?}",
        problems(&wrong)
    );
}

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
    breaks_off: true
  expect:
    client_reached: false
    callbacks: {on_response_headers: {each: [held]}, on_response_body: {each: [held, held]}}
- name: so is a request
  config: {request: {extract: [{header: x-model}]}}
  request: {pieces: ['{"mod'], breaks_off: true}
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
            "breaks_off: true\n  expect:\n    client",
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

/// Every word of the language is on its page.
#[test]
fn the_page_has_every_key() {
    let sources = [
        include_str!("../src/bytes.rs"),
        include_str!("../src/case.rs"),
        include_str!("../src/chain.rs"),
        include_str!("../src/config.rs"),
        include_str!("../src/expect.rs"),
        include_str!("../src/matcher.rs"),
        include_str!("../src/message.rs"),
        include_str!("../src/multipart.rs"),
    ];
    let page = include_str!("../../docs/cases.md");
    let mut keys = 0;
    for source in sources {
        for key in serde_keys(source) {
            keys += 1;
            assert!(
                page.contains(&format!("`{key}")) || page.contains(&format!("{key}:")),
                "{key}"
            );
        }
    }
    assert!(keys > 60, "{keys}");
}

/// The names of fields of structs that are read, and the words that visitors look for.
fn serde_keys(source: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut read = false;
    let mut within = false;
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut skipped = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[derive(") {
            read = line.contains("Deserialize");
        } else if line.contains("struct ") && line.ends_with('{') {
            within = read;
        } else if line == "}" {
            within = false;
        } else if line == "#[serde(skip)]" {
            skipped = true;
        } else if within && !line.starts_with("//") && !line.starts_with("#[") {
            let name = line.trim_start_matches("pub ").split(':').next();
            if !std::mem::take(&mut skipped) {
                keys.extend(name.map(str::to_owned));
            }
        } else if let Some((word, _)) = line.strip_prefix('"').and_then(|line| line.split_once('"'))
            && (line.contains("\" =>") || line == format!("\"{word}\","))
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            keys.push(word.to_owned());
        }
    }
    keys
}
