//! Fields of responses.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn a_header_that_has_gone_on() {
    assert_snapshot!(printed("response: {extract: [{header: x-a, from: [{json: /model}]}]}"), @"error RF008: response.extract[0].header: the headers of a response have gone on when its body is read; add `bodyMode: buffered`, which holds every response until it ends");
    loads("response: {bodyMode: buffered, extract: [{header: x-a, from: [{json: /model}]}]}");
}

#[test]
fn a_response_that_cannot_be_rejected() {
    assert_snapshot!(printed("response: {extract: [{metadata: {namespace: llm, key: model}, onMissing: reject}]}"), @"error RF008: response.extract[0].onMissing: a response that has gone on cannot be rejected; add `bodyMode: buffered`, which holds every response until it ends");
    loads(
        "response: {bodyMode: buffered, extract: [{metadata: {namespace: llm, key: model}, onMissing: reject}]}",
    );
}

#[test]
fn an_expression_that_reads_a_body_that_is_not_held() {
    assert_snapshot!(printed("response: {extract: [{name: a, metadata: {namespace: llm, key: a}, from: [{cel: 'json(response.body).model'}]}]}"), @r#"warning RF014: response: the body is read, so every response is held until it ends, event streams too; add `when: "!default(response.headers['content-type'], '').startsWith('text/event-stream')"`, use `patch`, which edits event by event, or add `bodyMode: buffered` to hold them all"#);
    loads(
        "response: {bodyMode: buffered, extract: [{name: a, metadata: {namespace: llm, key: a}, from: [{cel: 'json(response.body).model'}]}]}",
    );
}

#[test]
fn an_expression_among_sources_of_a_body_that_is_not_held() {
    assert_snapshot!(printed("response: {extract: [{name: a, metadata: {namespace: llm, key: a}, from: [{json: /a}, {cel: 'json(response.body).b'}]}]}"), @r#"
    warning RF014: response: the body is read, so every response is held until it ends, event streams too; add `when: "!default(response.headers['content-type'], '').startsWith('text/event-stream')"`, use `patch`, which edits event by event, or add `bodyMode: buffered` to hold them all
    error RF008: response.extract[0].from[1]: the expression reads the body, which is not held; use `json`, or `bodyMode: buffered`
    "#);
    loads(
        "response: {extract: [{name: a, metadata: {namespace: llm, key: a}, from: [{json: /a}, {json: /b}]}]}",
    );
}

#[test]
fn a_field_in_a_header() {
    assert_snapshot!(printed("response: {extract: [{}], set: [{name: x-a, cel: extracted.model}]}"), @"error RF008: response.set[0] `x-a`: the fields of a response are known only after it has gone on; add `bodyMode: buffered`, which holds every response until it ends");
    loads(
        "response: {bodyMode: buffered, extract: [{}], set: [{name: x-a, cel: extracted.model}]}",
    );
}

#[test]
fn a_field_beside_a_body_that_is_gone() {
    assert_snapshot!(printed("response: {extract: [{}], dynamicMetadata: [{namespace: llm, key: k, value: {cel: 'extracted.model + string(size(response.body))'}}]}"), @r#"
    warning RF014: response: the body is read, so every response is held until it ends, event streams too; add `when: "!default(response.headers['content-type'], '').startsWith('text/event-stream')"`, use `patch`, which edits event by event, or add `bodyMode: buffered` to hold them all
    error RF008: response.dynamicMetadata[0] `k`: the body is gone when the fields of the response are known; add `bodyMode: buffered`, which holds every response until it ends
    "#);
}

#[test]
fn a_field_before_it_is_extracted() {
    assert_snapshot!(printed(r#"response: {extract: [{metadata: {namespace: llm, key: model}}], when: "extracted.model == 'a'"}"#), @"error RF008: response.when: the expression reads a field of the response before it is extracted; read what the field comes from, such as `json(response.body).model`");
}

#[test]
fn a_field_of_the_response_in_a_request() {
    assert_snapshot!(printed(r#"request: {set: [{name: x-a, cel: extracted.model}]}
response: {extract: [{metadata: {namespace: llm, key: model}}]}"#), @"error RF005: request.set[0] `x-a`: `model` is a field of the response, which has not arrived; read it in `response`");
}

#[test]
fn a_name_in_both_messages() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a}]}
response: {extract: [{metadata: {namespace: llm, key: model}}]}"#), @"error RF008: response.extract[0].name: `model` is already the name of a field of the request; give each field its own name");
    loads(
        r#"request: {extract: [{header: x-a}]}
response: {extract: [{name: served, metadata: {namespace: llm, key: model}}]}"#,
    );
}

#[test]
fn sources_that_a_response_has_not() {
    assert_snapshot!(printed("response: {extract: [{name: a, metadata: {namespace: llm, key: a}, from: [{form: a}, {path: '/{a}'}]}]}"), @r"
    error RF008: response.extract[0].from[0]: a response is not read as a form; use `json`, `header`, `usage` or `cel`
    error RF008: response.extract[0].from[1]: a response has no path; add the field to `request.extract`, and read `extracted.` and its name
    ");
}

#[test]
fn usage_of_a_request() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{usage: input}]}]}"), @"error RF008: request.extract[0].from[0]: a request reports no tokens; move the field to `response.extract`");
    loads("response: {extract: [{metadata: {namespace: llm, key: a}, from: [{usage: input}]}]}");
}

#[test]
fn take_of_a_request() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, take: last}]}"), @"error RF008: request.extract[0].take: a request has one value, and `take` chooses among several; remove it: only `response.extract` has `take`");
    loads("request: {extract: [{header: x-a}]}");
}

#[test]
fn a_number_that_is_a_boolean() {
    assert_snapshot!(printed("response: {extract: [{metadata: {namespace: llm, key: a}, from: [{usage: input}], type: boolean}]}"), @"error RF008: response.extract[0].type: the value is a number; remove it, or write `number` or `text`");
    loads(
        "response: {extract: [{metadata: {namespace: llm, key: a}, from: [{usage: input}], type: number}]}",
    );
}

#[test]
fn a_default_of_another_type() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, type: number, default: many}]}"), @"error RF008: request.extract[0].default: the value is not of the field's `type`; write a value of that type, or remove `type`");
    loads("request: {extract: [{header: x-a, type: number, default: '0'}]}");
}

#[test]
fn an_alias_of_another_type() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, type: number, aliases: [{match: a, value: many}]}]}"), @"error RF008: request.extract[0].aliases[0].value: the value is not of the field's `type`; write a value of that type, or remove `type`");
}
