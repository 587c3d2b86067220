//! Runs the module inside a real Envoy, between a recording upstream and a client that controls every
//! chunk it sends.
//!
//! ```no_run
//! use harness::{Bootstrap, Envoy, EnvoyRelease, Module, Request, Route, Upstream};
//! use serde_json::json;
//!
//! # async fn example() -> anyhow::Result<()> {
//! let small = Upstream::named("small").await?;
//! let bootstrap = Bootstrap::new()
//!     .filter(json!({"request": {"extract": [{"name": "model", "header": "x-model"}]}}))
//!     .cluster("small", small.address())
//!     .route(Route::to("small").header("x-model", "small"));
//!
//! let release = EnvoyRelease::DEFAULT;
//! let envoy = Envoy::start(release, Module::release()?, bootstrap.build(release)).await?;
//! let response = Request::post("/").json(&json!({"model": "small"})).send(envoy.address().await?).await?;
//! assert_eq!(response.headers.value("x-served-by").as_deref(), Some("small"));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod answer;
mod bootstrap;
mod client;
mod cluster;
mod example;
mod filter;
mod frames;
mod headers;
mod incoming;
mod kubectl;
mod launch;
mod mock_llm;
mod outgoing;
mod process;
pub mod protobuf;
mod rate_limit;
mod raw;
mod response;
mod scripted;
mod tunnel;
mod upstream;

pub use artifacts::{EnvoyRelease, Module, cargo, workspace};

pub use answer::{Answer, AnswerStream};
pub use bootstrap::{Bootstrap, Route};
pub use client::{BodyWriter, Connection, Protocol, Request, post_json};
pub use cluster::{Cluster, NOBODY};
pub use example::Example;
pub use filter::{Filter, FilterConfig};
pub use frames::{END_HEADERS, END_STREAM, FrameConnection, FrameType, StreamEnd, fields, frame};
pub use headers::Headers;
pub use incoming::Chunk;
pub use kubectl::{Manifests, Object};
pub use launch::{Launch, Validation};
pub use process::Envoy;
pub use rate_limit::RateLimitService;
pub use raw::RawConnection;
pub use response::{PendingResponse, Response, ResponseStream};
pub use scripted::{Script, ScriptedUpstream};
pub use upstream::{End, RecordedRequest, Upstream};
