//! Templates.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn an_open_expression() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ a'}]}"), @"error RF004: request.set[0] `x-a`: unexpected end of input, expected `}}` at 1:4; end each `{{` with `}}`, each `{%` with `%}`, and each `{% if %}` with `{% endif %}`");
}

#[test]
fn an_operator_that_ends_early() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: 'a{{ 1 + }}'}]}"), @"error RF004: request.set[0] `x-a`: unexpected `}}` at 1:9");
}

#[test]
fn an_unknown_statement() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{% nope %}'}]}"), @"error RF004: request.set[0] `x-a`: unknown statement nope at 1:4");
}

#[test]
fn an_unknown_filter() {
    assert_snapshot!(printed(r#"request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ "a" | uper }}{{ "a" | tojson }}'}]}"#), @r#"
    warning RF005: request.set[0] `x-a`: unknown filter `uper` at 1:10; did you mean `upper`?
    warning RF005: request.set[0] `x-a`: unknown filter `tojson` at 1:26; write `{{ cel("toJson(json(request.body).model)") }}`
    "#);
    loads(r#"request: {set: [{name: x-a, value: '{{ "a" | upper }}'}]}"#);
}

#[test]
fn an_unknown_test() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ 1 is blue }}'}]}"), @"warning RF005: request.set[0] `x-a`: unknown test `blue` at 1:9; the template fails where it is used; docs/functions.md lists what there is");
}

#[test]
fn an_unknown_function() {
    assert_snapshot!(printed(r#"request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ headr("a") }}'}]}"#), @"warning RF005: request.set[0] `x-a`: unknown function `headr` at 1:4; did you mean `header`?");
    loads(r#"request: {set: [{name: x-a, value: '{{ header("a") }}'}]}"#);
}

#[test]
fn a_member_of_a_body_that_is_not_parsed() {
    assert_snapshot!(printed("request: {set: [{name: x-a, value: '{{ a.b }}{{ c }}'}]}"), @"warning RF005: request.set[0] `x-a`: every message is answered 400, because no body is parsed to read `a.b`, `c` from at 1:4; set `body.parseAs` to `AsJson`");
}

#[test]
fn a_repetition_without_a_bound() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ ''-'' * header(''a'') }}'}]}"), @"error RF009: request.set[0] `x-a`: a text or list is repeated too often, or as often as the message decides at 1:10; repeat it by a number up to 10000");
    loads("request: {set: [{name: x-a, value: '{{ ''-'' * 10000 }}'}]}");
}

#[test]
fn constants_that_take_too_much() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ (''a'' * 10000)|list }}{{ range(1000000)|list }}{{ [1] * 10000 + [2] * 10000 }}'}]}"), @"error RF009: request.set[0] `x-a`: the constants take too much to calculate at 1:53; make the text or list shorter, or repeat it less often");
}

#[test]
fn an_import_without_a_name() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{% import ''a'' as ''b'' %}'}]}"), @r#"error RF009: request.set[0] `x-a`: the import has no name at 1:18; write a name after `as`: `{% import "name" as lib %}`"#);
}

