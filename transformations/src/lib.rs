//! Reads HTTP messages, routes on what is in them and rewrites them: the engine of rustformations.
//!
//! Pure Rust, without Envoy and without I/O. A configuration becomes a [`Program`]; a [`Session`] lives
//! through one exchange with it, hook by hook, and a [`Host`] holds the messages:
//!
//! ```
//! use std::sync::Arc;
//! use transformations::{
//!     Action, Direction, Host, MetadataValue, Program, Session, TransformationOps,
//! };
//!
//! /// A request in memory; an extension author's host looks like this.
//! #[derive(Default)]
//! struct Request {
//!     headers: Vec<(String, Vec<u8>)>,
//!     /// What the hook that runs has brought of the body.
//!     received: Vec<u8>,
//!     routed_again: bool,
//! }
//!
//! impl TransformationOps for Request {
//!     fn header_values(&self, _: Direction, name: &str) -> Vec<&[u8]> {
//!         let named = self.headers.iter().filter(|(other, _)| other == name);
//!         named.map(|(_, value)| value.as_slice()).collect()
//!     }
//!     fn headers(&self, _: Direction) -> Vec<(&[u8], &[u8])> {
//!         self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect()
//!     }
//!     fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
//!         self.remove_header(direction, name);
//!         self.add_header(direction, name, value)
//!     }
//!     fn add_header(&mut self, _: Direction, name: &str, value: &[u8]) -> bool {
//!         self.headers.push((name.to_owned(), value.to_vec()));
//!         true
//!     }
//!     fn remove_header(&mut self, _: Direction, name: &str) -> bool {
//!         self.headers.retain(|(other, _)| other != name);
//!         true
//!     }
//!     fn body_chunks(&self, _: Direction) -> Vec<&[u8]> {
//!         vec![&self.received]
//!     }
//!     fn drain_body(&mut self, _: Direction, number_of_bytes: usize) -> bool {
//!         self.received.drain(..number_of_bytes);
//!         true
//!     }
//!     fn append_body(&mut self, _: Direction, data: &[u8]) -> bool {
//!         self.received.extend_from_slice(data);
//!         true
//!     }
//!     fn set_dynamic_metadata(&mut self, _: &str, _: &str, _: MetadataValue<'_>) -> bool {
//!         true
//!     }
//!     fn clear_route_cache(&mut self) -> bool {
//!         self.routed_again = true;
//!         true
//!     }
//! }
//!
//! impl Host for Request {
//!     fn received_chunks(&self, _: Direction) -> Vec<&[u8]> {
//!         vec![&self.received]
//!     }
//!     fn replace_received(&mut self, _: Direction, data: &[u8]) -> bool {
//!         self.received = data.to_vec();
//!         true
//!     }
//! }
//!
//! let config = br#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
//! let mut session = Session::new(Arc::new(Program::load(config)?.program));
//!
//! let mut request = Request::default();
//! let held = session.on_headers(&mut request, Direction::Request, false);
//! assert!(matches!(held, Action::Hold(_)));
//!
//! request.received = br#"{"messages": [], "model": "gpt-4o"}"#.to_vec();
//! assert_eq!(session.on_body(&mut request, Direction::Request, true), Action::Continue);
//! assert_eq!(request.header_values(Direction::Request, "x-gateway-model-name"), [b"gpt-4o"]);
//! assert!(request.routed_again);
//! # Ok::<(), transformations::ConfigErrors>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod body;
mod bounds;
pub mod config;
mod edits;
mod extent;
mod failure;
mod fields;
mod glob;
mod headers;
mod languages;
pub mod metrics;
mod note;
mod ops;
mod pointer;
mod processor;
mod program;
mod rejection;
mod session;
mod settings;
#[cfg(feature = "testing")]
pub mod testing;

pub use bounds::{Bound, bounds};
pub use config::Limits;
pub use config::limits::HELD_BYTES;
pub use diagnostics::{Code, ConfigErrors, Diagnostic, Position, Severity, closest};
pub use failure::{Failure, Reason};
pub use fields::Usage;
pub use languages::functions;
pub use note::{Found, Note};
pub use ops::{
    Attribute, AttributeValue, Direction, KgatewayOps, MetadataSource, MetadataValue,
    TransformationOps,
};
pub use program::{BodyPlan, Engine, Loaded, Program, SharedProgram};
pub use rejection::Reply;
pub use session::{Action, Arrival, Chain, Hold, Host, RouteProgram, Session};
pub use settings::Settings;
