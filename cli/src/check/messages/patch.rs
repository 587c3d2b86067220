//! Edits of a JSON body.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn numbers_that_envoy_reads_as_texts() {
    assert_snapshot!(printed("request: {patch: [{set: /a, json: {b: [1, {c: 0.5}], d: 3000000000, e: it's}}]}"), @r#"warning RF002: request.patch[0].json.b[1].c: Envoy reads the number `0.5` of YAML as the text "0.5"; write the JSON as a text: `json: '{"b":[1,{"c":0.5}],"d":3000000000,"e":"it''s"}'`"#);
    assert_snapshot!(printed("response: {patch: [{set: /a, json: [08, '1.5', 010]}]}"), @r#"warning RF002: response.patch[0].json[0]: Envoy reads the number `08` of YAML as the text "08"; write the JSON as a text: `json: '[8,"1.5",8]'`"#);
    loads(
        "request: {patch: [{set: /a, json: 0.5}, {set: /b, json: '[0.5]'}, {set: /c, json: {d: 5, e: '0.5'}}]}",
    );
    loads(r#"{"request": {"patch": [{"set": "/a", "json": {"b": 0.5}}]}}"#);
}

#[test]
fn an_edit_of_nothing() {
    assert_snapshot!(printed("request: {patch: [{value: a}]}"), @"error RF008: request.patch[0]: an edit has exactly one of `set`, `replace`, `default`, `insert` and `remove`; write one of them, with a place such as `/model`");
    loads("request: {patch: [{set: /model, value: a}]}");
}

#[test]
fn two_edits_in_one() {
    assert_snapshot!(printed("request: {patch: [{set: /a, remove: /b, value: a}]}"), @"error RF008: request.patch[0]: an edit has exactly one of `set`, `replace`, `default`, `insert` and `remove`; write one of them, with a place such as `/model`");
    loads("request: {patch: [{set: /a, value: a}, {remove: /b}]}");
}

#[test]
fn an_edit_without_a_value() {
    assert_snapshot!(printed("request: {patch: [{set: /a}, {set: /b, value: a, json: '1'}]}"), @r"
    error RF008: request.patch[0] `/a`: an edit has exactly one of `value`, `json` and `cel`; write `value` for a string, `json` for JSON text, or `cel` for an expression
    error RF008: request.patch[1] `/b`: an edit has exactly one of `value`, `json` and `cel`; write `value` for a string, `json` for JSON text, or `cel` for an expression
    ");
    loads("request: {patch: [{set: /a, value: a}, {set: /b, json: '1'}]}");
}

#[test]
fn a_removal_with_a_value() {
    assert_snapshot!(printed("request: {patch: [{remove: /a, value: a}]}"), @"error RF008: request.patch[0] `/a`: `remove` takes no new value; remove `value`, `json` and `cel`, or write `set`");
    loads("request: {patch: [{set: /a, value: a}]}");
}

#[test]
fn the_whole_body() {
    assert_snapshot!(printed(r#"request: {patch: [{set: "", json: "1"}]}"#), @"error RF007: request.patch[0] ``: an edit cannot replace the whole body; write the place of a member, or use `body`");
    loads("request: {body: {value: '1'}}");
}

#[test]
fn a_pointer_without_a_slash() {
    assert_snapshot!(printed("request: {patch: [{remove: model}]}"), @"error RF007: request.patch[0] `model`: a place is a JSON Pointer, which begins with `/`, or a JSONPath, which begins with `$`; write `/model`");
    loads("request: {patch: [{remove: /model}]}");
}

#[test]
fn edits_of_one_place() {
    assert_snapshot!(printed("request: {patch: [{remove: /a}, {set: /a/b, value: c}]}"), @"error RF008: request.patch[1] `/a/b`: request.patch[0] `/a` edits the same place, or one around or inside it; edit each place once");
    loads("request: {patch: [{set: /a/b, value: c}]}");
}

#[test]
fn text_that_is_not_json() {
    assert_snapshot!(printed("request: {patch: [{set: /a, json: fast}]}"), @"error RF004: request.patch[0] `/a`.json: not a JSON document: expected ident at line 1 column 3; write JSON text, where a string has quotes of its own, or use `value`");
    loads(r#"request: {patch: [{set: /a, json: '"fast"'}]}"#);
}

#[test]
fn no_text() {
    assert_snapshot!(printed("request: {patch: [{set: /a, json: ' '}]}"), @"error RF004: request.patch[0] `/a`.json: the JSON text is empty; write JSON text, where a string has quotes of its own, or use `value`");
}

#[test]
fn a_body_beside_it() {
    assert_snapshot!(printed("request: {patch: [{remove: /a}], body: {value: a}}"), @"error RF008: request.patch: `body` replaces the body that `patch` edits; remove one of them");
    loads("request: {patch: [{remove: /a}]}");
}

#[test]
fn a_member_of_the_body() {
    assert_snapshot!(printed("request: {patch: [{set: /a, value: '{{ model }}'}]}"), @"error RF005: request.patch[0] `/a`: a template in a patch cannot read `model`; add a field to `request.extract`, and write `extracted.` and its name");
    loads("request: {extract: [{}], patch: [{set: /a, value: '{{ extracted.model }}'}]}");
}

#[test]
fn a_jsonpath_that_ends_early() {
    assert_snapshot!(printed("request: {patch: [{remove: '$.tools['}]}"), @"error RF007: request.patch[0] `$.tools[`: an index, a name in quotes or `*` is missing at character 9 of the JSONPath; write a JSONPath (RFC 9535), such as `$.tools[*].max`, `$..cache_control` or `$['a b'][0]`");
}

#[test]
fn a_filter_of_jsonpath() {
    assert_snapshot!(printed("request: {patch: [{remove: '$.tools[?@.max]'}]}"), @r#"error RF007: request.patch[0] `$.tools[?@.max]`: filters of JSONPath are not supported; select all with `[*]`, and choose with `when`, such as `when: "value.type == 'text'"`"#);
}

#[test]
fn a_slice_of_jsonpath() {
    assert_snapshot!(printed("request: {patch: [{remove: '$.tools[0:2]'}]}"), @"error RF007: request.patch[0] `$.tools[0:2]`: slices of JSONPath are not supported; select all with `[*]`, or write an edit for each index");
}

#[test]
fn several_selectors() {
    assert_snapshot!(printed("request: {patch: [{remove: '$.tools[0,1]'}]}"), @"error RF007: request.patch[0] `$.tools[0,1]`: several selectors between brackets are not supported; write an edit for each");
}

#[test]
fn an_index_from_the_end_between_descents() {
    assert_snapshot!(printed("request: {patch: [{remove: '$..a[-1]..b'}]}"), @"error RF007: request.patch[0] `$..a[-1]..b`: an index from the end between two `..` is not supported; write the path to the array, or count from the beginning");
}

#[test]
fn an_insertion_into_an_object() {
    assert_snapshot!(printed("request: {patch: [{insert: /model, json: '1'}]}"), @"error RF007: request.patch[0] `/model`: `insert` needs the place of an element; end it with an index or `-`, such as `/messages/0`");
    loads("request: {patch: [{insert: /messages/0, json: '1'}]}");
}

#[test]
fn a_star_in_a_pointer() {
    assert_snapshot!(printed("request: {patch: [{set: /tools/*/max, json: '1'}]}"), @"warning RF007: request.patch[0] `/tools/*/max`: in a JSON Pointer, `*` is the name of a member; write `$.tools[*].max` if every element is meant");
    loads("request: {patch: [{replace: '$.tools[*].max', json: '1'}]}");
}

#[test]
fn a_dash_in_a_pointer() {
    assert_snapshot!(printed("request: {patch: [{remove: /tools/-/max}]}"), @"warning RF007: request.patch[0] `/tools/-/max`: in a JSON Pointer, `-` is the place after the last element, where there is no value; write `$.tools[*].max` if every element is meant");
    loads("request: {patch: [{remove: '$.tools[*].max'}]}");
}

#[test]
fn a_condition_of_a_known_type() {
    assert_snapshot!(printed("request: {patch: [{remove: /a, when: '1'}]}"), @"error RF012: request.patch[0] `/a`.when: a condition is a bool, and this is of type int; compare it with a value, as in `document.stream == true`");
    loads("request: {patch: [{remove: /a, when: 'document.stream == true'}]}");
}

#[test]
fn a_type_as_a_value() {
    assert_snapshot!(printed("request: {patch: [{set: /a, cel: int}]}"), @"error RF012: request.patch[0] `/a`.cel: a type is not a JSON value; compare it with a type, as in `type(value) == string`");
}

#[test]
fn a_template_that_reads_the_body() {
    assert_snapshot!(printed("request: {patch: [{set: /a, value: '{{ body() }}'}]}"), @"error RF008: request.patch[0] `/a`.value: a template of an edit cannot read the body; write `cel` instead of `value` or `json`: there, `document` is the JSON that is edited, such as `document.choices[0]`, and `value` is the value at the place");
    loads("request: {patch: [{set: /a, cel: 'document.choices[0]'}]}");
}

#[test]
fn an_edit_that_reads_the_whole_response() {
    assert_snapshot!(printed("response: {patch: [{set: /a, cel: 'json(response.body).b'}]}"), @r#"
    error RF008: response.patch[0] `/a`.cel: an edit of a response cannot read the whole body, because events pass one by one; write `cel` instead of `value` or `json`: there, `document` is the JSON that is edited, such as `document.choices[0]`, and `value` is the value at the place
    warning RF014: response: the body is read, so every response is held until it ends, event streams too; add `when: "!default(response.headers['content-type'], '').startsWith('text/event-stream')"`, use `patch`, which edits event by event, or add `bodyMode: buffered` to hold them all
    "#);
    loads("response: {patch: [{set: /a, cel: 'document.b'}]}");
}

#[test]
fn document_outside_of_an_edit() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: document.model}]}"), @"error RF012: request.set[0] `x-a`: unknown name `document` at 1:1; only `cel` and `when` of an edit in `patch`, and `dropEvents`, can read it");
}

#[test]
fn events_of_a_request() {
    assert_snapshot!(printed("request: {dropEvents: ['true']}"), @"error RF008: request.dropEvents: only a response is a stream of events; move it to `response`");
    loads("response: {dropEvents: ['size(document.choices) == 0']}");
}

#[test]
fn dropped_events_beside_a_body() {
    assert_snapshot!(printed("response: {bodyMode: buffered, dropEvents: ['document.a == 1'], body: {value: a}}"), @"error RF008: response.dropEvents: `body` replaces the body that `dropEvents` edits; remove one of them");
}

#[test]
fn an_expression_of_the_document_and_the_body() {
    assert_snapshot!(printed("request: {patch: [{set: /max, cel: 'min(value, json(request.body).limit)'}]}"), @"error RF008: request.patch[0] `/max`.cel: an edit that reads `document` or `value` cannot read the body too; `document` is the body as JSON: write `document.a` instead of `json(request.body).a`");
    loads("request: {patch: [{set: /max, cel: 'min(value, document.limit)'}]}");
}

#[test]
fn what_makes_nothing_behind_a_wildcard() {
    assert_snapshot!(printed("request: {patch: [{set: $..max, json: '1'}, {default: '$.tools[*]', json: '1'}]}"), @r"
    warning RF007: request.patch[0] `$..max`: `set` makes nothing at this place: it edits what `*` or `..` finds; write `replace`
    warning RF007: request.patch[1] `$.tools[*]`: `default` makes nothing at this place: it edits each `null` that `*` or `..` finds; write `replace` with `when: value == null`
    ");
    loads("request: {patch: [{set: '$.tools[*].max', json: '1'}, {replace: $..min, json: '1'}]}");
}
