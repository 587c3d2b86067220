//! Fields.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn a_field_that_nothing_uses() {
    assert_snapshot!(printed("request: {extract: [{}]}"), @"error RF008: request.extract[0]: nothing uses this field; add `header` or `metadata`, or use `extracted` in a template or expression");
    loads("request: {extract: [{header: x-model}]}");
}

#[test]
fn two_fields_of_one_name() {
    assert_snapshot!(printed("request: {extract: [{header: x-a}, {header: x-b}]}"), @"error RF008: request.extract[1].name: `model` is already the name of request.extract[0]; give each field its own");
    loads("request: {extract: [{header: x-a}, {header: x-b, name: other}]}");
}

#[test]
fn two_fields_of_one_header() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, name: a}, {header: X-A, name: b}]}"), @"error RF008: request.extract[1].header: `x-a` is already the header of request.extract[0]; give each field its own");
}

#[test]
fn a_lookup_into_the_header_of_a_field() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, lookup: {header: x-a, values: {a: b}}}]}"), @"error RF008: request.extract[0].lookup.header: `x-a` is already the header of request.extract[0]; give each field its own");
}

#[test]
fn an_empty_namespace() {
    assert_snapshot!(printed(r#"request: {extract: [{metadata: {namespace: "", key: k}}]}"#), @"error RF008: request.extract[0].metadata: the namespace or the key is empty; give both");
    loads("request: {extract: [{metadata: {namespace: llm, key: k}}]}");
}

#[test]
fn a_field_without_a_name() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{header: x-b}]}]}"), @"error RF008: request.extract[0].name: the field has no name; add `name`: a `header` or `cel` source gives the field none");
    loads("request: {extract: [{header: x-a, name: a, from: [{header: x-b}]}]}");
}

#[test]
fn a_header_name_with_a_space() {
    assert_snapshot!(printed("request: {extract: [{header: x a}]}"), @"error RF006: request.extract[0].header: `x a` is not a header name; use letters, digits and `-`");
}

#[test]
fn a_header_that_every_request_needs() {
    assert_snapshot!(printed("request: {extract: [{header: host}, {header: ':path', name: path}, {header: te, name: te}]}"), @r"
    error RF008: request.extract[0].header: `extract` would remove `host` from every request; extract into a header of your own, and use `set` for this one
    error RF008: request.extract[1].header: `extract` would remove `:path` from every request; extract into a header of your own, and use `set` for this one
    error RF008: request.extract[2].header: `extract` would remove `te` from every request; extract into a header of your own, and use `set` for this one
    ");
    loads(
        "request: {extract: [{header: x-host}], set: [{name: host, value: '{{ extracted.model }}'}]}",
    );
}

#[test]
fn a_default_that_no_header_carries() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, default: " a"}]}"#), @"error RF006: request.extract[0].default: the value cannot be put into a header; remove control characters, and spaces around it");
}

#[test]
fn an_alias_that_no_header_carries() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, aliases: [{match: a, value: "b\n"}]}]}"#), @"error RF006: request.extract[0].aliases[0].value: the value cannot be put into a header; remove control characters, and spaces around it");
}

#[test]
fn an_alias_without_a_value() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, aliases: [{match: a, value: ""}]}]}"#), @"error RF008: request.extract[0].aliases[0].value: the value is empty; write what replaces the match");
    loads("request: {extract: [{header: x-a, aliases: [{match: a, value: b}]}]}");
}

#[test]
fn an_alias_of_nothing() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, aliases: [{match: "", value: a}]}]}"#), @"error RF008: request.extract[0].aliases[0].match: the match is empty, and no value is; write what to replace");
}

#[test]
fn a_match_twice() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, aliases: [{match: a, value: b}, {match: a, value: c}]}]}"), @"error RF008: request.extract[0].aliases[1].match: aliases[0] has the match `a` already; write each match once");
}

