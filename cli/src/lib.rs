//! The commands of `rustformations`.

#![forbid(unsafe_code)]

mod check;
mod completions;
mod convert;
mod denied;
mod document;
pub mod dry_run;
mod envoy;
mod eval;
mod explain;
mod file;
mod finding;
mod format;
mod functions;
mod gateway;
pub mod input;
mod junit;
mod manifest;
mod neighbour;
mod placed;
mod playground;
mod routes;
mod run;
mod schema;
mod settings;
mod source;
mod test;
mod text;
mod tree;

pub use check::{Check, judge};
pub use completions::Completions;
pub use convert::{Convert, filter_config};
pub use eval::Eval;
pub use explain::Explain;
pub use file::File;
pub use finding::Finding;
pub use functions::Functions;
pub use playground::Playground;
pub use run::Run;
pub use schema::Schema;
pub use test::Test;
