//! Headers, bodies and metadata.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn a_header_name_with_a_space() {
    assert_snapshot!(printed("request: {set: [{name: a b, value: '1'}], remove: ['ä']}"), @r"
    error RF006: request.set[0] `a b`: `a b` is not a header name; use letters, digits and `-`
    error RF006: request.remove[0]: `ä` is not a header name; use letters, digits and `-`
    ");
}

#[test]
fn a_header_that_no_route_sees() {
    assert_snapshot!(printed("request: {extract: [{header: x-m}], set: [{name: x-m}], remove: [X-M, 'x-*']}"), @r"
    warning RF008: request.set[0] `x-m`: `x-m` is removed before the route is chosen, so no route matches what `extract` sets; remove it after that: by `request_headers_to_remove` of the route, or in the cluster's filter
    warning RF008: request.remove[0]: `X-M` is removed before the route is chosen, so no route matches what `extract` sets; remove it after that: by `request_headers_to_remove` of the route, or in the cluster's filter
    ");
    loads("request: {clearRouteCache: false, extract: [{header: x-m}], remove: [x-m]}");
    loads("request: {extract: [{header: x-m}], remove: ['x-*', x-n]}");
}

#[test]
fn a_header_of_the_connection() {
    assert_snapshot!(printed("request: {set: [{name: content-length, value: '1'}]}"), @"warning RF008: request.set[0] `content-length`: this edit is ignored, because a wrong value breaks the connection or allows request smuggling; remove it: Envoy sets this header");
    loads("request: {remove: [content-length]}");
}

#[test]
fn a_pseudo_header_that_is_not_there() {
    assert_snapshot!(printed("request: {set: [{name: ':status', value: '200'}]}"), @"warning RF008: request.set[0] `:status`: this edit is ignored, because this message has no such pseudo header; remove it");
}

#[test]
fn a_pseudo_header_that_is_added() {
    assert_snapshot!(printed("request: {add: [{name: ':path', value: /a}]}"), @"warning RF008: request.add[0] `:path`: this edit is ignored, because a message has each pseudo header exactly once; use `set` with a value");
    loads("request: {set: [{name: ':path', value: /a}]}");
}

#[test]
fn a_template_and_an_expression() {
    assert_snapshot!(printed("request: {set: [{name: x-a, value: a, cel: 'request.path'}]}"), @"error RF008: request.set[0] `x-a`: both a template and `cel` are given; remove one of them");
    loads("request: {set: [{name: x-a, cel: 'request.path'}]}");
}

#[test]
fn a_value_that_is_no_text() {
    assert_snapshot!(printed(r#"request: {set: [{name: x-a, cel: '["b"]'}, {name: x-b, cel: '{"a": 1}'}, {name: x-c, cel: 'null'}]}"#), @r#"
    warning RF008: request.set[1] `x-b`: a value of type map is not text, so it counts as missing; read one member, or write `toJson(map)`
    warning RF008: request.set[2] `x-c`: a value of type null_type is not text, so it counts as missing; remove it; `remove` removes a header
    "#);
    loads(
        r#"request: {set: [{name: x-a, cel: '["a"]'}, {name: x-b, cel: 'toJson({"a": 1})'}], remove: [x-c]}"#,
    );
}

#[test]
fn a_body_that_is_not_parsed() {
    assert_snapshot!(printed("request: {body: {parseAs: None, value: a}}"), @"warning RF008: request.body.value: this value is ignored, because `parseAs` is `None`; set `parseAs` to `AsString` or `AsJson`, or remove this value");
    loads("request: {body: {parseAs: AsString, value: a}}");
}

#[test]
fn an_expression_on_a_body_that_is_not_parsed() {
    assert_snapshot!(printed("request: {body: {parseAs: None}, set: [{name: x-a, cel: 'json(request.body).model'}]}"), @"error RF008: request.body.parseAs: an expression reads the body, but `parseAs: None` turns that off; remove `body`, or use no body in expressions");
    loads("request: {set: [{name: x-a, cel: 'json(request.body).model'}]}");
}

#[test]
fn metadata_without_a_value() {
    assert_snapshot!(printed("request: {dynamicMetadata: [{namespace: llm, key: k, value: {}}]}"), @"warning RF008: request.dynamicMetadata[0] `k`: this entry is ignored, because its namespace, key or value is empty; give it a `namespace`, a `key` and, in `value`, a `stringValue`, `numberValue` or `cel`");
    loads("request: {dynamicMetadata: [{namespace: llm, key: k, value: {stringValue: v}}]}");
}

#[test]
fn a_when_without_an_action() {
    assert_snapshot!(printed(r#"request: {when: "request.method == 'POST'"}"#), @"warning RF008: request.when: `when` guards no action; add an edit to it, or remove `when`");
    loads(r#"request: {when: "request.method == 'POST'", remove: [x-a]}"#);
}

#[test]
fn a_response_that_is_held() {
    assert_snapshot!(printed("response: {body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ a }}'}]}"), @r#"warning RF014: response: the body is read, so every response is held until it ends, event streams too; add `when: "!default(response.headers['content-type'], '').startsWith('text/event-stream')"`, use `patch`, which edits event by event, or add `bodyMode: buffered` to hold them all"#);
    loads(
        r#"response: {when: "!default(response.headers['content-type'], '').startsWith('text/event-stream')", body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ a }}'}]}"#,
    );
    loads(
        "response: {bodyMode: buffered, body: {parseAs: AsJson}, set: [{name: x-a, value: '{{ a }}'}]}",
    );
}

#[test]
fn metadata_of_two_types() {
    assert_snapshot!(printed("request: {dynamicMetadata: [{namespace: llm, key: k, value: {stringValue: a, numberValue: '1'}}]}"), @"error RF008: request.dynamicMetadata[0] `k`: both `stringValue` and `numberValue` are given; remove one of them");
    loads("request: {dynamicMetadata: [{namespace: llm, key: k, value: {numberValue: '1'}}]}");
}

#[test]
fn a_type_without_an_expression() {
    assert_snapshot!(printed("request: {dynamicMetadata: [{namespace: llm, key: k, value: {stringValue: '1', type: number}}]}"), @"error RF008: request.dynamicMetadata[0] `k`: only `cel` has a `type`; write `numberValue` for a number, and remove `type`");
    loads("request: {dynamicMetadata: [{namespace: llm, key: k, value: {numberValue: '1'}}]}");
}

#[test]
fn a_pattern_that_nearly_every_header_matches() {
    assert_snapshot!(printed("request: {remove: ['*-*']}"), @"error RF008: request.remove[0]: `*-*` would remove nearly every header; write a pattern with some text in it, such as `x-internal-*`");
    loads("request: {remove: ['x-*-*']}");
}

#[test]
fn a_pattern_for_what_no_pattern_removes() {
    assert_snapshot!(printed("request: {remove: ['upgrade*']}"), @"warning RF008: request.remove[0]: this pattern is for `upgrade`, which no pattern removes; remove it: Envoy sets this header");
    loads("request: {remove: ['content-*']}");
}

#[test]
fn a_pattern_in_place_of_a_name() {
    assert_snapshot!(printed("request: {set: [{name: 'x-acme-*', value: '1'}]}"), @"warning RF008: request.set[0] `x-acme-*`: `x-acme-*` is here the name of one header, and no pattern; write the whole name; only `remove` takes patterns");
    loads("request: {remove: ['x-acme-*']}");
}

#[test]
fn a_regular_expression_in_place_of_a_pattern() {
    assert_snapshot!(printed("request: {remove: ['^x-acme-.*']}"), @"warning RF008: request.remove[0]: `^x-acme-.*` looks like a regular expression, and is none here; write a pattern, in which `*` is any text, such as `x-internal-*`");
}

#[test]
fn cookies_that_become_one() {
    assert_snapshot!(printed(r#"response: {set: [{name: set-cookie, cel: "response.headers['set-cookie'] + '; Secure'"}]}"#), @r#"warning RF008: response.set[0] `set-cookie`: the expression joins all cookies of the response into one; use `cel: "response.headers.values('set-cookie').map(c, c + '; Secure')"`, which edits each cookie"#);
    loads(
        r#"response: {set: [{name: set-cookie, cel: "response.headers.values('set-cookie').map(c, c + '; Secure')"}]}"#,
    );
}

#[test]
fn a_host_that_is_added() {
    assert_snapshot!(printed("request: {add: [{name: host, value: a.example}]}"), @"warning RF008: request.add[0] `host`: this edit is ignored, because a message has each pseudo header exactly once; use `set` with a value");
    loads("request: {set: [{name: host, value: a.example}]}");
}

#[test]
fn a_pseudo_header_that_no_message_has() {
    assert_snapshot!(printed("request: {set: [{name: ':path', value: v1/chat}]}"), @"warning RF011: request.set[0] `:path`: this edit is ignored, because `v1/chat` is not valid for `:path`; begin the path with `/`");
    assert_snapshot!(printed("response: {set: [{name: ':status', value: OK}]}"), @"warning RF011: response.set[0] `:status`: this edit is ignored, because `OK` is not valid for `:status`; write a number from 200 to 599, but not 204, 205 or 304");
    loads("request: {set: [{name: ':path', value: /v1/chat}]}");
    loads("response: {set: [{name: ':status', value: '404'}]}");
}
