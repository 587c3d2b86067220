//! One pass over one message, in the order that kgateway fixed:
//! extract, body or patch, `set`, `add`, `remove`, `dynamicMetadata`, route cache.

mod pass;
mod run;
mod view;

pub(crate) use pass::{Body, Header, Metadata};
pub use pass::{Extent, Pass};
