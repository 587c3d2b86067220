//! What users look up, made of the code, so that it is true: the JSON Schemas of the configurations, and
//! the pages of keys, limits, variables and diagnostics.
//!
//! A doc comment of a configuration's type is what its key's section reads. A comment ends with
//! ``Example: `…` ``: a whole configuration, in YAML, that uses the key.

#![forbid(unsafe_code)]

mod configuration;
mod diagnosed;
mod example;
mod keys;
mod pages;
mod schema;
pub mod since;
pub mod variables;

pub use example::Example;
pub use keys::{Absence, Key, keys};
pub use pages::{PAGES, Page};
pub use schema::{Filter, schema, text};
