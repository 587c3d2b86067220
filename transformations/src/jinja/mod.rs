//! Jinja templates: kgateway's dialect, compiled once.
//!
//! The engine is minijinja in the release kgateway locks; its functions are in [`functions`].

mod environment;
mod functions;
mod scope;
mod template;
mod usage;

pub(crate) use environment::environment;
pub(crate) use scope::{Scope, Variables};
pub(crate) use template::{RenderError, Template};
