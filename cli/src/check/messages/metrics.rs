//! Metrics of a configuration's own.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn too_many_series() {
    assert_snapshot!(printed("metrics: {maxValues: 0}"), @"error RF009: metrics.maxValues: 0 is out of range; write a number from 1 to 10000");
    loads("metrics: {maxValues: 1}");
}

#[test]
fn too_many_labels() {
    assert_snapshot!(printed(r#"metrics: {labels: {a: request.method, b: request.method, c: request.method, d: request.method, e: request.method, f: request.method, g: request.method, h: request.method, i: request.method}}
request: {remove: [x-a]}"#), @"error RF009: metrics.labels: 9 labels are too many; give at most 8");
}

#[test]
fn a_label_of_the_module() {
    assert_snapshot!(printed(r#"metrics: {labels: {outcome: request.method}}
request: {remove: [x-a]}"#), @"error RF008: metrics.labels.outcome: `outcome` is a label of the module's own; give it another name");
    loads(
        r#"metrics: {labels: {method: request.method}}
request: {remove: [x-a]}"#,
    );
}

#[test]
fn a_label_that_is_not_a_name() {
    assert_snapshot!(printed(r#"metrics: {labels: {a-b: request.method}}
request: {remove: [x-a]}"#), @"error RF002: metrics.labels.a-b: `a-b` is not a label name; use letters, digits and `_`, a letter first");
    loads(
        r#"metrics: {labels: {a_b: request.method}}
request: {remove: [x-a]}"#,
    );
}

#[test]
fn a_label_that_reads_the_body() {
    assert_snapshot!(printed(r#"metrics: {labels: {a: json(request.body).model}}
request: {remove: [x-a]}"#), @"error RF008: metrics.labels.a: a label cannot read the body; add a field to `extract`, and read `extracted.` and its name");
    loads(
        r#"metrics: {labels: {model: extracted.model}}
request: {extract: [{}]}"#,
    );
}

#[test]
fn a_label_that_reads_the_response() {
    assert_snapshot!(printed(r#"metrics: {labels: {a: string(response.code)}}
request: {remove: [x-a]}"#), @"error RF008: metrics.labels.a: a label cannot read the response; remove it: Envoy's own metrics of clusters have the status codes");
}

#[test]
fn a_label_that_is_no_text() {
    assert_snapshot!(printed(r#"metrics: {labels: {a: '["a"]'}}
request: {remove: [x-a]}"#), @"error RF008: metrics.labels.a: a value of type list is not text, and a label is; write an expression of a string");
}

#[test]
fn a_label_of_a_field_that_is_not_extracted() {
    assert_snapshot!(printed(r#"metrics: {labels: {a: extracted.modle}}
request: {extract: [{header: x-a}]}"#), @"warning RF005: metrics.labels: a label reads `modle`, which the listener does not extract; did you mean `model`?");
    loads(
        r#"metrics: {labels: {a: extracted.model}}
request: {extract: [{header: x-a}]}"#,
    );
}
