//! A filter that panics in the hook its configuration names, to prove that Envoy survives.

use std::any::Any;

use crate::Constructors;
use crate::stats::Stats;
use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, EnvoyHttpFilterConfig, EnvoyMetrics, EnvoyRequest, EnvoyResponse, HttpFilter,
    HttpFilterConfig, RequestBodyStatus, RequestFlow, RequestHeadersStatus, RequestTrailersStatus,
    ResponseBodyStatus, ResponseFlow, ResponseHeadersStatus, ResponseTrailersStatus,
};

pub(crate) const CONSTRUCTORS: Constructors = Constructors { listener, route };

fn listener(
    envoy: &mut EnvoyHttpFilterConfig,
    name: &str,
    config: &[u8],
) -> Option<Box<dyn HttpFilterConfig>> {
    let hook = String::from_utf8(config.to_vec()).ok()?;
    fail(&hook, "config_new");
    let stats = Stats::define(envoy, name, None);
    Some(Box::new(Config { hook, stats }))
}

fn route(_name: &str, config: &[u8]) -> Option<Box<dyn Any + Send + Sync>> {
    fail(
        &String::from_utf8(config.to_vec()).ok()?,
        "per_route_config_new",
    );
    None
}

struct Config {
    hook: String,
    stats: Stats,
}

impl HttpFilterConfig for Config {
    fn new_http_filter(&self, _envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        fail(&self.hook, "new");
        Box::new(Filter(self.hook.clone()))
    }

    fn on_panic(&self, envoy: &mut EnvoyMetrics, _hook: &'static str) {
        self.stats.panicked(envoy);
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
