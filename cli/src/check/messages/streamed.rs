//! What cannot be done to a body that goes on before it has arrived.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn a_response() {
    assert_snapshot!(printed("response: {bodyMode: streamed, set: [{name: x-a, value: a}]}"), @"error RF008: response.bodyMode: only a request can be `streamed`; remove it: a response whose body is not read is never held");
    loads("response: {set: [{name: x-a, value: a}]}");
}

#[test]
fn the_last_of_several_values() {
    assert_snapshot!(printed("request: {bodyMode: streamed, extract: [{header: x-a, duplicates: last}]}"), @"error RF008: request.extract[0].duplicates: the last of several values is known only at the end of the body, and a streamed body goes on before; use `reject` or `first`, or `bodyMode: buffered`");
    loads("request: {bodyMode: streamed, extract: [{header: x-a, duplicates: reject}]}");
}

#[test]
fn a_parsed_body() {
    assert_snapshot!(printed("request: {bodyMode: streamed, body: {parseAs: AsJson}}"), @"error RF008: request.body.parseAs: `AsJson` needs the whole body; remove it, or use `bodyMode: buffered`");
    loads("request: {bodyMode: buffered, body: {parseAs: AsJson}}");
}

#[test]
fn a_new_body() {
    assert_snapshot!(printed("request: {bodyMode: streamed, body: {value: a}}"), @"error RF008: request.body.value: a new body needs the whole old body; remove it, or use `bodyMode: buffered`");
    loads("request: {bodyMode: buffered, body: {value: a}}");
}

#[test]
fn a_new_body_by_an_expression() {
    assert_snapshot!(printed("request: {bodyMode: streamed, body: {cel: 'request.path'}}"), @"error RF008: request.body.cel: a new body needs the whole old body; remove it, or use `bodyMode: buffered`");
    loads("request: {bodyMode: buffered, body: {cel: 'request.path'}}");
}

#[test]
fn a_patch() {
    assert_snapshot!(printed("request: {bodyMode: streamed, patch: [{remove: /a}]}"), @"error RF008: request.patch: a patch needs the whole body; remove it, or use `bodyMode: buffered`");
    loads("request: {bodyMode: buffered, patch: [{remove: /a}]}");
}

#[test]
fn an_expression_as_a_source() {
    assert_snapshot!(printed("request: {bodyMode: streamed, extract: [{header: x-a, name: a, from: [{cel: 'request.path'}]}]}"), @"error RF008: request.extract[0].from: an expression is evaluated only after the whole body has arrived; remove it, or use `bodyMode: buffered`");
    loads(
        "request: {bodyMode: buffered, extract: [{header: x-a, name: a, from: [{cel: 'request.path'}]}]}",
    );
}

#[test]
fn an_expression_that_reads_the_body() {
    assert_snapshot!(printed("request: {bodyMode: streamed, set: [{name: x-a, cel: 'json(request.body).model'}]}"), @"error RF008: request.bodyMode: an expression reads the body, which has not arrived by then; use `buffered`, or `extracted` in the expression");
    loads(
        "request: {bodyMode: streamed, extract: [{}], set: [{name: x-a, cel: 'extracted.model'}]}",
    );
}

#[test]
fn a_template_that_reads_the_body() {
    assert_snapshot!(printed("request: {bodyMode: streamed, set: [{name: x-a, value: '{{ body() }}'}]}"), @"error RF008: request.set[0] `x-a`: the template reads the body, which has not arrived by then; remove it, or use `bodyMode: buffered`");
    loads("request: {bodyMode: buffered, set: [{name: x-a, value: '{{ body() }}'}]}");
}
