//! The shape of a configuration: JSON, keys and types.

use insta::assert_snapshot;

use super::{envoy_filter, loads, printed};

#[test]
fn an_empty_file() {
    assert_snapshot!(printed(r#"# nothing
"#), @"error RF001: the configuration is empty; write `{}` for a filter that does nothing");
    loads("{}");
}

#[test]
fn nothing_but_a_number() {
    assert_snapshot!(printed("1"), @"error RF002: invalid type: integer `1`, expected an object with `request` and `response`");
    loads("{}");
}

#[test]
fn a_list_that_is_a_number() {
    assert_snapshot!(printed("request: {remove: 1}"), @"error RF002: request.remove: invalid type: integer `1`, expected a list; write a list of header names, such as `[x-model]`");
}

#[test]
fn a_list_that_is_an_object() {
    assert_snapshot!(printed("request: {set: {name: x-a, value: a}}"), @"error RF002: request.set: invalid type: an object, expected a list; write a list of objects, such as `[{name: x-model, value: a}]`");
}

#[test]
fn a_text_that_is_a_number() {
    assert_snapshot!(printed("request: {set: [{name: x-a, value: 1}]}"), @r#"error RF002: request.set[0].value: invalid type: integer `1`, expected a string; put the number in quotes: `"1"`"#);
}

#[test]
fn a_number_that_is_a_text() {
    assert_snapshot!(printed("limits: {maxHeldBytes: 1MiB}"), @r#"error RF002: limits.maxHeldBytes: invalid type: string "1MiB", expected a whole number; write a number without a unit or a sign"#);
}

#[test]
fn a_number_that_is_negative() {
    assert_snapshot!(printed("limits: {maxHeldBytes: -1}"), @"error RF002: limits.maxHeldBytes: invalid value: integer `-1`, expected a whole number; write a number without a unit or a sign");
}

#[test]
fn an_item_that_is_a_text() {
    assert_snapshot!(printed("request: {set: [x-a]}"), @r#"error RF002: request.set[0]: invalid type: string "x-a", expected an object with `name`, and `value` or `cel`; write an object for each header, such as `{name: x-model, value: a}`"#);
}

#[test]
fn a_missing_key() {
    assert_snapshot!(printed("request: {set: [{value: a}]}"), @"error RF002: request.set[0]: missing key `name`; write an object for each header, such as `{name: x-model, value: a}`");
}

#[test]
fn a_name_that_does_not_exist() {
    assert_snapshot!(printed("request: {bodyMode: chunked}"), @"error RF002: request.bodyMode: unknown name `chunked`, expected `buffered` or `streamed`");
}

#[test]
fn a_key_twice() {
    assert_snapshot!(printed(r#"{"request": {"remove": [], "remove": []}}"#), @"error RF002: duplicate key `remove`; remove one of the two");
}

#[test]
fn a_source_that_is_a_text() {
    assert_snapshot!(printed("request: {extract: [{header: x-model, from: [/model]}]}"), @"error RF002: request.extract[0].from[0]: unknown name `/model`, expected one of `json`, `header`, `usage`, `cel`, `multipart`, `form`, `path`; write an object with one key for each source, such as `{json: /model}`");
    loads("request: {extract: [{header: x-model, from: [{json: /model}]}]}");
}

#[test]
fn two_sources_in_one() {
    assert_snapshot!(printed("request: {extract: [{header: x-model, from: [{json: /model, form: model}]}]}"), @"error RF002: request.extract[0].from[0]: invalid value: an object, expected an object with one key; write an object with one key for each source, such as `{json: /model}`");
    loads("request: {extract: [{header: x-model, from: [{json: /model}, {form: model}]}]}");
}

#[test]
fn an_unknown_source() {
    assert_snapshot!(printed("request: {extract: [{header: x-model, from: [{jsonpath: $.model}]}]}"), @"error RF002: request.extract[0].from[0]: unknown name `jsonpath`, expected one of `json`, `header`, `usage`, `cel`, `multipart`, `form`, `path`; write an object with one key for each source, such as `{json: /model}`");
}

#[test]
fn an_unknown_key() {
    assert_snapshot!(printed("request: {sett: [], body: {parse: AsJson}}"), @r"
    warning RF003: request.body.parse: unknown key, which is ignored; did you mean `parseAs`?
    warning RF003: request.sett: unknown key, which is ignored; did you mean `set`?
    ");
}

#[test]
fn everything_wrong_at_once() {
    assert_snapshot!(printed(r#"request: {set: [{name: a b, value: '{{'}, {name: x, value: 1}], remove: 1}
response: {sett: []}"#), @r#"
    error RF002: request.remove: invalid type: integer `1`, expected a list; write a list of header names, such as `[x-model]`
    error RF002: request.set[1].value: invalid type: integer `1`, expected a string; put the number in quotes: `"1"`
    warning RF003: response.sett: unknown key, which is ignored; did you mean `set`?
    error RF006: request.set[0] `a b`: `a b` is not a header name; use letters, digits and `-`
    "#);
}

/// The CLI takes YAML too, so that only a text within an Envoy configuration has to be JSON.
#[test]
fn a_filter_config_that_is_not_json() {
    let config = envoy_filter("ours", "request: {}");
    assert_snapshot!(printed(&config.to_string()), @"typed_config: error RF001: not JSON: expected value at 1:1; this is YAML, and a google.protobuf.StringValue takes JSON text: give Envoy a google.protobuf.Struct, which takes YAML");
}

#[test]
fn an_empty_filter_config() {
    let config = envoy_filter("ours", "");
    assert_snapshot!(printed(&config.to_string()), @"typed_config: error RF001: the configuration is empty; write `{}` for a filter that does nothing");
}

/// The CLI reads text, so only the module gets bytes that are not UTF-8.
#[test]
fn bytes_that_are_not_utf_8() {
    let refused = transformations::Engine::default()
        .load(b"{\xff}")
        .unwrap_err();
    assert_snapshot!(refused, @"RF001: not UTF-8: byte 1 is invalid; save the configuration as UTF-8");
}
