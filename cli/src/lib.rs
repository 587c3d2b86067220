//! The commands of `rustformations`.

#![forbid(unsafe_code)]

mod check;
mod denied;
mod document;
mod envoy;
mod finding;
mod schema;
mod source;
mod text;
mod tree;

pub use check::{Check, judge};
pub use finding::Finding;
pub use schema::Schema;