#[test]
fn an_expression_that_is_computed() {
    assert_snapshot!(printed("request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ cel(header(''x'')) }}'}]}"), @r#"error RF012: request.set[0] `x-a`: `cel` needs a constant expression at 1:4; write it in quotes: `{{ cel("request.path") }}`"#);
    loads(r#"request: {set: [{name: x-a, value: '{{ cel("request.path") }}'}]}"#);
}

#[test]
fn an_expression_that_is_wrong() {
    assert_snapshot!(printed(r#"request: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ cel("requst.path") }}'}]}"#), @"error RF012: request.set[0] `x-a`: unknown name `requst` at 1:4; did you mean `request`?");
    loads(r#"request: {set: [{name: x-a, value: '{{ cel("request.path") }}'}]}"#);
}

#[test]
fn a_header_without_quotes() {
    assert_snapshot!(printed("request: {set: [{name: x-a, value: '{{ header(x-b) }}'}]}"), @"warning RF005: request.set[0] `x-a`: every message is answered 400, because no body is parsed to read `b`, `x` from at 1:13; put the header's name in quotes, such as `header('x-model')`");
    loads("request: {set: [{name: x-a, value: \"{{ header('x-b') }}\"}]}");
}

/// Each request would go on without a body.
#[test]
fn a_member_in_a_body_template_without_parse_as() {
    assert_snapshot!(printed("request: {onFailure: continue, body: {value: '{{ model }}'}}"), @"warning RF005: request.body.value: this template fails for every message, because no body is parsed to read `model` from at 1:4; set `body.parseAs` to `AsJson`");
    assert_snapshot!(printed("request: {onFailure: continue, body: {value: '{{ extracted.model }}'}}"), @"warning RF005: request.body.value: this template fails for every message, because no body is parsed to read `extracted.model` from at 1:4; add a field to `request.extract`, and write `extracted.` and its name");
    loads("request: {onFailure: continue, body: {parseAs: AsJson, value: '{{ model }}'}}");
}

#[test]
fn statements_of_other_languages() {
    assert_snapshot!(printed("request: {set: [{name: x-a, value: '{% if a %}b{% elseif c %}d{% endif %}'}]}"), @"error RF004: request.set[0] `x-a`: unknown statement elseif at 1:15; write `{% elif condition %}`");
    assert_snapshot!(printed("request: {set: [{name: x-a, value: '{% if a %}b{% end %}'}]}"), @"error RF004: request.set[0] `x-a`: unknown statement end at 1:15; write `{% endif %}` or `{% endfor %}`");
    assert_snapshot!(printed("request: {set: [{name: x-a, value: '{{ .Model }}'}]}"), @"error RF004: request.set[0] `x-a`: unexpected `.` at 1:4; write the name without a dot before it, such as `{{ model }}`");
    assert_snapshot!(printed("request: {set: [{name: x-a, value: '{{ uuid() }}'}]}"), @r#"warning RF005: request.set[0] `x-a`: unknown function `uuid` at 1:4; write `{{ cel("uuid()") }}`"#);
}

/// The place is the name's, not that of the same word in the text around it.
#[test]
fn a_word_that_is_text_too() {
    assert_snapshot!(printed("request: {onFailure: reject, body: {value: 'model: {{ model }}'}}"), @"warning RF005: request.body.value: this template fails for every message, because no body is parsed to read `model` from at 1:11; set `body.parseAs` to `AsJson`");
}

#[test]
fn a_value_that_is_printed_into_json_as_it_is() {
    assert_snapshot!(printed(r#"request: {onFailure: reject, body: {value: '{"model": "{{ header("x-model") }}"}'}}"#), @"warning RF019: request.body.value: a value stands between the quotes of JSON without an escape at 1:12; write `{{ raw_string(...) }}` around it, or a quote in it ends the text");
    assert_snapshot!(printed(r#"request: {onFailure: reject, patch: [{set: /n, json: '{"n": {{ header("x-n") }}}'}]}"#), @r#"warning RF019: request.patch[0] `/n`.json: a header stands in JSON without an escape at 1:7; write `"{{ raw_string(...) }}"`, or `| int` behind it where it is a number"#);
    assert_snapshot!(printed(r#"request: {onFailure: reject, reject: [{when: 'true', body: {value: '{"error": "{{ header("x-model") }}"}'}}]}"#), @"warning RF019: request.reject[0].body: a value stands between the quotes of JSON without an escape at 1:12; write `{{ raw_string(...) }}` around it, or a quote in it ends the text");
    loads(
        r#"request: {onFailure: reject, body: {value: '{"model": "{{ raw_string(header("x-model")) }}"}'}}"#,
    );
    loads(
        r#"request: {onFailure: reject, patch: [{set: /n, json: '{"n": {{ header("x-n") | int }}}'}, {set: /m, json: '{{ header("x-m") }}'}]}"#,
    );
}
