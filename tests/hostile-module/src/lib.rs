//! A module as an author who means harm would write it, in safe Rust on the SDK: Envoy must survive it.
//!
//! The filter `hostile` does in each hook what a script says, and the script comes with the request, so that one
//! Envoy plays them all. Its `filter_config` is the name of the header that holds the script, and after the first
//! `;` a script for what runs before or after a stream: `x-hostile;new=panic`.
//!
//! A script names hooks and, for each, words: `request_headers=read,schedule,stop;scheduled=continue_request`. A word
//! is a call (see `calls.rs`) or what the hook returns (see `flows.rs`); `scheduled#2` is the second run of a hook.
//!
//! The filter `panic` only panics: see `panicking.rs`.
#![forbid(unsafe_code)]

mod attributes;
mod calls;
mod filter;
mod flows;
mod metrics;
mod open;
mod panicking;
mod reads;
mod script;

use std::any::Any;
use std::panic;
use std::sync::Arc;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilterConfig, EnvoyMetrics, HttpFilter, HttpFilterConfig, declare_init_functions,
    envoy_log_critical,
};

use filter::Hostile;
use metrics::Metrics;
use script::Script;

/// The name of the filter that only panics.
const PANICKING: &str = "panic";

/// What a route's configuration is, under each of two types.
struct RouteText(String);

struct Config {
    header: String,
    script: Script,
    metrics: Metrics,
}

/// What Envoy holds, and each filter shares.
struct Shared(Arc<Config>);

impl HttpFilterConfig for Shared {
    fn new_http_filter(&self, envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        for word in self.0.script.words("new", 1) {
            self.0.metrics.count(envoy, "new", word);
            if !metrics::perform(&self.0.metrics, envoy, word) {
                envoy_log_critical!("hostile: {word} is no word of the hook new");
            }
        }
        Box::new(Hostile::new(Arc::clone(&self.0)))
    }

    fn on_panic(&self, envoy: &mut EnvoyMetrics, _hook: &'static str) {
        filter::play_on_panic(&self.0, envoy);
    }
}

fn init() -> bool {
    // Panics on purpose would fill the log; any other is the SDK's.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location();
        let own = ["metrics.rs", "panicking.rs"].map(|name| format!("hostile-module/src/{name}"));
        if !place.is_some_and(|place| own.iter().any(|own| place.file().ends_with(own))) {
            envoy_log_critical!("hostile: not on purpose: {panic}");
        }
    }));
    true
}

fn new_http_filter_config(
    envoy: &mut EnvoyHttpFilterConfig,
    name: &str,
    config: &[u8],
) -> Option<Box<dyn HttpFilterConfig>> {
    if name == PANICKING {
        return panicking::listener(envoy, config);
    }
    let text = std::str::from_utf8(config).ok()?;
    let (header, script) = text.split_once(';').unwrap_or((text, ""));
    let metrics = Metrics::define(envoy).ok()?;
    Some(Box::new(Shared(Arc::new(Config {
        header: header.to_owned(),
        script: Script::parse(script),
        metrics,
    }))))
}

fn new_http_filter_per_route_config(
    name: &str,
    config: &[u8],
) -> Option<Box<dyn Any + Send + Sync>> {
    if name == PANICKING {
        return panicking::route(config);
    }
    Some(Box::new(RouteText(
        String::from_utf8_lossy(config).into_owned(),
    )))
}

declare_init_functions!(
    init,
    new_http_filter_config,
    new_http_filter_per_route_config
);
