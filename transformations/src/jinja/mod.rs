//! Jinja templates: kgateway's dialect, compiled once.
//!
//! The engine is minijinja in the release kgateway locks; its functions are in [`functions`].

mod bounds;
mod code;
mod environment;
mod filters;
mod functions;
mod memory;
mod operators;
mod scope;
mod template;
mod usage;

pub(crate) use environment::{FILTERS, FUNCTIONS, environment, with_templates};
pub(crate) use functions::FAMILIES as FUNCTION_FAMILIES;
pub(crate) use scope::{Scope, Variables};
pub(crate) use template::{RenderError, Template};
