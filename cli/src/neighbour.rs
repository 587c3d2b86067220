//! Envoy's filters beside which a message may be lost.

use crate::tree::Node;

/// One of Envoy's filters in a chain.
#[derive(Debug)]
pub(crate) struct Neighbour {
    /// The place of its chain, such as `http_filters`.
    pub(crate) chain: String,
    /// How many filters stand before it.
    pub(crate) position: usize,
    /// What Envoy calls its kind.
    pub(crate) kind: &'static str,
    /// Whether it passes requests on piece by piece, in its own time.
    pub(crate) delays_requests: bool,
    /// The same of responses.
    pub(crate) delays_responses: bool,
    /// Whether it adds trailers to responses that have none.
    pub(crate) adds_trailers: bool,
}

/// The filters of a chain beside which a message may be lost.
pub(crate) fn of_chain(filters: &Node, place: &str) -> Vec<Neighbour> {
    let filters = filters.items().iter().enumerate();
    let found = filters.filter_map(|(position, filter)| {
        let config = filter.get("typed_config")?;
        let kind = config.get("@type")?.text()?;
        let is = |name: &str| kind.ends_with(name);
        let mut found = Neighbour {
            chain: place.to_owned(),
            position,
            kind: "",
            delays_requests: false,
            delays_responses: false,
            adds_trailers: false,
        };
        if is("ext_proc.v3.ExternalProcessor") {
            found.kind = "ext_proc";
            let mode = config.get("processing_mode");
            let streams = |key| {
                let mode = mode.and_then(|mode| mode.get(key)).and_then(Node::text);
                mode.is_some_and(|mode| mode.ends_with("STREAMED"))
            };
            found.delays_requests = streams("request_body_mode");
            found.delays_responses = streams("response_body_mode");
        } else if is("bandwidth_limit.v3.BandwidthLimit") {
            found.kind = "bandwidth_limit";
            let mode = config.get("enable_mode").and_then(Node::text);
            let mode = mode.unwrap_or_default();
            found.delays_requests = mode.starts_with("REQUEST");
            found.delays_responses = mode.ends_with("RESPONSE");
        } else if is("fault.v3.HTTPFault") {
            found.kind = "fault";
            found.delays_responses = config.get("response_rate_limit").is_some();
        } else if is("file_system_buffer.v3.FileSystemBufferFilterConfig") {
            found.kind = "file_system_buffer";
            let buffers = |key| {
                let behavior = config.get(key).and_then(|stream| stream.get("behavior"));
                behavior
                    .and_then(|behavior| behavior.get("bypass"))
                    .is_none()
            };
            found.delays_requests = buffers("request");
            found.delays_responses = buffers("response");
        } else if is("grpc_http1_reverse_bridge.v3.FilterConfig") {
            found.kind = "grpc_http1_reverse_bridge";
            found.adds_trailers = true;
        }
        (!found.kind.is_empty()).then_some(found)
    });
    found.collect()
}
