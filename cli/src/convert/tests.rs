//! What other filters' configurations become.

use serde_json::{Value, json};

use super::{Converted, convert, said, unread};
use crate::file::File;

/// The configuration, which has to be sound, and the notes.
fn converted(text: &str) -> (Value, Vec<String>) {
    let converted: Converted = convert(text);
    let config = converted.config();
    let errors = said(&config).into_iter();
    let errors = errors.filter(|diagnostic| diagnostic.is_error());
    let errors: Vec<String> = errors.map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new(), "{config}");
    let notes = converted
        .notes
        .into_iter()
        .map(|(place, what)| format!("{place}: {what}"));
    (config, notes.collect())
}

#[test]
fn a_model_of_agentgateway_becomes_a_field() {
    let (config, notes) = converted(
        "gateways:\n  default:\n    transformations:\n      request:\n        set:\n          x-gateway-model-name: json(request.body).model\n          \
         x-tenant: request.headers['x-key'].lowerAscii()\n        remove: [x-old]\n",
    );
    let request = json!({
        "extract": [{"from": [{"json": "/model"}], "header": "x-gateway-model-name"}],
        "set": [{"name": "x-tenant", "cel": "request.headers['x-key'].lowerAscii()"}],
        "remove": ["x-old"],
    });
    assert_eq!(config, json!({"request": request}));
    assert!(
        notes
            .iter()
            .any(|note| note.contains("a value that the client sent")),
        "{notes:?}"
    );
}

#[test]
fn a_policy_of_agentgateway_is_read() {
    let (config, notes) = converted(
        "apiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\nspec:\n  traffic:\n    transformation:\n      conditional:\n      \
         - condition: request.method == 'POST'\n        policy:\n          request:\n            body: toJson(json(request.body).a)\n            \
         metadata: {tenant: \"request.headers['x-t']\"}\n      - policy: {request: {remove: [a]}}\n",
    );
    assert_eq!(config["request"]["when"], "request.method == 'POST'");
    assert_eq!(
        config["request"]["body"],
        json!({"cel": "toJson(json(request.body).a)"})
    );
    let entry = json!({"namespace": "agentgateway", "key": "tenant", "value": {"cel": "request.headers['x-t']"}});
    assert_eq!(config["request"]["dynamicMetadata"], json!([entry]));
    assert!(
        notes
            .iter()
            .any(|note| note.contains("only the first of the policies")),
        "{notes:?}"
    );
}

#[test]
fn the_transform_filter_is_read() {
    let (config, notes) = converted(
        "'@type': type.googleapis.com/envoy.extensions.filters.http.transform.v3.TransformConfig\nrequest_transformation:\n  headers_mutations:\n  \
         - append: {header: {key: model-header, value: '%REQUEST_BODY(a:model)%'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}\n  \
         - append: {header: {key: x-both, value: 'm-%REQ(x-a)%'}}\n  - remove: x-old\n  - append: {header: {key: x-z, value: '%ZONE%'}}\n  \
         body_transformation:\n    action: MERGE\n    body_format: {json_format: {user: me, from: '%REQUEST_BODY(model)%', n: 1}}\n\
         response_transformation:\n  headers_mutations:\n  - append: {header: {key: tokens, value: '%RESPONSE_BODY(usage:total_tokens)%'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}\n",
    );
    let request = &config["request"];
    assert_eq!(
        request["extract"],
        json!([{"from": [{"json": "/a/model"}], "header": "model-header"}])
    );
    assert_eq!(
        request["add"],
        json!([{"name": "x-both", "value": "m-{{ request_header(\"x-a\") }}"}])
    );
    assert_eq!(request["remove"], json!(["x-old"]));
    let patch = json!([
        {"set": "/from", "cel": "default(document[\"model\"], null)"},
        {"set": "/n", "json": "1"},
        {"set": "/user", "value": "me"},
    ]);
    assert_eq!(request["patch"], patch);
    assert_eq!(
        config["response"]["set"][0]["cel"],
        "string(json(response.body)[\"usage\"][\"total_tokens\"])"
    );
    assert!(
        notes.iter().any(|note| note.contains("`%ZONE%`")),
        "{notes:?}"
    );
}

