//! Expressions.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn one_that_ends_early() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '1 +'}]}"), @"error RF012: request.set[0] `x-a`: the expression ends too early at 1:4");
}

#[test]
fn a_missing_bracket() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '(1 + 2'}]}"), @"error RF012: request.set[0] `x-a`: a `)` is missing at 1:7");
}

#[test]
fn a_word_that_is_not_expected() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.path and true'}]}"), @"error RF012: request.set[0] `x-a`: `and` is not expected here at 1:14; write `&&`");
    loads("request: {set: [{name: x-a, cel: 'request.path == ''/a'' && true'}]}");
}

#[test]
fn a_single_equals_sign() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.path = ''/a'''}]}"), @"error RF012: request.set[0] `x-a`: `=` is not expected here at 1:14; write `==`");
    loads("request: {set: [{name: x-a, cel: 'request.path == ''/a'''}]}");
}

#[test]
fn a_number_that_is_too_large() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '99999999999999999999'}]}"), @"error RF012: request.set[0] `x-a`: not a valid int literal at 1:1");
}

#[test]
fn an_unknown_name() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'requst.path'}]}"), @"error RF012: request.set[0] `x-a`: unknown name `requst` at 1:1; did you mean `request`?");
    loads("request: {set: [{name: x-a, cel: 'request.path'}]}");
}

#[test]
fn a_name_of_another_language() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'url'}]}"), @"error RF012: request.set[0] `x-a`: unknown name `url` at 1:1; write `request.pathAndQuery`");
    loads("request: {set: [{name: x-a, cel: 'request.pathAndQuery'}]}");
}

#[test]
fn a_name_below_request() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'method'}]}"), @"error RF012: request.set[0] `x-a`: unknown name `method` at 1:1; write `request.method`");
    loads("request: {set: [{name: x-a, cel: 'request.method'}]}");
}

#[test]
fn an_unknown_member() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.metod'}]}"), @"error RF012: request.set[0] `x-a`: unknown name `metod` at 1:8; did you mean `method`?");
    loads("request: {set: [{name: x-a, cel: 'request.method'}]}");
}

#[test]
fn an_unknown_function() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'sise(request.path)'}]}"), @"error RF012: request.set[0] `x-a`: unknown function `sise` at 1:5; did you mean `size`?");
    loads("request: {set: [{name: x-a, cel: 'size(request.path)'}]}");
}

#[test]
fn a_function_of_templates() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request_header(''a'')'}]}"), @r#"error RF012: request.set[0] `x-a`: unknown function `request_header` at 1:15; write `request.headers["name"]`"#);
    loads(r#"request: {set: [{name: x-a, cel: 'request.headers["name"]'}]}"#);
}

#[test]
fn a_filter_of_templates() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'tojson(1)'}]}"), @"error RF012: request.set[0] `x-a`: unknown function `tojson` at 1:7; write `toJson(value)`");
    loads("request: {set: [{name: x-a, cel: 'toJson(1)'}]}");
}

#[test]
fn a_function_that_only_templates_have() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'replace_with_random(request.path, ''a'')'}]}"), @"error RF012: request.set[0] `x-a`: unknown function `replace_with_random` at 1:20; only templates have it: `{{ replace_with_random(...) }}`");
}

#[test]
fn a_wrong_number_of_arguments() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'size(1, 2)'}]}"), @"error RF012: request.set[0] `x-a`: `size` has the wrong number of arguments at 1:5; write `size(value)` or `value.size()`");
}

#[test]
fn a_method_that_is_a_function() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.path.toJson()'}]}"), @"error RF012: request.set[0] `x-a`: `toJson` cannot be called in this way at 1:20; write `toJson(value)`");
}

#[test]
fn a_pattern_that_is_wrong() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.path.matches(''('')'}]}"), @"error RF012: request.set[0] `x-a`: the pattern is wrong: unclosed group at 1:21");
}

#[test]
fn a_name_without_a_value() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'metadata'}]}"), @r#"error RF012: request.set[0] `x-a`: this name has no value of its own at 1:1; read a part of it, such as `metadata["namespace"].key`"#);
    loads(r#"request: {set: [{name: x-a, cel: 'metadata["namespace"].key'}]}"#);
}

