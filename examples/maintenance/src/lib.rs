//! A filter that answers 503 while a service is repaired, except to who knows the word that its configuration has.
//!
//! ```sh
//! cargo build --release --package maintenance
//! ENVOY_DYNAMIC_MODULES_SEARCH_PATH=target/release envoy -c examples/maintenance/envoy.yaml
//! curl -i localhost:10000                        # 503
//! curl -i localhost:10000 -H 'x-maintenance: let me in'
//! ```
#![forbid(unsafe_code)]

use std::any::Any;
use std::sync::Arc;

use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyHttpFilterConfig, EnvoyMetrics, EnvoyRequest, HttpFilter, HttpFilterConfig,
    HttpHeaderType, LocalReply, RequestFlow, RequestHeadersStatus, declare_init_functions,
    envoy_log_error,
};

declare_init_functions!(init, new_config, new_route_config);

/// What all requests of a listener share.
struct Maintenance {
    word: Vec<u8>,
    turned_away: CounterId,
}

/// The filter of one request.
struct Guard(Arc<Maintenance>);

/// The configuration, which Envoy holds.
struct Config(Arc<Maintenance>);

fn init() -> bool {
    true
}

fn new_config(
    envoy: &mut EnvoyHttpFilterConfig,
    _name: &str,
    config: &[u8],
) -> Option<Box<dyn HttpFilterConfig>> {
    if config.is_empty() {
        envoy_log_error!("maintenance: write a word as `filter_config`");
        return None;
    }
    let turned_away = envoy
        .define_counter("maintenance_turned_away_total", &[])
        .ok()?;
    let word = config.to_vec();
    Some(Box::new(Config(Arc::new(Maintenance {
        word,
        turned_away,
    }))))
}

fn new_route_config(_name: &str, _config: &[u8]) -> Option<Box<dyn Any + Send + Sync>> {
    None // a route has none of its own
}

impl HttpFilterConfig for Config {
    fn new_http_filter(&self, _envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        Box::new(Guard(Arc::clone(&self.0)))
    }
}

impl HttpFilter for Guard {
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyRequest,
        _end_of_stream: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        let Guard(maintenance) = self;
        let said = envoy.header(HttpHeaderType::RequestHeader, "x-maintenance");
        if said.is_some_and(|said| said.to_vec() == maintenance.word) {
            return RequestHeadersStatus::Continue.into();
        }
        if let Err(error) = envoy.increment_counter(maintenance.turned_away, &[], 1) {
            envoy_log_error!("maintenance: not counted: {error}");
        }
        let reply = LocalReply::new(503).header("retry-after", b"120");
        RequestFlow::reply(reply.body("The service is being repaired.\n"))
    }
}
