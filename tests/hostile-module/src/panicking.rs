//! The filter `panic` panics in the hook that its configuration names, and counts what it is told of it.

use std::any::Any;

use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyHttpFilter, EnvoyHttpFilterConfig, EnvoyMetrics, EnvoyRequest, EnvoyResponse,
    HttpFilter, HttpFilterConfig, RequestBodyStatus, RequestFlow, RequestHeadersStatus,
    RequestTrailersStatus, ResponseBodyStatus, ResponseFlow, ResponseHeadersStatus,
    ResponseTrailersStatus,
};

/// Makes the configuration of a listener's filter.
pub(crate) fn listener(
    envoy: &mut EnvoyHttpFilterConfig,
    config: &[u8],
) -> Option<Box<dyn HttpFilterConfig>> {
    let hook = String::from_utf8(config.to_vec()).ok()?;
    fail(&hook, "config_new");
    let panics = envoy.define_counter("hostile_panics", &["hook"]).ok()?;
    Some(Box::new(Config { hook, panics }))
}

/// Makes the configuration of a route.
pub(crate) fn route(config: &[u8]) -> Option<Box<dyn Any + Send + Sync>> {
    fail(std::str::from_utf8(config).ok()?, "per_route_config_new");
    None
}

struct Config {
    hook: String,
    panics: CounterId,
}

impl HttpFilterConfig for Config {
    fn new_http_filter(&self, _envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        fail(&self.hook, "new");
        Box::new(Filter(self.hook.clone()))
    }

    fn on_panic(&self, envoy: &mut EnvoyMetrics, _hook: &'static str) {
        // What is not counted fails the scenario.
        let _counted = envoy.increment_counter(self.panics, &[self.hook.as_str()], 1);
    }
}

struct Filter(String);

fn fail(wanted: &str, hook: &str) {
    assert!(wanted != hook, "{hook} panics on purpose");
}

impl HttpFilter for Filter {
    fn on_request_headers(
        &self,
        _: &mut EnvoyRequest,
        _: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        fail(&self.0, "request_headers");
        RequestHeadersStatus::Continue.into()
    }

    fn on_request_body(&self, _: &mut EnvoyRequest, _: bool) -> RequestFlow<RequestBodyStatus> {
        fail(&self.0, "request_body");
        RequestBodyStatus::Continue.into()
    }

    fn on_request_trailers(&self, _: &mut EnvoyRequest) -> RequestFlow<RequestTrailersStatus> {
        fail(&self.0, "request_trailers");
        RequestTrailersStatus::Continue.into()
    }

    fn on_response_headers(
        &self,
        _: &mut EnvoyResponse,
        _: bool,
    ) -> ResponseFlow<ResponseHeadersStatus> {
        fail(&self.0, "response_headers");
        ResponseHeadersStatus::Continue.into()
    }

    fn on_response_body(&self, _: &mut EnvoyResponse, _: bool) -> ResponseFlow<ResponseBodyStatus> {
        fail(&self.0, "response_body");
        ResponseBodyStatus::Continue.into()
    }

    fn on_response_trailers(&self, _: &mut EnvoyResponse) -> ResponseFlow<ResponseTrailersStatus> {
        fail(&self.0, "response_trailers");
        ResponseTrailersStatus::Continue.into()
    }

    fn on_stream_complete(&self, _: &mut EnvoyHttpFilter) {
        fail(&self.0, "stream_complete");
    }
}