#[test]
fn a_request_without_a_part() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request'}]}"), @"error RF012: request.set[0] `x-a`: this name has no value of its own at 1:1; read a part of it, such as `request.headers`");
}

#[test]
fn a_member_of_a_text() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.body.model'}]}"), @"error RF012: request.set[0] `x-a`: a value of type bytes has no member `model` at 1:13; write `json(request.body).model`");
    loads("request: {set: [{name: x-a, cel: 'json(request.body).model'}]}");
}

#[test]
fn a_member_of_a_query() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.query.a'}]}"), @"error RF012: request.set[0] `x-a`: a value of type string has no member `a` at 1:14; write `form.decode(request.query).a`");
    loads("request: {set: [{name: x-a, cel: 'form.decode(request.query).a'}]}");
}

#[test]
fn a_member_of_a_list() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '[1].a'}]}"), @"error RF012: request.set[0] `x-a`: a value of type list has no member `a` at 1:4; only maps have members");
}

#[test]
fn metadata_below_the_first_level() {
    assert_snapshot!(printed(r#"request: {set: [{name: x-a, cel: 'metadata["n"].a.b'}]}"#), @"error RF012: request.set[0] `x-a`: only the first level of a metadata namespace can be read at 1:16; have `jwt_authn` copy the claim: `claim_to_headers`");
}

#[test]
fn a_header_with_a_dash() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.headers.x-model'}]}"), @r#"error RF012: request.set[0] `x-a`: a dash after a header's name is read as a subtraction at 1:18; write `request.headers["x-..."]`"#);
    loads(r#"request: {set: [{name: x-a, cel: 'request.headers["x-model"]'}]}"#);
}

#[test]
fn has_without_a_member() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'has(request)'}]}"), @"error RF012: request.set[0] `x-a`: `has` needs a member at 1:4; write, for example, `has(json(request.body).model)`");
    loads("request: {set: [{name: x-a, cel: 'string(has(json(request.body).model))'}]}");
}

#[test]
fn a_message() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'Foo{a: 1}'}]}"), @r#"error RF012: request.set[0] `x-a`: there is no message type `Foo` at 1:4; write a map: `{"key": value}`"#);
}

#[test]
fn a_variable_that_is_no_name() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '[1].map(1 + 1, 2)'}]}"), @"error RF012: request.set[0] `x-a`: the name of a variable is expected at 1:8; write a simple name, such as `x`");
    loads(r#"request: {set: [{name: x-a, cel: '[1].map(x, 2).join(",")'}]}"#);
}

#[test]
fn macros_that_are_nested() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '[1].map(a, [1].map(b, [1].map(c, [1].map(d, [1].map(e, e)))))'}]}"), @"error RF012: request.set[0] `x-a`: more than 4 macros are nested at 1:52; split it into several edits or fields");
}

#[test]
fn a_string_after_a_number() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '1''a'''}]}"), @"error RF012: request.set[0] `x-a`: a string directly follows `1` at 1:1; put an operator between them");
}

#[test]
fn a_string_without_an_end() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: '''a'}]}"), @r"error RF012: request.set[0] `x-a`: the string that begins with ' has no end at 1:1; end it with the same quotes; line breaks need three of them, or `\n`");
    loads("request: {set: [{name: x-a, cel: '''a'''}]}");
}

#[test]
fn an_unknown_escape() {
    assert_snapshot!(printed(r#"request: {set: [{name: x-a, cel: '''\q'''}]}"#), @r"error RF012: request.set[0] `x-a`: `\q` is not an escape at 1:1; write `\\` for a backslash, or r'...' around a pattern");
    loads(r#"request: {set: [{name: x-a, cel: 'r''\q'''}]}"#);
}

#[test]
fn a_name_in_backticks_that_is_not_valid() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'request.headers.`a$b`'}]}"), @r#"error RF012: request.set[0] `x-a`: the name in backticks is not valid at 1:17; use letters, digits and `_.-/ ` in it, or write `["..."]`"#);
    loads(r#"request: {set: [{name: x-a, cel: 'request.headers["a$b"]'}]}"#);
}

