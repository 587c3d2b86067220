//! The commands of `rustformations`.

#![forbid(unsafe_code)]

mod check;
mod document;
mod envoy;
mod finding;
mod source;
mod text;
mod tree;

pub use check::{Check, judge};
pub use finding::Finding;
