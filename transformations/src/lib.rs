//! Reads HTTP messages, routes on what is in them and rewrites them: the engine of rustformations.
//!
//! Pure Rust, without Envoy and without I/O. A configuration becomes a [`Program`]; a host that
//! implements [`TransformationOps`] runs its passes:
//!
//! ```
//! use transformations::{Direction, Exchange, Extent, Program, TransformationOps};
//!
//! /// A request in memory; an extension author's host looks like this.
//! #[derive(Default)]
//! struct Request {
//!     headers: Vec<(String, Vec<u8>)>,
//!     body: Vec<u8>,
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
//!         vec![&self.body]
//!     }
//!     fn drain_body(&mut self, _: Direction, number_of_bytes: usize) -> bool {
//!         self.body.drain(..number_of_bytes);
//!         true
//!     }
//!     fn append_body(&mut self, _: Direction, data: &[u8]) -> bool {
//!         self.body.extend_from_slice(data);
//!         true
//!     }
//!     fn set_dynamic_metadata(&mut self, _: &str, _: &str, _: &str) -> bool {
//!         true
//!     }
//!     fn clear_route_cache(&mut self) -> bool {
//!         self.routed_again = true;
//!         true
//!     }
//! }
//!
//! let config = br#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
//! let program = Program::load(config)?.program;
//!
//! let mut request = Request {
//!     body: br#"{"messages": [], "model": "gpt-4o"}"#.to_vec(),
//!     ..Request::default()
//! };
//! let mut exchange = Exchange::begin(&program, &mut request);
//! let pass = program.pass(Direction::Request).expect("the program has a request pass");
//! let outcome = pass.run(&mut request, &mut exchange, Extent::Whole);
//!
//! assert_eq!(outcome.reply, None);
//! assert_eq!(request.header_values(Direction::Request, "x-gateway-model-name"), [b"gpt-4o"]);
//! assert!(request.routed_again);
//! # Ok::<(), transformations::ConfigErrors>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod acl;
mod cel;
mod charset;
mod coding;
pub mod config;
mod diagnostic;
mod engine;
mod exchange;
mod extract;
mod failure;
mod form;
pub mod functions;
mod glob;
mod headers;
mod jinja;
pub mod json;
mod limits;
mod multipart;
mod needs;
mod ops;
mod patch;
#[cfg(test)]
mod pieces;
#[cfg(test)]
mod processor;
mod program;
mod transform;

pub use diagnostic::{Code, ConfigErrors, Diagnostic, Position, Severity};
pub use engine::{Engine, Settings};
pub use exchange::Exchange;
pub use failure::{Failure, Outcome, Reason, Reply};
pub use limits::{HELD_BYTES, Limits};
pub use ops::{Attribute, AttributeValue, Direction, TransformationOps};
pub use program::{Loaded, Program, SharedProgram};
pub use transform::{Extent, Pass};