#[test]
fn a_condition_that_is_no_bool() {
    assert_snapshot!(printed("request: {when: request.path, remove: [x-a]}"), @"error RF012: request.when: a condition is a bool, and this is of type string; compare it with a value, as in `request.method == 'POST'`");
    loads(r#"request: {when: "request.method == 'POST'", remove: [x-a]}"#);
}

#[test]
fn a_field_that_does_not_exist() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: extracted.model}]}"), @"error RF005: request.set[0] `x-a`: an expression reads `extracted.model`, but no field has this name; add the field to `request.extract`");
    loads("request: {extract: [{}], set: [{name: x-a, cel: extracted.model}]}");
}

#[test]
fn a_field_that_is_misspelled() {
    assert_snapshot!(printed("request: {extract: [{header: x-b}], set: [{name: x-a, cel: extracted.modl}]}"), @"error RF005: request.set[0] `x-a`: an expression reads `extracted.modl`, but no field has this name; did you mean `model`?");
    loads("request: {extract: [{header: x-b}], set: [{name: x-a, cel: extracted.model}]}");
}

#[test]
fn the_response_in_a_request() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: response.code}]}"), @"error RF008: request.set[0] `x-a`: the expression reads the response, which has not arrived; move it to `response`");
    loads("response: {set: [{name: x-a, cel: response.code}]}");
}

#[test]
fn the_body_of_the_request_in_a_response() {
    assert_snapshot!(printed("response: {set: [{name: x-a, cel: json(request.body).model}]}"), @"error RF008: response.set[0] `x-a`: the request's body is gone when the response arrives; add a field to `request.extract`, and read `extracted.` and its name");
    loads(
        r#"request: {extract: [{}]}
response: {set: [{name: x-a, cel: extracted.model}]}"#,
    );
}

#[test]
fn extracted_before_anything_is_extracted() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a}], when: "extracted.model == 'a'"}"#), @"error RF008: request.when: the expression reads `extracted` before anything is extracted; read what the field comes from, such as `json(request.body).model`");
    loads(r#"request: {extract: [{header: x-a}], when: "json(request.body).model == 'a'"}"#);
}

#[test]
fn a_header_compared_with_a_number() {
    assert_snapshot!(printed("request: {when: \"request.headers['x-a'] > 100\", remove: [x-b]}"), @"error RF012: request.when: `>` does not take values of type string and int at 1:24; write `int(...)` around the text");
    loads("request: {when: \"int(request.headers['x-a']) > 100\", remove: [x-b]}");
}

#[test]
fn a_status_compared_with_a_text() {
    assert_snapshot!(printed("response: {when: \"response.code == '200'\", remove: [x-b]}"), @"error RF012: response.when: a value of type int is never equal to one of type string at 1:15; write the number without quotes");
    loads("response: {when: response.code == 200, remove: [x-b]}");
}

#[test]
fn a_header_compared_with_a_boolean() {
    assert_snapshot!(printed("request: {when: \"request.headers['x-a'] == true\", remove: [x-b]}"), @"error RF012: request.when: a value of type string is never equal to one of type bool at 1:24; put `true` or `false` in quotes");
    loads("request: {when: \"request.headers['x-a'] == 'true'\", remove: [x-b]}");
}

#[test]
fn a_method_compared_with_a_list() {
    assert_snapshot!(printed("request: {when: \"request.method == ['GET', 'HEAD']\", remove: [x-b]}"), @"error RF012: request.when: a value of type string is never equal to one of type list at 1:16; write `in`, as in `request.method in ['GET', 'HEAD']`");
    loads("request: {when: \"request.method in ['GET', 'HEAD']\", remove: [x-b]}");
}

#[test]
fn a_body_compared_with_a_text() {
    assert_snapshot!(printed("request: {when: \"request.body == 'a'\", remove: [x-b]}"), @"error RF012: request.when: a value of type bytes is never equal to one of type string at 1:14; write `string(...)` around the body");
    loads("request: {when: \"string(request.body) == 'a'\", remove: [x-b]}");
}

#[test]
fn a_number_added_to_a_header() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: request.path + 1}]}"), @"error RF012: request.set[0] `x-a`: `+` does not take values of type string and int at 1:14; write `string(...)` around the number");
    loads("request: {set: [{name: x-a, cel: request.path + string(1)}]}");
}

