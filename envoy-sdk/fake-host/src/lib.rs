//! Envoy's side of the dynamic-module ABI, in Rust: tests play streams through a module without an
//! Envoy, in any release from 1.36.3 on, in parallel, and under Miri.
//!
//! ```
//! # use envoy_proxy_dynamic_modules_rust_sdk as sdk;
//! # use std::any::Any;
//! # struct Config;
//! # impl sdk::HttpFilterConfig for Config {
//! #     fn new_http_filter(&self, _: &sdk::EnvoyMetrics) -> Box<dyn sdk::HttpFilter> {
//! #         Box::new(Filter)
//! #     }
//! # }
//! # struct Filter;
//! # impl sdk::HttpFilter for Filter {}
//! # fn init() -> bool { true }
//! # fn new_http_filter_config(_: &mut sdk::EnvoyHttpFilterConfig, _: &str, _: &[u8])
//! #     -> Option<Box<dyn sdk::HttpFilterConfig>> { Some(Box::new(Config)) }
//! # fn new_http_filter_per_route_config(_: &str, _: &[u8])
//! #     -> Option<Box<dyn Any + Send + Sync>> { None }
//! use envoy_fake_host::{FakeHost, Generation, Module};
//!
//! let module = Module { init, new_http_filter_config, new_http_filter_per_route_config };
//! let host = FakeHost::new(Generation::V1_38, module);
//! let config = host.filter_config("my-filter", b"{}").expect("accepted");
//! let stream = config.stream();
//! stream.request_headers(&[(":method", "POST"), (":path", "/")], false);
//! stream.request_body(b"hello", true);
//! assert_eq!(stream.upstream().body(), b"hello");
//! ```
//!
//! Streams follow Envoy's filter manager for one filter: what is held, when it is passed on, where
//! the last frame of a body is, which calls run hooks or destroy the filter before they return, and
//! the faults of older releases. A callback on a destroyed filter, which crashes Envoy, fails the
//! test.

// A host that meets the impossible fails the test that uses it.
#![allow(clippy::panic)]

mod build;
mod callbacks;
mod generation;
mod host;
mod log;
mod message;
mod metrics;
mod stream;

pub use build::Build;
pub use envoy_proxy_dynamic_modules_rust_sdk::program::Module;
pub use generation::Generation;
pub use host::{FakeFilterConfig, FakeHost, FakeRouteConfig};
pub use message::{Callout, HeaderMap, LocalReply, Message, MetadataValue};
pub use stream::FakeStream;
