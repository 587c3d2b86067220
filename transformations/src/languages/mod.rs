//! What values are made by: templates in Jinja, expressions in CEL, and what both can name and call.

pub(crate) mod cel;
mod compilation;
mod expressions;
mod extracted;
mod function;
pub mod functions;
pub(crate) mod jinja;

pub(crate) use compilation::{Compilation, extracted};
pub(crate) use expressions::{BodyCache, ExpressionId, Expressions, Phase, Seen, Values, spelled};
pub(crate) use extracted::{Extracted, FieldValue};