#[test]
fn a_part_looked_for_with_in() {
    assert_snapshot!(printed("request: {when: \"'/v1' in request.path\", remove: [x-b]}"), @"error RF012: request.when: `in` looks in a list or a map, and this is of type string at 1:7; write `text.contains(part)`");
    loads("request: {when: \"request.path.contains('/v1')\", remove: [x-b]}");
}

#[test]
fn a_field_compared_with_what_is_not_of_its_type() {
    let of = |value_type: &str, text: &str| {
        format!(
            "request: {{onFailure: reject, extract: [{{name: m, from: [{{json: /m}}]{value_type}}}], reject: [{{when: \"{text}\"}}]}}"
        )
    };
    assert_snapshot!(printed(&of("", "extracted.m == 5")), @"error RF012: request.reject[0].when: a value of type string is never equal to one of type int at 1:13; add `type: number` to the field, or write the number in quotes");
    assert_snapshot!(printed(&of("", "extracted.m == true")), @"error RF012: request.reject[0].when: a value of type string is never equal to one of type bool at 1:13; add `type: boolean` to the field, or write the value in quotes");
    assert_snapshot!(printed(&of("", "extracted.m in [5]")), @"error RF012: request.reject[0].when: a value of type string is never in a list whose values are of type int at 1:13; add `type: number` to the field, or write the number in quotes");
    assert_snapshot!(printed(&of(", type: number", "extracted.m == '5'")), @"error RF012: request.reject[0].when: a value of type number is never equal to one of type string at 1:13; write the number without quotes");
    assert_snapshot!(printed(&of(", type: boolean", "extracted.m == 'true'")), @"error RF012: request.reject[0].when: a value of type bool is never equal to one of type string at 1:13; write `true` or `false` without quotes");
    loads(&of("", "extracted.m == '5' || extracted.m in ['5', 6]"));
    loads(&of(
        ", type: number",
        "extracted.m == 5 || extracted.m > 1.5",
    ));
    loads(&of(", type: boolean", "extracted.m"));
}

#[test]
fn what_the_host_tells_compared_with_what_is_not_of_its_type() {
    let when = |text: &str| format!("response: {{when: \"{text}\", remove: [x-b]}}");
    assert_snapshot!(printed(&when("response.code in ['200']")), @"error RF012: response.when: a value of type int is never in a list whose values are of type string at 1:15; write the number without quotes");
    assert_snapshot!(printed(&when("source.port == '443'")), @"error RF012: response.when: a value of type int is never equal to one of type string at 1:13; write the number without quotes");
    assert_snapshot!(printed(&when("connection.mtls == 'true'")), @"error RF012: response.when: a value of type bool is never equal to one of type string at 1:17; write `true` or `false` without quotes");
    assert_snapshot!(printed(&when("metadata['a'].b == 5")), @"error RF012: response.when: a value of type string is never equal to one of type int at 1:17; write `double(...)` around the metadata");
    assert_snapshot!(printed(&when("metadata['a'].b == true")), @"error RF012: response.when: a value of type string is never equal to one of type bool at 1:17; write `bool(...)` around the metadata");
    assert_snapshot!(printed(&when("response.code in {'200': 1}")), @"error RF012: response.when: a value of type int is never a key of a map whose keys are of type string at 1:15; write the number without quotes");
    loads(&when(
        "response.code in [200] && source.port in [1, 443] && double(metadata['a'].b) == 5",
    ));
}

/// A header may be missing, or bytes; null and bytes are compared with it rightly.
#[test]
fn what_may_be_equal() {
    loads("request: {when: \"request.headers['x-a'] != null\", remove: [x-b]}");
    loads("request: {when: \"request.headers['x-a'] == request.body\", remove: [x-b]}");
    loads("request: {when: \"default(request.headers['x-a'], 0) > 1\", remove: [x-b]}");
}

#[test]
fn metadata_without_filter_metadata() {
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: \"xds.cluster_metadata['llm'].model\"}]}"), @r#"error RF012: request.set[0] `x-a`: unknown name `llm` at 1:21; write `xds.cluster_metadata.filter_metadata["namespace"].key`"#);
    loads(
        "request: {set: [{name: x-a, cel: \"xds.cluster_metadata.filter_metadata['llm'].model\"}]}",
    );
}

