//! A compiled configuration: everything compiled once, shared by all streams.

mod compiler;
mod expressions;
mod shared;
mod streaming;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use expressions::Compilation;
pub(crate) use shared::InUse;
pub use shared::SharedProgram;

use crate::config;
use crate::diagnostic::{ConfigErrors, Diagnostic};
use crate::engine::{Engine, Settings};
use crate::needs::Headers;
use crate::ops::{Direction, TransformationOps};
use crate::transform::Pass;

/// A compiled configuration, shared by all streams.
#[derive(Debug, Default)]
pub struct Program {
    request: Option<Pass>,
    response: Option<Pass>,
    request_headers: Headers,
    settings: Arc<Settings>,
}

/// A program, and what its author should know.
#[derive(Debug)]
pub struct Loaded {
    /// The program.
    pub program: Program,
    /// Warnings: nothing here refuses the configuration.
    pub warnings: Vec<Diagnostic>,
}

/// Reads and compiles a configuration for `engine`.
pub(crate) fn load(engine: &Engine, text: &[u8]) -> Result<Loaded, ConfigErrors> {
    let (program, warnings) =
        config::load(text).compile(|config| compiler::compile(engine, config))?;
    Ok(Loaded { program, warnings })
}

impl Program {
    /// Reads and compiles a configuration with the default settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn load(text: &[u8]) -> Result<Loaded, ConfigErrors> {
        Engine::default().load(text)
    }

    /// What to do to one message; `None`: nothing.
    pub fn pass(&self, direction: Direction) -> Option<&Pass> {
        match direction {
            Direction::Request => self.request.as_ref(),
            Direction::Response => self.response.as_ref(),
        }
    }

    /// Removes what the client sent in headers that the program sets from the body, or that decide
    /// the route by the process's settings; whether there was any.
    pub fn remove_forged_headers(&self, ops: &mut dyn TransformationOps) -> bool {
        let extracted = self
            .request
            .iter()
            .flat_map(|pass| pass.extraction.headers());
        let deciding = self.settings.routing_headers.iter().map(String::as_str);
        let mut forged = false;
        for header in extracted.chain(deciding) {
            if !ops.header_values(Direction::Request, header).is_empty() {
                forged = true;
                ops.remove_request_header(header);
            }
        }
        forged
    }

    /// Whether the program does nothing to any message.
    pub fn is_empty(&self) -> bool {
        self.request.is_none() && self.response.is_none()
    }

    /// Whether a message has to be held until its body has arrived.
    pub fn reads_body(&self) -> bool {
        let passes = [&self.request, &self.response];
        passes.into_iter().flatten().any(Pass::reads_body)
    }

    /// The request headers that templates of either direction may look at.
    pub(crate) fn request_headers(&self) -> &Headers {
        &self.request_headers
    }
}
