//! Envoy's dynamic-module ABI for HTTP filters in safe Rust: **one shared object for Envoy 1.36.3
//! to 1.40 and later**.
//!
//! A module implements [`HttpFilterConfig`], which makes the filter of each stream, and
//! [`HttpFilter`], whose hooks Envoy runs as the stream's messages arrive. Each hook is lent a handle
//! of the stream and returns what Envoy does next. [`migration`] has the names of Envoy's own Rust SDK
//! beside those here.
//!
//! # A filter
//!
//! It asks the cluster `keys` whether an API key may use the plan that the route names. The request
//! is held until the answer arrives.
//!
//! ```
//! #![forbid(unsafe_code)]
//! use std::any::Any;
//!
//! use envoy_proxy_dynamic_modules_rust_sdk::{
//!     EnvoyBuffer, EnvoyEvent, EnvoyHttpFilterConfig, EnvoyMetrics, EnvoyRequest, EventFlow,
//!     HttpCalloutResult, HttpFilter, HttpFilterConfig, HttpHeaderType, LocalReply, RequestFlow,
//!     RequestHeadersStatus, declare_init_functions, envoy_log_error,
//! };
//!
//! struct KeyCheck;
//!
//! /// The configuration of a route.
//! struct Plan(String);
//!
//! impl HttpFilterConfig for KeyCheck {
//!     fn new_http_filter(&self, _: &EnvoyMetrics) -> Box<dyn HttpFilter> {
//!         Box::new(KeyCheck)
//!     }
//! }
//!
//! impl HttpFilter for KeyCheck {
//!     fn on_request_headers(
//!         &self,
//!         envoy: &mut EnvoyRequest,
//!         _end_of_stream: bool,
//!     ) -> RequestFlow<RequestHeadersStatus> {
//!         let plan = match envoy.most_specific_route_config::<Plan>() {
//!             Ok(Some(plan)) => plan,
//!             Ok(None) => return RequestHeadersStatus::Continue.into(), // a route without a plan
//!             Err(error) => {
//!                 envoy_log_error!("{error}");
//!                 return RequestFlow::reply(LocalReply::new(500)); // its rule is not known
//!             }
//!         };
//!         let Some(key) = envoy.header(HttpHeaderType::RequestHeader, "x-api-key") else {
//!             return RequestFlow::reply(LocalReply::new(401).body("x-api-key is missing"));
//!         };
//!         let key = key.to_vec(); // it lives until the next call that may change the stream
//!         let path = format!("/plans/{}", plan.0);
//!         let headers: &[(&str, &[u8])] = &[
//!             (":method", b"GET"), (":path", path.as_bytes()), ("host", b"keys"), ("x-api-key", &key),
//!         ];
//!         match envoy.send_http_callout("keys", headers, b"", 500) {
//!             Ok(_id) => RequestHeadersStatus::StopAllIterationAndWatermark.into(),
//!             Err(error) => {
//!                 envoy_log_error!("{error}");
//!                 RequestFlow::reply(LocalReply::new(503))
//!             }
//!         }
//!     }
//!
//!     fn on_http_callout_done(
//!         &self,
//!         envoy: &mut EnvoyEvent,
//!         _id: u64,
//!         _result: HttpCalloutResult,
//!         headers: &[(EnvoyBuffer<'_>, EnvoyBuffer<'_>)],
//!         _body: &[EnvoyBuffer<'_>],
//!     ) -> EventFlow {
//!         let granted = (b":status".as_slice(), b"200".as_slice());
//!         if !headers.iter().any(|(name, value)| (&**name, &**value) == granted) {
//!             return EventFlow::reply(LocalReply::new(403));
//!         }
//!         envoy.held_request().map_or(EventFlow::Wait, EventFlow::ContinueRequest)
//!     }
//! }
//!
//! fn new_http_filter_config(
//!     _: &mut EnvoyHttpFilterConfig,
//!     _name: &str,
//!     _config: &[u8],
//! ) -> Option<Box<dyn HttpFilterConfig>> {
//!     Some(Box::new(KeyCheck))
//! }
//!
//! fn new_route_config(name: &str, config: &[u8]) -> Option<Box<dyn Any + Send + Sync>> {
//!     let Ok(plan) = std::str::from_utf8(config) else {
//!         envoy_log_error!("{name}: the plan is not UTF-8");
//!         return None; // Envoy refuses the route
//!     };
//!     Some(Box::new(Plan(plan.to_owned())))
//! }
//!
//! declare_init_functions!(|| true, new_http_filter_config, new_route_config);
//! # use envoy_fake_host::{FakeHost, FakeRouteConfig, Generation, Module};
//! # fn main() {
//! #     for generation in Generation::ALL {
//! #         let module = Module {
//! #             init: || true,
//! #             new_http_filter_config,
//! #             new_http_filter_per_route_config: new_route_config,
//! #         };
//! #         let host = FakeHost::new(generation, module);
//! #         let config = host.filter_config("key-check", b"").unwrap();
//! #         assert!(host.route_config("key-check", b"\xff").is_none());
//! #         let route = host.route_config("key-check", b"gold").unwrap();
//! #         let begin = |route: Option<&FakeRouteConfig>, headers: &[(&str, &str)]| {
//! #             let stream = config.stream();
//! #             stream.set_route_config(route);
//! #             stream.request_headers(headers, true);
//! #             stream
//! #         };
//! #         let key: &[(&str, &str)] = &[("x-api-key", "k")];
//! #         let status = |stream: &envoy_fake_host::FakeStream| {
//! #             stream.local_replies().iter().map(|reply| reply.status).collect::<Vec<_>>()
//! #         };
//! #         assert_eq!(status(&begin(Some(&route), &[])), [401]);
//! #         let stream = begin(None, &[]);
//! #         assert!(stream.upstream().header("x-api-key").is_none() && status(&stream).is_empty());
//! #         let foreign = FakeRouteConfig::of_another_module(module.init as *const _);
//! #         assert_eq!(status(&begin(Some(&foreign), key)), [500]);
//! #         for (answer, replies) in [("200", &[][..]), ("404", &[403])] {
//! #             let stream = begin(Some(&route), key);
//! #             assert_eq!(stream.upstream().header("x-api-key"), None, "it is held");
//! #             let callout = stream.callouts().pop().unwrap();
//! #             assert_eq!(callout.headers.value(":path"), Some("/plans/gold"));
//! #             let (success, headers) = (HttpCalloutResult::Success, [(":status", answer)]);
//! #             stream.finish_callout(callout.id, success, &headers, &[]);
//! #             assert_eq!(status(&stream), replies, "{generation:?}");
//! #             let passed = stream.upstream().header("x-api-key").is_some();
//! #             assert_eq!(passed, answer == "200");
//! #         }
//! #     }
//! # }
//! ```
//!
//! Build it as a `cdylib` with `panic = "unwind"`. A configuration of Envoy names the shared object,
//! `libNAME.so`, as `dynamic_module_config: {name: NAME, do_not_close: true}`.
//!
//! # What each phase offers
//!
//! | hook | handle | it adds | the hook returns |
//! |---|---|---|---|
//! | `new_http_filter` | [`&EnvoyMetrics`](EnvoyMetrics) | metrics, the host's release | the filter |
//! | `on_request_headers`, `_body`, `_trailers` | [`EnvoyRequest`] | callouts and a scheduler; the choice of the route | [`RequestFlow`]: a status, a whole answer, the beginning of one, a reset |
//! | `on_response_headers`, `_body`, `_trailers` | [`EnvoyResponse`] | a scheduler | [`ResponseFlow`]: a status, an answer in place of the response, a reset |
//! | `on_scheduled`, `on_http_callout_done` | [`EnvoyEvent`] | callouts and a scheduler; the choice of the route; what is held; the rest of an answer | [`EventFlow`]: as a request hook, or resume what is held, or wait |
//! | `on_local_reply` | [`EnvoyHttpFilter`] | nothing | [`LocalReplyStatus`] |
//! | `on_stream_complete` | [`EnvoyHttpFilter`] | nothing | nothing |
//! | `on_downstream_…_watermark` | [`&EnvoyMetrics`](EnvoyMetrics) | metrics, the host's release | nothing |
//! | `on_panic` | [`EnvoyMetrics`] | metrics, the host's release; [`as_attached`](EnvoyMetrics::as_attached) | nothing |
//!
//! [`EnvoyHttpFilter`] has what Envoy takes in every hook of an attached stream: headers and
//! trailers, bodies, metadata, filter state, attributes, the route's configuration, flags and span
//! tags. The handles of messages and events deref to it, by way of [`EnvoyOpenStream`], and it derefs
//! to [`EnvoyMetrics`]. Code that serves several phases takes `&mut EnvoyHttpFilter`.
//!
//! What a handle or a flow leaves out, some release of Envoy does not survive there:
//!
//! | what | where | releases |
//! |---|---|---|
//! | anything but metrics | while Envoy makes the filter; watermark hooks before the request | not tried |
//! | an answer, a reset or a resumption inside the hook, which runs other hooks or destroys the filter | response hooks, events | up to 1.39; all in the response's trailers |
//! | the beginning of an answer | where a response is on its way | all |
//! | an answer without a final status | everywhere | all |
//! | resuming a response | before there is one | all |
//! | a callout | in response hooks, within the end of another callout, and when the stream is complete | all |
//! | choosing the route again | in a cluster's chain | up to 1.38 |
//! | the beginning of an answer | in a cluster's chain | all |
//! | a reset that refuses the request | once a host was chosen | from 1.38 on |
//! | a reset in place of Envoy's own answer | once there is a response | from 1.38 on |
//! | the end of a body that the filter adds to headers that end their message | while all iteration is stopped | lost by all |
//! | the addresses of the downstream connection | where there is none, as in a mirrored request | up to 1.39 |
//! | a scheduler | in a thread that outlives the stream while Envoy exits | 1.36, 1.37 |
//! | another module's route configuration | everywhere | all |
//!
//! The types exclude most of these. What depends on the stream's state is refused at run time: the
//! call returns `None` or `false`, or the stream is reset with an error in the log.
//!
//! # What is held, and for how long
//!
//! * **A message** is held from the hook that stops it to the hook of a later part that continues it,
//!   or to an event that returns [`EventFlow::ContinueRequest`] or [`EventFlow::ContinueResponse`].
//!   After a stop of all iteration no hook of that message runs before such an event; the hooks of
//!   its body and trailers run inside the resumption. Nothing else resumes it: a filter that waits
//!   for ever leaves the stream to Envoy's timeouts.
//! * **A body** that is held is in Envoy's memory, up to [`EnvoyMetrics::buffer_limit`] bytes.
//!   Over it, "and buffer" gets 413 or 500, and "and watermark" stops reading until the message
//!   continues. [`StopIterationNoBuffer`](RequestBodyStatus::StopIterationNoBuffer) holds nothing: the
//!   module keeps what it needs.
//! * **What is read** from Envoy lives until the next call on the handle that takes `&mut self`. What
//!   a hook gets as an argument lives as long as the hook.
//! * **A handle** is lent for one hook. Envoy may destroy its filter meanwhile, because another filter
//!   answered inside a call on the handle; every method does nothing from then on.
//! * **The filter** lives until Envoy destroys the stream and no hook of it runs. A panic ends it
//!   earlier.
//! * **A callout** ends with its stream: its hook does not run any more. So does a scheduler: what is
//!   committed later does nothing.
//! * **A route's configuration** is an [`Arc`](std::sync::Arc): it outlives the route that Envoy
//!   replaces.
//! * **An answer** that is whole, or a reset, ends the filter's say: of several the first counts.
//!
//! # Promises
//!
//! Whatever the release:
//!
//! * A panic in a hook never reaches Envoy. It is logged, the filter is dropped, and the stream is
//!   answered with 500 or reset. [`HttpFilter`] has the details.
//! * What may run other hooks or destroy the filter (answers, resets, resumption) is a value that the
//!   hook returns, and happens when no hook of the filter is on the stack.
//! * Each phase has a handle with the calls that Envoy survives there: what would crash a release is
//!   not offered, or refused.
//! * What is read from Envoy cannot be used after a change that may have moved it: the borrow
//!   checker sees to it.
//! * No header goes to Envoy whose name or value is not valid in HTTP: a line break in a value cannot
//!   become a header.
//! * The configuration of a route that another module or another filter made is never followed: it is
//!   a [`RouteConfigError`].
//! * A host that lacks what its release should have is refused, see below.
//!
//! # Releases
//!
//! Callbacks are looked up by name when Envoy loads the module. A feature that came with a later
//! release is missing in an older one: the call returns `None` or `false`, as its documentation
//! mentions, and [`Host`] has the release. A host that lacks what its
//! release should have is refused, with the names in Envoy's log. So is every configuration after
//! that: Envoy keeps a module that was refused. [`ALLOW_MISSING_CALLBACKS_VARIABLE`] and
//! [`ABI_VERSION_VARIABLE`] are the ways out.
//!
//! # Unwinding
//!
//! Hooks are `extern "C"`: a panic that left one would abort Envoy, by choice. None does, for each
//! hook has a guard, [`catch_unwind`](std::panic::catch_unwind). Callbacks are called as
//! `extern "C-unwind"`, so that an exception that one throws is defined behaviour: it runs the
//! destructors of the module's frames and meets the same guard. What then happens Rust leaves open
//! between two: the exception counts as a panic of the hook, or the process aborts. Rust 1.95 aborts,
//! with a message, as Envoy itself does with an exception that nobody catches.

pub mod abi;
mod attribute;
mod buffer;
mod callbacks;
mod deferred;
mod executable;
mod filter;
mod filter_config;
mod flow;
mod grpc;
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
#[doc = include_str!("../MIGRATION.md")]
pub mod migration {}
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
    EnvoyClient, EnvoyEvent, EnvoyHttpFilter, EnvoyHttpFilterScheduler, EnvoyMetrics,
    EnvoyOpenStream, EnvoyRequest, EnvoyResponse, HttpBody, HttpCalloutInitError, ReplyStream,
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
/// - `init: fn() -> bool` runs once, when Envoy loads the module. False rejects the module, and every
///   configuration that Envoy tries with it later.
/// - `new_http_filter_config: fn(&mut EnvoyHttpFilterConfig, &str, &[u8]) ->
///   Option<Box<dyn HttpFilterConfig>>` gets the filter's name and its configuration; `None`
///   rejects the configuration.
/// - `new_http_filter_per_route_config: fn(&str, &[u8]) -> Option<Box<dyn Any + Send + Sync>>`
///   likewise for a route; see [`EnvoyHttpFilter::most_specific_route_config`]. A module without such
///   configurations returns `None`.
///
/// A panic in any of them rejects what Envoy was about to load.
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
