//! The filters that the peers consist of.

use harness::{Bootstrap, Filter, FilterConfig};
use serde_json::{Value, json};

use super::{BUFFER_LIMIT, HEADER, ROUTER};

/// Where `request_info` leaves the model, as a formatter reads it.
pub(super) const FOUND: &str = "%FILTER_STATE(envoy.ai.model.request:PLAIN)%";

/// One of Envoy's own filters.
pub(crate) fn envoys(
    bootstrap: Bootstrap,
    name: &str,
    message: &str,
    mut config: Value,
) -> Bootstrap {
    let url = format!("type.googleapis.com/envoy.extensions.filters.http.{message}");
    if let Some(fields) = config.as_object_mut() {
        fields.insert("@type".to_owned(), url.into());
    }
    bootstrap.http_filter(&format!("envoy.filters.http.{name}"), &config)
}

pub(super) fn buffer() -> Value {
    json!({"max_request_bytes": BUFFER_LIMIT})
}

pub(super) fn lua() -> Value {
    let code = format!(
        r#"
function envoy_on_request(handle)
  local body = handle:body()
  if not body then return end
  local model = body:getBytes(0, body:length()):match('"model"%s*:%s*"([^"]*)"')
  if model then
    handle:headers():replace("{HEADER}", model)
    handle:clearRouteCache()
  end
end
"#
    );
    json!({"default_source_code": {"inline_string": code}})
}

pub(super) fn json_to_metadata() -> Value {
    json!({"request_rules": {"rules": [{
        "selectors": [{"key": "model"}],
        "on_present": {"metadata_namespace": "bench", "key": "model"},
    }]}})
}

/// Sets the header to this format and has the route chosen again.
pub(super) fn transform(model: &str) -> Value {
    json!({
        "clear_route_cache": true,
        "request_transformation": {"headers_mutations": [set_header(model)]},
    })
}

pub(super) fn set_header(model: &str) -> Value {
    json!({"append": {
        "header": {"key": HEADER, "value": model},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }})
}

/// The filter only parses where the protocol is declared, here for all routes; `request_info` keeps what it found.
pub(super) fn ai_protocol_manager(bootstrap: Bootstrap) -> Bootstrap {
    let declared = json!({"envoy.filters.http.ai_protocol_manager": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ai_protocol_manager.v3.AiProtocolManagerPerRoute",
        "request": {"llm_protocol": "OPENAI_CHAT_COMPLETIONS"},
    }});
    let bootstrap = bootstrap.virtual_host("typed_per_filter_config", declared);
    let request_info = json!({
        "name": "envoy.http.ai_filters.request_info",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.ai_filters.request_info.v3.RequestInfo",
        },
    });
    let config = json!({
        "filters": [request_info],
        "request_handling": {"reserialize_body": "DISABLE"},
    });
    let message = "ai_protocol_manager.v3.AiProtocolManager";
    envoys(bootstrap, "ai_protocol_manager", message, config)
}

/// The filter has to set something, whatever it is, to have the route chosen again.
pub(super) fn clear_route_cache() -> Value {
    json!({
        "clear_route_cache": true,
        "on_request_headers": [{
            "object_key": "bench",
            "factory_key": "envoy.string",
            "format_string": {"text_format_source": {"inline_string": "routed"}},
        }],
    })
}

/// With these modes; nothing of the answer is sent to the router.
pub(super) fn ext_proc(bootstrap: Bootstrap, request_modes: &Value) -> Bootstrap {
    let mut modes = json!({"response_header_mode": "SKIP", "response_body_mode": "NONE"});
    merge(&mut modes, request_modes);
    let config = json!({
        "grpc_service": {"envoy_grpc": {"cluster_name": ROUTER}},
        "processing_mode": modes,
        // Eight large bodies, or a run under valgrind, take longer than the 200 ms that it has by default.
        "message_timeout": "60s",
    });
    let message = "ext_proc.v3.ExternalProcessor";
    envoys(bootstrap, "ext_proc", message, config)
}

/// Our filter, with further keys for the pass and for the field.
pub(super) fn extract(pass: &Value, field: &Value) -> Filter {
    let mut field = field.clone();
    merge(
        &mut field,
        &json!({"from": [{"json": "/model"}], "header": HEADER}),
    );
    let mut request = pass.clone();
    merge(&mut request, &json!({"extract": [field]}));
    Filter::new(json!({"request": request}))
}

pub(super) fn streamed() -> Value {
    json!({"bodyMode": "streamed"})
}

/// As a kgateway policy says it, in the form kgateway sends.
pub(super) fn kgateway() -> Filter {
    let set = json!([{"name": HEADER, "value": "{{ model }}"}]);
    let config = json!({"request": {"body": {"parseAs": "AsJson"}, "set": set}});
    Filter::new(FilterConfig::from(config))
}

fn merge(into: &mut Value, fields: &Value) {
    if let (Some(into), Some(fields)) = (into.as_object_mut(), fields.as_object()) {
        into.extend(fields.clone());
    }
}
