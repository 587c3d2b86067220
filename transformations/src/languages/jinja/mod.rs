//! Jinja templates: kgateway's dialect, compiled once.
//!
//! The engine is minijinja in the release kgateway locks; its functions are in [`functions`].

pub(crate) mod bounds;
pub(crate) mod constants;
mod document;
mod environment;
pub(crate) mod filters;
mod functions;
mod instead;
pub(crate) mod memory;
mod needs;
mod operators;
mod order;
mod predicates;
mod reading;
mod rewrite;
mod scope;
mod slices;
mod template;
pub(crate) mod unescaped;
mod usage;

use diagnostics::Position;
use minijinja::machinery::Span;

pub(crate) use document::document;
pub(crate) use environment::{FILTERS, FUNCTIONS, TESTS, environment, with_templates};
pub(crate) use functions::FAMILIES as FUNCTION_FAMILIES;
pub(crate) use instead::of_name as instead_of_name;
pub(crate) use needs::HeaderNeeds;
pub(crate) use scope::{Scope, Variables};
pub(crate) use template::{RenderError, Template};

/// Where a part of a template begins.
fn beginning(span: Span) -> Position {
    Position {
        line: span.start_line.into(),
        column: usize::from(span.start_col).saturating_add(1),
    }
}

#[cfg(test)]
mod costs;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod ordinary;
