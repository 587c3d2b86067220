//! What values are made by: templates in Jinja, expressions in CEL, and what both can name and call.

pub(crate) mod cel;
mod compilation;
mod document;
mod expressions;
mod extracted;
mod function;
pub mod functions;
pub(crate) mod jinja;
mod query;
mod sought;

pub(crate) use compilation::{Compilation, NamedBy, NamedField, extracted};
pub(crate) use document::Document;
pub(crate) use expressions::{
    BodyCache, ExpressionId, Expressions, Failed, Phase, Seen, Values, spelled,
};
pub(crate) use extracted::{Extracted, FieldTypes, FieldValue};
