//! Edits of a JSON body.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn an_edit_of_nothing() {
    assert_snapshot!(printed("request: {patch: [{value: a}]}"), @"error RF008: request.patch[0]: an edit has exactly one of `set`, `replace`, `default` and `remove`; write one of them, with a JSON Pointer such as `/model`");
    loads("request: {patch: [{set: /model, value: a}]}");
}

#[test]
fn two_edits_in_one() {
    assert_snapshot!(printed("request: {patch: [{set: /a, remove: /b, value: a}]}"), @"error RF008: request.patch[0]: an edit has exactly one of `set`, `replace`, `default` and `remove`; write one of them, with a JSON Pointer such as `/model`");
    loads("request: {patch: [{set: /a, value: a}, {remove: /b}]}");
}

#[test]
fn an_edit_without_a_value() {
    assert_snapshot!(printed("request: {patch: [{set: /a}, {set: /b, value: a, json: '1'}]}"), @r"
    error RF008: request.patch[0] `/a`: an edit has exactly one of `value` and `json`; write `value` for a string, or `json` for JSON text
    error RF008: request.patch[1] `/b`: an edit has exactly one of `value` and `json`; write `value` for a string, or `json` for JSON text
    ");
    loads("request: {patch: [{set: /a, value: a}, {set: /b, json: '1'}]}");
}

#[test]
fn a_removal_with_a_value() {
    assert_snapshot!(printed("request: {patch: [{remove: /a, value: a}]}"), @"error RF008: request.patch[0] `/a`: `remove` takes no new value; remove `value` and `json`, or write `set`");
    loads("request: {patch: [{set: /a, value: a}]}");
}

#[test]
fn the_whole_body() {
    assert_snapshot!(printed(r#"request: {patch: [{set: "", json: "1"}]}"#), @"error RF007: request.patch[0] ``: an edit cannot replace the whole body; write the JSON Pointer of a member, or use `body`");
    loads("request: {body: {value: '1'}}");
}

#[test]
fn a_pointer_without_a_slash() {
    assert_snapshot!(printed("request: {patch: [{remove: model}]}"), @"error RF007: request.patch[0] `model`: a JSON Pointer begins with `/`; write a JSON Pointer (RFC 6901), such as `/model`");
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