#[test]
fn a_lookup_without_values() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, lookup: {header: x-b, values: {}}}]}"), @"error RF008: request.extract[0].lookup.values: the table is empty; add values, such as `{my-adapter: its-base}`");
    loads(
        "request: {extract: [{header: x-a, lookup: {header: x-b, values: {my-adapter: its-base}}}]}",
    );
}

#[test]
fn a_lookup_of_nothing() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, lookup: {header: x-b, values: {"": a}}}]}"#), @"error RF008: request.extract[0].lookup.values: the table has an empty key, and no value is empty; write a value of the field, or remove the key");
}

#[test]
fn a_lookup_of_an_empty_value() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, lookup: {header: x-b, values: {a: ""}}}]}"#), @"error RF008: request.extract[0].lookup.values.a: the value is empty; write what the header gets");
    loads("request: {extract: [{header: x-a, lookup: {header: x-b, values: {a: b}}}]}");
}

#[test]
fn a_lookup_that_no_header_carries() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, lookup: {header: x-b, values: {a: "b "}}}]}"#), @"error RF006: request.extract[0].lookup.values.a: the value cannot be put into a header; remove control characters, and spaces around it");
}

#[test]
fn no_source() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: []}]}"), @"error RF008: request.extract[0].from: the list has no source; add a source, or remove `from` to read `/model`");
    loads("request: {extract: [{header: x-a}]}");
}

#[test]
fn a_pointer_without_a_slash() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{json: model}]}]}"), @"error RF007: request.extract[0].from[0]: `model`: a JSON Pointer begins with `/`; write `/model`");
    loads("request: {extract: [{header: x-a, from: [{json: /model}]}]}");
}

#[test]
fn a_pointer_with_a_bare_tilde() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{json: /a~2}]}]}"), @"error RF007: request.extract[0].from[0]: `/a~2`: `~` is written `~0`, and `/` inside a key `~1`; write a JSON Pointer (RFC 6901), such as `/model`");
    loads("request: {extract: [{header: x-a, from: [{json: /a~02}]}]}");
}

#[test]
fn a_source_header_with_a_space() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, name: a, from: [{header: x b}]}]}"), @"error RF006: request.extract[0].from[0]: `x b` is not a header name; use letters, digits and `-`");
}

#[test]
fn a_source_header_that_a_field_sets() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, name: a, from: [{header: x-a}]}]}"), @"error RF008: request.extract[0].from[0]: a field sets `x-a`, so what the client sent in it is removed; read a header that no field sets");
    loads("request: {extract: [{header: x-a, name: a, from: [{header: x-b}]}]}");
}

#[test]
fn a_form_field_without_a_name() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, name: a, from: [{form: ""}]}]}"#), @"error RF008: request.extract[0].from[0]: the name is empty; write the name of a form field");
}

#[test]
fn a_form_field_with_a_quote() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, name: a, from: [{multipart: 'a"b'}]}]}"#), @r#"error RF008: request.extract[0].from[0]: "a\"b" cannot be the name of a form field; remove quotes, backslashes and control characters"#);
}

#[test]
fn an_expression_whose_value_is_no_text() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, name: a, from: [{cel: '[1]'}]}]}"), @r#"warning RF008: request.extract[0].from[0]: a value of type list is not text, so it counts as missing; write `list.join(",")` or `toJson(list)`"#);
    loads("request: {extract: [{header: x-a, name: a, from: [{cel: 'toJson([1])'}]}]}");
}

#[test]
fn clear_route_cache_in_a_response() {
    assert_snapshot!(printed("response: {clearRouteCache: true}"), @"error RF008: response.clearRouteCache: only the route of a request can be chosen again; move it to `request`");
    loads("request: {clearRouteCache: true}");
}

#[test]
fn a_body_that_is_read_and_not_parsed() {
    assert_snapshot!(printed("request: {extract: [{header: x-a}], body: {parseAs: None}}"), @"error RF008: request.body.parseAs: `extract` reads the body, but `parseAs: None` turns that off; remove `body`, or the sources in the body from `extract`");
    loads("request: {extract: [{header: x-a}]}");
}
