//! Rules of `reject`, and what gets past them.

use insta::assert_snapshot;

use serde_json::json;

use super::{envoy_filter, loads, printed};

#[test]
fn a_rule_that_a_message_gets_past() {
    assert_snapshot!(printed("request: {extract: [{}], reject: [{when: \"extracted.model == 'a'\"}]}"), @"warning RF016: request.reject: these rules let a request pass when a `when` fails or a field is invalid; set `onFailure: reject` to answer it, or `onFailure: continue` to let it pass");
    loads(
        "request: {extract: [{}], onFailure: reject, reject: [{when: \"extracted.model == 'a'\"}]}",
    );
    loads(
        "request: {extract: [{}], onFailure: continue, reject: [{when: \"extracted.model == 'a'\"}]}",
    );
}

#[test]
fn a_body_that_a_failing_template_empties() {
    assert_snapshot!(printed("request: {body: {value: '{{ body() | upper }}'}}"), @"note RF017: request.body.value: where this template fails, the message goes on without a body; set `onFailure: reject` to answer it, or `continue` to keep the body");
    loads("request: {onFailure: reject, body: {value: '{{ body() | upper }}'}}");
    loads("request: {onFailure: continue, body: {value: '{{ body() | upper }}'}}");
}

#[test]
fn a_rule_without_a_condition() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{status: 403}]}"), @r#"error RF002: request.reject[0]: missing key `when`; write a list of rules, such as `[{when: "extracted.model == 'a'", status: 404}]`"#);
    loads("request: {onFailure: reject, reject: [{when: 'true', status: 403}]}");
}

#[test]
fn a_condition_that_is_none() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: request.path}]}"), @"error RF012: request.reject[0].when: a condition is a bool, and this is of type string; compare it with a value, as in `request.method == 'POST'`");
}

#[test]
fn a_status_that_no_answer_has() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', status: 101}, {when: 'true', status: 600}]}"), @r"
    error RF009: request.reject[0].status: 101 is not the status of an answer; write a number from 200 to 599
    error RF009: request.reject[1].status: 600 is not the status of an answer; write a number from 200 to 599
    ");
    loads(
        "request: {onFailure: reject, reject: [{when: 'true', status: 200}, {when: 'true', status: 599}]}",
    );
}

#[test]
fn a_redirect_to_nowhere() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', status: 307}]}"), @r#"error RF008: request.reject[0].status: 307 sends the client nowhere; add `headers: [{name: location, value: "/there"}]`"#);
    loads(
        "request: {onFailure: reject, reject: [{when: 'true', status: 307, headers: [{name: location, value: \"/there\"}]}]}",
    );
}

#[test]
fn a_status_among_the_headers() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', headers: [{name: ':status', value: '404'}, {name: content-length, value: '1'}]}]}"), @r"
    warning RF008: request.reject[0].headers[1] `content-length`: this edit is ignored, because a wrong value breaks the connection or allows request smuggling; remove it: Envoy sets this header
    error RF008: request.reject[0].headers[0] `:status`: `headers` cannot set the status of the answer; write `status: 404`
    ");
    loads("request: {onFailure: reject, reject: [{when: 'true', status: 404}]}");
}

#[test]
fn a_message_beside_a_body() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', message: stop, body: {value: stop}}]}"), @"warning RF008: request.reject[0].message: this message is sent only where `body` fails; remove `message`, or `body`");
    loads("request: {onFailure: reject, reject: [{when: 'true', body: {value: stop}}]}");
}

#[test]
fn a_template_that_reads_the_body() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', message: '{{ body() }}'}]}"), @r#"error RF008: request.reject[0]: a template of `reject` cannot read the body; write `{{ cel("request.body") }}`"#);
    loads(
        "request: {onFailure: reject, reject: [{when: 'true', message: '{{ cel(\"request.body\") }}'}]}",
    );
}

#[test]
fn a_member_of_a_body_that_is_not_parsed() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', message: '{{ model }}'}]}"), @"error RF005: request.reject[0]: a template of `reject` cannot read `model`; add a field to `request.extract`, and write `extracted.` and its name");
    loads(
        "request: {extract: [{}], onFailure: reject, reject: [{when: 'true', message: '{{ extracted.model }}'}]}",
    );
}

#[test]
fn a_field_of_a_response_that_has_gone_on() {
    assert_snapshot!(printed("response: {extract: [{}], onFailure: reject, reject: [{when: \"extracted.model == 'a'\", message: '{{ extracted.model }}'}]}"), @r"
    error RF008: response.reject[0].when: the fields of a response are known only after it has gone on; add `bodyMode: buffered`, which holds every response until it ends
    error RF008: response.reject[0]: the fields of a response are known only after it has gone on; add `bodyMode: buffered`, which holds every response until it ends
    ");
    loads(
        "response: {extract: [{}], bodyMode: buffered, onFailure: reject, reject: [{when: \"extracted.model == 'a'\", message: '{{ extracted.model }}'}]}",
    );
}

#[test]
fn a_body_that_is_not_held() {
    assert_snapshot!(printed("request: {extract: [{}], bodyMode: streamed, onFailure: reject, reject: [{when: 'size(request.body) > 9'}]}"), @r"
    error RF008: request.bodyMode: an expression reads the body, which has not arrived by then; use `buffered`, or `extracted` in the expression
    error RF008: request.extract[0]: nothing uses this field; add `header` or `metadata`, or use `extracted` in a template or expression
    ");
    loads(
        "request: {extract: [{}], bodyMode: streamed, onFailure: reject, reject: [{when: \"extracted.model == 'a'\"}]}",
    );
}

#[test]
fn a_format_that_is_none() {
    assert_snapshot!(printed("errorFormat: xml"), @"error RF002: errorFormat: unknown name `xml`, expected one of `auto`, `openai`, `anthropic`, `gemini`, `text`");
    loads("errorFormat: anthropic");
}

#[test]
fn a_route_that_denies_by_a_field() {
    let with = |filter_config: &str| {
        let routes = json!({"virtual_hosts": [{"routes": [
            {"match": {"prefix": "/", "headers": [{"name": "x-model", "string_match": {"exact": "a"}}]},
                "direct_response": {"status": 403}},
            {"match": {"prefix": "/"}, "route": {"cluster": "c"}},
        ]}]});
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "http_filters": [envoy_filter("rustformations", filter_config)],
            "route_config": routes,
        })
        .to_string()
    };
    assert_snapshot!(printed(&with(r#"{"request": {"extract": [{"header": "X-Model"}]}}"#)), @"http_filters[0].typed_config: warning RF016: request.extract: a route denies by `x-model`, but a request with an invalid field passes; set `onFailure: reject`, or `onInvalid: reject` of the field");
    loads(&with(
        r#"{"request": {"onFailure": "reject", "extract": [{"header": "X-Model"}]}}"#,
    ));
    loads(&with(
        r#"{"request": {"extract": [{"header": "X-Model", "onInvalid": "reject"}]}}"#,
    ));
    loads(&with(
        r#"{"request": {"extract": [{"header": "x-other"}]}}"#,
    ));
}

#[test]
fn a_body_where_a_status_has_none() {
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', status: 204, body: {value: a}}]}"), @"warning RF008: request.reject[0].body: an answer with 204 has no body; choose another status, or remove this key");
    assert_snapshot!(printed("request: {onFailure: reject, reject: [{when: 'true', status: 204, message: a}]}"), @"warning RF008: request.reject[0].message: an answer with 204 has no body; choose another status, or remove this key");
    loads("request: {onFailure: reject, reject: [{when: 'true', status: 204}]}");
}
