//! The shape of a configuration: JSON, keys and types.

use insta::assert_snapshot;
use serde_json::json;

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
fn a_dash_before_the_keys_of_a_pass() {
    assert_snapshot!(printed("request:\n- remove: [x-a]"), @"error RF002: request: invalid type: a list, expected an object; write the keys of the pass without `- ` before them, such as `remove: [x-secret]`");
    loads("request:\n  remove: [x-a]");
}

#[test]
fn a_list_for_a_header() {
    assert_snapshot!(printed("request: {set: [[x-a, b]]}"), @"error RF002: request.set[0]: invalid type: a list, expected an object with `name`, and `value` or `cel`; write an object for each header, such as `{name: x-model, value: a}`");
    loads("request: {set: [{name: x-a, value: b}]}");
}

#[test]
fn a_list_for_a_map() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, lookup: {header: x-b, values: [{lora: llama}]}}]}"), @"error RF002: request.extract[0].lookup.values: invalid type: a list, expected an object; write an object, such as `{my-lora: llama-3}`");
}

#[test]
fn a_map_of_aliases() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, aliases: {gpt-4: gpt-4o}}]}"), @r#"error RF002: request.extract[0].aliases: invalid type: an object, expected a list; write a list of aliases, such as `[{match: "gpt-4*", value: gpt-4o}]`"#);
}

#[test]
fn several_places_in_one_edit() {
    assert_snapshot!(printed("request: {patch: [{remove: [/a, /b]}]}"), @"error RF002: request.patch[0].remove: invalid type: a list, expected a string; write one place, such as `/model`, and another edit for each other place");
    loads("request: {patch: [{remove: /a}, {remove: /b}]}");
}

#[test]
fn a_number_as_text() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', status: '70000'}]}"), @r#"error RF002: request.reject[0].status: invalid value: string "70000", expected a whole number; write a number without a unit or a sign"#);
    loads("request: {onFailure: reject, reject: [{when: 'true', status: '404'}]}");
    loads("request: {onFailure: reject, reject: [{when: 'true', status: 404}]}");
}

#[test]
fn a_rule_without_a_condition() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{status: 404}]}"), @r#"error RF002: request.reject[0]: missing key `when`; write a list of rules, such as `[{when: "extracted.model == 'a'", status: 404}]`"#);
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
    error RF004: request.set[0] `a b`: unexpected end of input, expected expression at 1:1; end each `{{` with `}}`, each `{%` with `%}`, and each `{% if %}` with `{% endif %}`
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

/// What the wrong type lacks is nobody's concern: `filter_name` would be wrong on a route.
#[test]
fn the_type_of_a_listeners_filter_on_a_route() {
    let config = json!({"routes": [{"match": {"prefix": "/"}, "typed_per_filter_config": {"ours": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
        "dynamic_module_config": {"name": "rust_module", "do_not_close": true},
        "per_route_config_name": "rustformation",
        "filter_config": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "{}"},
    }}}]});
    assert_snapshot!(printed(&config.to_string()), @r#"routes[0].typed_per_filter_config.ours: error RF002: this is the type of a listener's filter, which Envoy refuses on a route; write `"@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute`"#);
}
