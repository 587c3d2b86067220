//! One language for examples of behaviour, as `docs/cases.md` describes it.
//!
//! A [`Case`] is a configuration, an exchange and what comes of it. [`read`] reads files of them,
//! [`engine`] plays one in memory, and [`verdict`] compares what was seen with what is expected,
//! whoever played it.

#![forbid(unsafe_code)]

mod bytes;
mod case;
mod chain;
mod config;
pub mod engine;
mod expect;
mod json;
mod matcher;
mod message;
mod multipart;
pub mod read;
pub mod scalar;
pub mod verdict;
mod yaml;

pub use bytes::Bytes;
pub use case::{Case, Filter, Reader, Route, Settings};
pub use chain::{Chain, Neighbour};
pub use config::{Config, Reference};
pub use expect::{Callback, Change, Expect, Pass, Passage, Passages, Reply, Said, Write, Writes};
pub use json::JsonText;
pub use matcher::{Condition, Field, Matcher};
pub use message::{Answer, Body, Fields, Message, Piece, Request};
pub use multipart::PartMatcher;
