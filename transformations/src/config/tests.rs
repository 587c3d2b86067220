use diagnostics::{Code, Diagnostic};

use super::*;

fn errors(text: &str) -> Vec<String> {
    let loaded = load(text.as_bytes());
    loaded
        .diagnostics
        .iter()
        .map(|d| format!("{} {d}", d.code))
        .collect()
}

fn config(text: &str) -> Config {
    let loaded = load(text.as_bytes());
    assert!(
        !loaded.diagnostics.iter().any(Diagnostic::is_error),
        "{:?}",
        loaded.diagnostics
    );
    loaded.config.unwrap()
}

#[test]
fn empty_and_null_do_nothing() {
    assert_eq!(config("{}"), Config::default());
    assert_eq!(
        config(r#"{"request":null,"response":null}"#),
        Config::default()
    );
    assert_eq!(
        config(r#"{"request":{"body":null}}"#).request.unwrap(),
        Transformation::default()
    );
}

#[test]
fn kgateway_defaults() {
    let request = config(
        r#"{"request":{"set":[{"name":"x"}],"body":{},"dynamicMetadata":[{"namespace":"n","key":"k","value":{}}]}}"#,
    )
    .request
    .unwrap();
    assert_eq!(request.set[0].value, "");
    assert_eq!(
        request.body,
        Some(Body {
            parse_as: ParseAs::AsString,
            value: String::new(),
            cel: None,
        })
    );
    assert_eq!(request.dynamic_metadata[0].value.string_value, None);
}

#[test]
fn kgateway_refusals() {
    for text in [
        "",
        " ",
        "null",
        "1",
        "\"{}\"",
        "{",
        "{}x",
        r#"{"request":{"set":null}}"#,
        r#"{"request":{"add":null}}"#,
        r#"{"request":{"remove":null}}"#,
        r#"{"request":{"set":[{"value":"a"}]}}"#,
        r#"{"request":{"set":[{"name":"a","value":null}]}}"#,
        r#"{"request":{"body":{"parseAs":"asjson"}}}"#,
        r#"{"request":{"body":{"parseAs":null}}}"#,
        r#"{"request":{"body":{"value":null}}}"#,
        r#"{"request":{"when":null}}"#,
        r#"{"request":{"body":{"cel":null}}}"#,
        r#"{"request":{"set":[{"name":"a","cel":null}]}}"#,
        r#"{"request":{"dynamicMetadata":[{"namespace":"n","key":"k","value":{"cel":null}}]}}"#,
        r#"{"request":{"dynamicMetadata":[{"namespace":"n","key":"k"}]}}"#,
        r#"{"request":{},"request":{}}"#,
        r#"{"request":{"remove":["a"],"remove":["b"]}}"#,
    ] {
        let loaded = load(text.as_bytes());
        assert!(
            loaded.diagnostics.iter().any(Diagnostic::is_error),
            "{text}"
        );
    }
    assert_eq!(load(b"{\xff}").diagnostics[0].code, Code::Syntax);
}

#[test]
fn unknown_keys_are_warnings_with_their_path() {
    let text = r#"{"request":{"set":[{"name":"a","vaule":"b"}],"foo":{"bar":1}},"enabled":true}"#;
    assert_eq!(
        errors(text),
        [
            "RF003 request.set[0].vaule: unknown key, which is ignored; did you mean `value`?",
            "RF003 request.foo: unknown key, which is ignored; check its spelling, or remove it",
            "RF003 enabled: unknown key, which is ignored; remove it, or write one of `request`, `response`, `errorFormat`, `limits`, `metrics`",
        ]
    );
    config(text);
}

#[test]
fn every_error_of_shape_is_reported_and_counted_from_the_text() {
    let text = r#"{"request":{"set":[1,{"name":"a"},{"value":"b"},{"name":"c","value":3}],"remove":{}},"response":[7]}"#;
    assert_eq!(
        errors(text),
        [
            "RF002 response: invalid type: a list, expected an object; write the keys of the pass without `- ` before them, such as `remove: [x-secret]`",
            "RF002 request.remove: invalid type: an object, expected a list; write a list of header names, such as `[x-model]`",
            "RF002 request.set[0]: invalid type: integer `1`, expected an object with `name`, and `value` or `cel`; write an object for each header, such as `{name: x-model, value: a}`",
            "RF002 request.set[2]: missing key `name`; write an object for each header, such as `{name: x-model, value: a}`",
            "RF002 request.set[3].value: invalid type: integer `3`, expected a string; put the number in quotes: `\"3\"`",
        ]
    );
}

/// Envoy makes it of a number in YAML above 2147483647. The schema has numbers: nobody writes such a text.
#[test]
fn a_limit_may_be_text_of_digits() {
    let limits = config(r#"{"limits":{"jsonDepth":"3","maxHeldBytes":"4294967296"}}"#).limits;
    assert_eq!(
        limits,
        config(r#"{"limits":{"jsonDepth":3,"maxHeldBytes":4294967296}}"#).limits
    );
}

#[test]
fn syntax_errors_say_where() {
    assert_eq!(
        errors("{\n  \"request\": {,}\n}"),
        [
            "RF001 not JSON: key must be a string at 2:15; write JSON text, or give Envoy a google.protobuf.Struct"
        ]
    );
}

#[test]
fn extract_defaults_to_the_model() {
    let extract = config(r#"{"request":{"extract":[{"header":"x"}]}}"#)
        .request
        .unwrap()
        .extract;
    assert_eq!(
        extract[0],
        Extract {
            header: Some("x".into()),
            ..Extract::default()
        }
    );
    assert_eq!(extract[0].from, [Source::Json("/model".into())]);
    assert_eq!(
        errors(r#"{"request":{"extract":[{"from":[{"jsn":"/model"}]}]}}"#),
        [
            "RF002 request.extract[0].from[0]: unknown name `jsn`, expected one of `json`, `header`, `usage`, `cel`, `multipart`, `form`, `path`; did you mean `json`?"
        ]
    );
}

#[test]
fn a_flood_of_warnings_does_not_hide_an_error() {
    let unknown: Vec<String> = (0..200).map(|n| format!("\"k{n}\":1")).collect();
    let loaded = load(format!("{{{}}}", unknown.join(",")).as_bytes());
    let refused = loaded.compile(|_| ((), vec![Diagnostic::error(Code::Range, "last", "wrong")]));
    let diagnostics = refused.unwrap_err().0;
    assert_eq!(diagnostics[0].path, "last");
    assert_eq!(diagnostics.len(), 65);
    assert_eq!(diagnostics[64].message, "137 more problems are not shown");
}
