//! Envoy's dynamic-module ABI for HTTP filters in safe Rust: **one shared object for Envoy 1.36.3
//! to 1.40 and later**.
//!
//! Callbacks are looked up by name when Envoy loads the module. A feature that came with a later
//! release is missing in an older one; [`Host`] tells which release it is. A host that lacks what its
//! release should have is refused, with the names in Envoy's log. So is every configuration after
//! that: Envoy keeps a module that was refused. [`ALLOW_MISSING_CALLBACKS_VARIABLE`] and
//! [`ABI_VERSION_VARIABLE`] are the ways out.
//!
//! Names follow Envoy's official Rust SDK where the two coincide. Hooks take `&self`, as there since
//! Envoy 1.40.
//!
//! Four promises, whatever the release:
//!
//! * A panic in a hook never reaches Envoy. It is logged, the filter is dropped, and the stream is
//!   answered with 500 or reset.
//! * What may run other hooks or destroy the filter (answers, resets, resumption) is a value that the
//!   hook returns, and happens then. Afterwards the handle is inert.
//! * Each phase has a handle with the calls that Envoy survives there: what would crash a release is
//!   not offered, or refused.
//! * What is read from Envoy cannot be used after a change that may have moved it: the borrow
//!   checker sees to it.
//!
//! # Unwinding
//!
//! Hooks are `extern "C"`: a panic that left one would abort Envoy, by choice. None does, for each
//! hook has a guard, [`catch_unwind`](std::panic::catch_unwind). Callbacks are called as
//! `extern "C-unwind"`, so that an exception that one throws is defined behaviour: it runs the
//! destructors of the module's frames and meets the same guard. What then happens Rust leaves open
//! between two: the exception counts as a panic of the hook, or the process aborts. Rust 1.95 aborts,
//! with a message, as Envoy itself does with an exception that nobody catches.
//!
//! # A module
//!
//! ```
//! #![forbid(unsafe_code)]
//! use std::any::Any;
//!
//! use envoy_proxy_dynamic_modules_rust_sdk::{
//!     EnvoyHttpFilterConfig, EnvoyMetrics, EnvoyRequest, HttpFilter, HttpFilterConfig,
//!     HttpHeaderType, RequestFlow, RequestHeadersStatus, declare_init_functions, envoy_log_error,
//! };
//!
//! /// Sets `x-greeting` on every request.
//! struct Greeter {
//!     greeting: String,
//! }
//!
//! impl HttpFilterConfig for Greeter {
//!     fn new_http_filter(&self, _envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
//!         Box::new(Greeting(self.greeting.clone()))
//!     }
//! }
//!
//! struct Greeting(String);
//!
//! impl HttpFilter for Greeting {
//!     fn on_request_headers(
//!         &self,
//!         envoy: &mut EnvoyRequest,
//!         _end_of_stream: bool,
//!     ) -> RequestFlow<RequestHeadersStatus> {
//!         envoy.set_header(HttpHeaderType::RequestHeader, "x-greeting", self.0.as_bytes());
//!         RequestHeadersStatus::Continue.into()
//!     }
//! }
//!
//! fn init() -> bool {
//!     true
//! }
//!
//! fn new_http_filter_config(
//!     _envoy: &mut EnvoyHttpFilterConfig,
//!     name: &str,
//!     config: &[u8],
//! ) -> Option<Box<dyn HttpFilterConfig>> {
//!     let Ok(greeting) = String::from_utf8(config.to_vec()) else {
//!         envoy_log_error!("{name}: the greeting is not UTF-8");
//!         return None;
//!     };
//!     Some(Box::new(Greeter { greeting }))
//! }
//!
//! fn new_http_filter_per_route_config(
//!     _name: &str,
//!     _config: &[u8],
//! ) -> Option<Box<dyn Any + Send + Sync>> {
//!     None // not supported: a route that configures this filter is rejected
//! }
//!
//! declare_init_functions!(init, new_http_filter_config, new_http_filter_per_route_config);
//! ```
//!
//! Build it as a `cdylib` with `panic = "unwind"`.

pub mod abi;
mod attribute;
mod buffer;
mod callbacks;
mod deferred;
mod executable;
mod filter;
mod filter_config;
mod flow;
mod guard;
mod handle;
mod header_syntax;
#[doc(hidden)]
pub mod hooks;
mod host;
mod instance;
mod loading;
pub mod log;
mod message;
mod metrics;
#[doc(hidden)]
pub mod program;
mod route_config;

pub use abi::{
    HttpCalloutResult, HttpHeaderType, LocalReplyStatus, LogLevel, MetadataSource,
    RequestBodyStatus, RequestHeadersStatus, RequestTrailersStatus, ResponseBodyStatus,
    ResponseHeadersStatus, ResponseTrailersStatus, StreamResetReason,
};
pub use attribute::AttributeId;
pub use buffer::EnvoyBuffer;
#[doc(hidden)]
pub use callbacks::{Callbacks, Resolver};
pub use filter::{HttpFilter, HttpFilterConfig};
pub use filter_config::EnvoyHttpFilterConfig;
pub use flow::{
    EventFlow, HeldRequest, HeldResponse, LocalReply, RequestFlow, Reset, ResponseFlow,
    StreamedReply,
};
pub use handle::{
    EnvoyEvent, EnvoyHttpFilter, EnvoyHttpFilterScheduler, EnvoyMetrics, EnvoyOpenStream,
    EnvoyRequest, EnvoyResponse, HttpBody, HttpCalloutInitError, ReplyStream,
};
pub use host::{ABI_VERSION_VARIABLE, Host};
pub use loading::ALLOW_MISSING_CALLBACKS_VARIABLE;
#[doc(hidden)]
pub use loading::Process;
pub use metrics::{CounterId, GaugeId, HistogramId, MetricsError};
pub use route_config::RouteConfigError;

/// Makes a crate an Envoy module: defines the function that Envoy calls when it loads the shared
/// object. Use it once per shared object.
///
/// ```text
/// declare_init_functions!(init, new_http_filter_config, new_http_filter_per_route_config);
/// ```
///
/// - `init: fn() -> bool` runs once; false rejects the module.
/// - `new_http_filter_config: fn(&mut EnvoyHttpFilterConfig, &str, &[u8]) ->
///   Option<Box<dyn HttpFilterConfig>>` gets the filter's name and its configuration; `None`
///   rejects the configuration.
/// - `new_http_filter_per_route_config: fn(&str, &[u8]) -> Option<Box<dyn Any + Send + Sync>>`
///   likewise for a route; see [`EnvoyHttpFilter::most_specific_route_config`].
#[macro_export]
macro_rules! declare_init_functions {
    ($init:expr, $new_http_filter_config:expr, $new_http_filter_per_route_config:expr $(,)?) => {
        /// Initializes the module; called by Envoy.
        #[unsafe(no_mangle)]
        pub extern "C" fn envoy_dynamic_module_on_program_init() -> *const ::std::ffi::c_char {
            $crate::program::start($crate::program::Module {
                init: $init,
                new_http_filter_config: $new_http_filter_config,
                new_http_filter_per_route_config: $new_http_filter_per_route_config,
            })
        }
    };
}
