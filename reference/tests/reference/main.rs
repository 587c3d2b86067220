//! What users look up is true: the schemas, the pages, and the tests that they name.
#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod attacks;
mod documents;
mod examples;
mod links;
mod pages;
mod promises;
mod schemas;
mod variables;
