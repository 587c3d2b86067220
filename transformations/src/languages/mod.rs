//! What values are made by: templates in Jinja, expressions in CEL, and what both can name and call.

pub(crate) mod cel;
mod compilation;
mod expressions;
mod extracted;
mod function;
pub mod functions;
pub(crate) mod jinja;
mod query;

pub(crate) use compilation::{Compilation, NamedBy, NamedField, extracted};
pub(crate) use expressions::{BodyCache, ExpressionId, Expressions, Phase, Seen, Values};
pub(crate) use extracted::Extracted;
