//! One language for examples of behaviour, as `docs/cases.md` describes it.
//!
//! A [`Case`] is a configuration, an exchange and what comes of it. [`read`] reads files of them,
//! [`engine`] plays one in memory, and [`verdict`] compares what was seen with what is expected,
//! whoever played it.

#![forbid(unsafe_code)]

mod bytes;
mod case;
pub mod engine;
mod expect;
mod json;
mod matcher;
mod message;
pub mod read;
pub mod verdict;

pub use bytes::Bytes;
pub use case::{Case, Chain, Config, Route, Settings};
pub use expect::{Change, Expect, Pass, Reply, Said, Writes};
pub use json::JsonText;
pub use matcher::{Condition, Field, Matcher};
pub use message::{Answer, Fields, Message, Request};