#[test]
fn the_filters_that_write_metadata_are_read() {
    let (config, notes) = converted(
        "http_filters:\n- typed_config:\n    '@type': type.googleapis.com/envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata\n    \
         request_rules:\n      rules:\n      - selectors: [{key: model}]\n        on_present: {metadata_namespace: lb, key: model, type: STRING}\n        \
         on_missing: {metadata_namespace: lb, key: model, value: none}\n- typed_config:\n    \
         '@type': type.googleapis.com/envoy.extensions.filters.http.sse_to_metadata.v3.SseToMetadata\n    response_rules:\n      content_parser:\n        \
         typed_config:\n          rules:\n          - rule:\n              selectors: [{key: usage}, {key: total_tokens}]\n              \
         on_present: {metadata_namespace: llm, key: total, type: NUMBER}\n              on_error: {metadata_namespace: llm, key: failed, value: yes}\n",
    );
    let request = json!({"name": "model", "from": [{"json": "/model"}], "metadata": {"namespace": "lb", "key": "model"}, "default": "none"});
    assert_eq!(config["request"]["extract"], json!([request]));
    let response = json!({"name": "total", "from": [{"json": "/usage/total_tokens"}], "metadata": {"namespace": "llm", "key": "total"}, "type": "number"});
    assert_eq!(config["response"]["extract"], json!([response]));
    assert!(
        notes.iter().any(|note| note.contains("on_error")),
        "{notes:?}"
    );
}

#[test]
fn the_flags_of_the_body_based_router_are_read() {
    let (config, _) = converted("--streaming -v 5\n");
    assert_eq!(
        config["request"]["extract"],
        json!([{"from": [{"json": "/model"}], "header": "x-gateway-model-name"}])
    );
    let (config, notes) = converted(
        "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: bbr\n        args:\n        - --plugin\n        \
         - 'body-field-to-header:a:{\"fieldName\":\"user\",\"headerName\":\"X-User\"}'\n        - --plugin\n        - base-model-to-header:b\n",
    );
    let field = json!({"from": [{"json": "/user"}], "header": "x-user"});
    assert_eq!(config["request"]["extract"][0], field);
    assert!(
        notes.iter().any(|note| note.contains("adapters")),
        "{notes:?}"
    );
}

#[test]
fn filters_that_find_the_same_share_no_name() {
    let rule =
        "selectors: [{key: model}], on_present: {metadata_namespace: a, key: model, type: STRING}";
    let (config, _) = converted(&format!(
        "- '@type': type.googleapis.com/envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata\n  \
         request_rules: {{rules: [{{{rule}}}, {{{rule}}}]}}\n\
         - '@type': type.googleapis.com/envoy.extensions.filters.http.transform.v3.TransformConfig\n  request_transformation:\n    \
         headers_mutations:\n    - append: {{header: {{key: x-model, value: '%REQUEST_BODY(model)%'}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}\n",
    ));
    let names = config["request"]["extract"].as_array().unwrap().iter();
    let names: Vec<&Value> = names.map(|field| &field["name"]).collect();
    assert_eq!(names, ["model", "model_2", "model_3"]);
}

#[test]
fn a_text_that_is_no_yaml_is_shown_where_it_ends() {
    let shown = unread(File::unnamed("a: 1\nb: [\n"))
        .unwrap()
        .shown("f.yaml", "a: 1\nb: [\n");
    assert!(shown.starts_with("f.yaml:"), "{shown}");
    assert!(shown.contains("neither YAML nor JSON"), "{shown}");
    assert!(unread(File::unnamed("a: 1\n")).is_none());
}

#[test]
fn filters_that_are_not_converted_are_named() {
    for kind in [
        "lua.v3.Lua",
        "ai_protocol_manager.v3.AiProtocolManager",
        "ext_proc.v3.ExternalProcessor",
    ] {
        let text = format!(
            "http_filters:\n- name: it\n  typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.{kind}}}\n"
        );
        let converted = convert(&text);
        let places: Vec<&str> = converted
            .notes
            .iter()
            .map(|(place, _)| place.as_str())
            .collect();
        assert_eq!(places, ["http_filters[0].typed_config"], "{kind}");
        assert!(converted.is_empty(), "{kind}");
    }
}

#[test]
fn what_has_nothing_to_convert_is_empty() {
    for text in [
        "",
        "a: 1\n",
        "request: {extract: []}\n",
        "args: [--other]\n",
        "- 1\n- x\n",
    ] {
        let converted = convert(text);
        assert!(
            converted.is_empty() && converted.notes.is_empty(),
            "{text}: {converted:?}"
        );
    }
}
