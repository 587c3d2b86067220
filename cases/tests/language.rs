//! What a file of cases may say, and that a wrong expectation is found.

#![forbid(unsafe_code)]

mod played;

use played::{cases, problems};

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
fn a_part_says_what_is_compared() {
    let part = RIGHT.replace("expect:", "expect:\n    partial: true");
    assert_eq!(problems(&part), [""; 0]);
    for (from, to, named) in [
        ("again: true", "again: false", "route chosen again"),
        ("[render]", "[]", "failures"),
        ("[render]", "[limit]", "failures"),
        ("log: [spells no such number]", "log: [other]", "log"),
        (
            "route_chosen_again: true",
            "route_chosen_again: true\n    route: other",
            "route",
        ),
    ] {
        assert!(part.contains(from), "{from}");
        let problems = problems(&part.replace(from, to)).join("\n");
        assert!(problems.contains(named), "{from} -> {to}: {problems:?}");
    }
    for unmentioned in [
        "    route_chosen_again: true\n",
        "    failures: [render]\n",
        "    log: [spells no such number]\n",
    ] {
        assert_eq!(problems(&part.replace(unmentioned, "")), [""; 0]);
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

/// A request is routed on what a strict reader sees, or refused: an expectation of a third value is a mistake.
#[test]
fn no_disguise_is_routed_on_a_third_value() {
    let routed = "
cases:
- name: a disguise
  config: {request: {extract: [{header: x-model, onMissing: reject}]}}
  request: {json: {model: m}}
  reader: {sees: m}
  expect: {request: {headers: {x-model: m}}, route_chosen_again: true}
";
    let refused = routed
        .replace("json: {model: m}", "json: {}")
        .replace("x-model: m}}, route_chosen_again: true", "}}")
        .replace(
            "request: {headers: {}}",
            "partial: true, upstream_reached: false",
        );
    assert_eq!(problems(routed), [""; 0]);
    assert_eq!(problems(&refused), [""; 0]);
    let unread = refused.replace("sees: m", "sees: null");
    assert_eq!(problems(&unread), [""; 0]);
    for third in [
        routed.replace("sees: m", "sees: other"),
        routed.replace("sees: m", "sees: null"),
        routed.replace("x-model: m}}", "x-model: {contains: m}}}"),
        refused.replace("upstream_reached: false", "upstream_reached: true"),
    ] {
        let error = cases(&third).unwrap_err();
        assert!(
            error.contains("nor routed on what the `reader` sees"),
            "{error}"
        );
    }
}
