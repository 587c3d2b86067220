//! The Envoy dynamic module `librust_module.so`: the filters by name, and nothing else.
//!
//! What a filter does is in the crate `transformations`; how Envoy is spoken to is in the SDK.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod acl_filter;
mod configuration;
mod counted_end;
mod filter;
mod notes;
mod ops;
mod protobuf_struct;
mod stats;
mod stream;
#[cfg(test)]
mod tests;

use std::any::Any;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilterConfig, Host, HttpFilterConfig, declare_init_functions, envoy_log_critical,
    envoy_log_info,
};

/// Makes the configuration of a listener's filter; `None` rejects it.
type NewListener =
    fn(&mut EnvoyHttpFilterConfig, name: &str, config: &[u8]) -> Option<Box<dyn HttpFilterConfig>>;

/// Makes the configuration of a route; `None` rejects it.
type NewRoute = fn(name: &str, config: &[u8]) -> Option<Box<dyn Any + Send + Sync>>;

/// How a filter is configured.
struct Constructors {
    listener: NewListener,
    route: NewRoute,
}

/// The filters in the module, by the names Envoy's configuration calls them.
const FILTERS: &[(&str, Constructors)] = &[
    ("rustformation", configuration::CONSTRUCTORS),
    // The name kgateway used up to 2.2.
    ("http_simple_mutations", configuration::CONSTRUCTORS),
    ("http-acl", acl_filter::CONSTRUCTORS),
];

declare_init_functions!(
    init,
    new_http_filter_config,
    new_http_filter_per_route_config
);

/// The commit of the build, where it is known.
const REVISION: Option<&str> = option_env!("RUSTFORMATIONS_REVISION");

fn init() -> bool {
    envoy_log_info!(
        "rustformations {} (commit {}) in Envoy {}",
        env!("CARGO_PKG_VERSION"),
        REVISION.unwrap_or("unknown"),
        Host::current().map_or("unknown", Host::release)
    );
    true
}

fn new_http_filter_config(
    envoy: &mut EnvoyHttpFilterConfig,
    name: &str,
    config: &[u8],
) -> Option<Box<dyn HttpFilterConfig>> {
    (constructors(name)?.listener)(envoy, name, config)
}

fn new_http_filter_per_route_config(
    name: &str,
    config: &[u8],
) -> Option<Box<dyn Any + Send + Sync>> {
    (constructors(name)?.route)(name, config)
}

fn constructors(name: &str) -> Option<&'static Constructors> {
    let found = FILTERS.iter().find(|(known, _)| *known == name);
    if found.is_none() {
        let known: Vec<&str> = FILTERS.iter().map(|(known, _)| *known).collect();
        envoy_log_critical!(
            "unknown filter `{name}`; set filter_name (per route: per_route_config_name) to one of `{}`",
            known.join("`, `")
        );
    }
    found.map(|(_, constructors)| constructors)
}