#[test]
fn an_address_compared_with_a_network() {
    assert_snapshot!(printed("request: {when: \"source.address == '10.0.0.0/8'\", remove: [x-b]}"), @"error RF012: request.when: an address is never equal to a network at 1:16; write `cidr('10.0.0.0/8').containsIP(source.address)`");
    loads("request: {when: \"cidr('10.0.0.0/8').containsIP(source.address)\", remove: [x-b]}");
}

#[test]
fn a_parameter_in_brackets() {
    assert_snapshot!(printed("request: {when: \"request.query['a'] == '1'\", remove: [x-b]}"), @"error RF012: request.when: a value of type string has no member `a` at 1:14; write `form.decode(request.query).a`");
    loads("request: {when: \"form.decode(request.query).a == '1'\", remove: [x-b]}");
}

#[test]
fn has_of_a_header() {
    assert_snapshot!(printed("request: {when: \"has(request.headers['x-a'])\", remove: [x-b]}"), @r#"error RF012: request.when: `has` needs a member at 1:4; write `"name" in request.headers`, or of JSON `has(map.key)`"#);
    loads("request: {when: \"'x-a' in request.headers\", remove: [x-b]}");
}

#[test]
fn operators_and_names_of_other_languages() {
    assert_snapshot!(printed("request: {when: \"request.path =~ '^/a'\", remove: [x-b]}"), @"error RF012: request.when: `=~` is not expected here at 1:14; write `text.matches(pattern)`");
    assert_snapshot!(printed("request: {when: \"request.headers['x-a'] != None\", remove: [x-b]}"), @"error RF012: request.when: unknown name `None` at 1:27; write `null`");
    assert_snapshot!(printed("request: {when: \"request.path not in ['/a']\", remove: [x-b]}"), @"error RF012: request.when: `not` is not expected here at 1:14; write `!(condition)`");
    assert_snapshot!(printed("request: {when: \"request.path.includes('/a')\", remove: [x-b]}"), @"error RF012: request.when: unknown function `includes` at 1:22; write `text.contains(part)` or `value in list`");
    loads("request: {when: \"!(request.path in ['/a'])\", remove: [x-b]}");
}

#[test]
fn a_function_whose_value_is_of_another_type() {
    assert_snapshot!(printed(r#"request: {onFailure: reject, body: {cel: "'size ' + string(size(request.headers)) + request.body"}}"#), @"error RF012: request.body.cel: `+` does not take values of type string and bytes at 1:41; write `string(...)` around the body");
    assert_snapshot!(printed("request: {set: [{name: x-a, cel: 'size(request.path) == ''5'' ? ''a'' : ''b'''}]}"), @"error RF012: request.set[0] `x-a`: a value of type int is never equal to one of type string at 1:20; write the number without quotes");
    assert_snapshot!(printed("request: {when: 'size(request.path)', remove: [x-a]}"), @"error RF012: request.when: a condition is a bool, and this is of type int; compare it with a value, as in `request.method == 'POST'`");
    assert_snapshot!(printed("request: {when: 'request.path.lowerAscii() == 1', remove: [x-a]}"), @"error RF012: request.when: a value of type string is never equal to one of type int at 1:27; put the number in quotes");
    loads(
        "request: {when: 'size(request.path) == 5 && request.path.lowerAscii() == ''/a''', remove: [x-a]}",
    );
    loads(r#"request: {onFailure: reject, body: {cel: "'size ' + string(request.body)"}}"#);
}

#[test]
fn a_function_of_a_value_of_another_type() {
    assert_snapshot!(printed("request: {when: \"request.body.contains('x')\", remove: [x-a]}"), @"error RF012: request.when: `contains` takes no value of type bytes at 1:22; write `string(...)` around the body");
    assert_snapshot!(printed("request: {when: \"request.attempt.startsWith('1')\", remove: [x-a]}"), @"error RF012: request.when: `startsWith` takes no value of type int at 1:27; write `string(...)` around the value");
    assert_snapshot!(printed("response: {set: [{name: x-a, cel: \"request.path.join('/')\"}]}"), @"error RF012: response.set[0] `x-a`: `join` takes no value of type string at 1:18; write `list.join([separator])`");
    loads(
        "request: {when: \"string(request.body).contains('x') && string(request.attempt).startsWith('1')\", remove: [x-a]}",
    );
}
