//! A compiled configuration: everything compiled once, shared by all streams.

mod cluster;
mod compiler;
mod engine;
mod pass;
mod shared;
mod streaming;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use engine::Engine;
pub(crate) use pass::{Pass, Turn};
pub(crate) use shared::InUse;
pub use shared::SharedProgram;

use diagnostics::{ConfigErrors, Diagnostic, Severity};

use crate::config::{self, ErrorFormat, Limits};
use crate::headers::HeaderNames;
use crate::metrics::Meters;
use crate::ops::{Direction, TransformationOps};
use crate::settings::Settings;

/// A compiled configuration, shared by all streams.
#[derive(Debug, Default)]
pub struct Program {
    request: Option<Pass>,
    response: Option<Pass>,
    request_headers: HeaderNames,
    /// The headers that the request pass sets and a route is chosen by: what it extracts, and what
    /// it sets of those that the settings name.
    own_headers: Vec<String>,
    /// Whether the usage of every answer is read, though no field asks for it.
    counts_usage: bool,
    /// Whether an expression asks which attempt this is.
    counts_attempts: bool,
    limits: Limits,
    /// As it is written.
    error_format: Option<ErrorFormat>,
    /// Whether the request's pass may change the path.
    changes_path: bool,
    settings: Arc<Settings>,
    /// What is measured of the requests of a listener with this program.
    meters: Option<Arc<Meters>>,
    /// Whether the configuration says so itself.
    has_metrics: bool,
}

/// A program, and what its author should know.
#[derive(Debug)]
pub struct Loaded {
    /// The program.
    pub program: Program,
    /// Warnings: nothing here refuses the configuration.
    pub warnings: Vec<Diagnostic>,
    /// What is as it is written, and may surprise.
    pub notes: Vec<Diagnostic>,
}

/// What becomes of a body, as far as the configuration says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPlan {
    /// It passes unread.
    Passes,
    /// It is read as it passes.
    Read,
    /// JSON is held to its end and edited. Events and lines are edited one by one as they pass.
    Edited,
    /// It is held until its fields are known, and read on as it passes.
    HeldUntilKnown,
    /// It is held to its end.
    Held,
}

/// Reads and compiles a configuration for `engine`.
pub(crate) fn load(engine: &Engine, text: &[u8]) -> Result<Loaded, ConfigErrors> {
    let (program, diagnostics) =
        config::load(text).compile(|config| compiler::compile(engine, config))?;
    let is_note = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Note;
    let (notes, warnings) = diagnostics.into_iter().partition(is_note);
    Ok(Loaded {
        program,
        warnings,
        notes,
    })
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

    /// Has the usage of every answer read, on every route of the listener, though no field asks for it:
    /// [`Session::usage`](crate::Session::usage) reports it.
    pub fn count_usage(&mut self) {
        self.counts_usage = true;
    }

    /// Whether the usage of every answer is read.
    pub(crate) fn counts_usage(&self) -> bool {
        self.counts_usage || self.meters.is_some()
    }

    /// Whether the attempts to send a request are counted, in a cluster's chain.
    pub(crate) fn counts_attempts(&self) -> bool {
        self.counts_attempts
    }

    /// The bounds on what one message may cost.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The shape of the errors that it answers with, if the configuration names one.
    pub(crate) fn error_format(&self) -> Option<ErrorFormat> {
        self.error_format
    }

    /// Whether the path that a client sent may be another one after the request's pass.
    pub(crate) fn changes_path(&self) -> bool {
        self.changes_path
    }

    /// What to do to one message; `None`: nothing.
    pub(crate) fn pass(&self, direction: Direction) -> Option<&Pass> {
        match direction {
            Direction::Request => self.request.as_ref(),
            Direction::Response => self.response.as_ref(),
        }
    }

    /// What is measured of the requests of a listener with this program; `None`: nothing.
    pub fn meters(&self) -> Option<&Arc<Meters>> {
        self.meters.as_ref()
    }

    /// Whether the configuration has the key `metrics`.
    pub fn has_metrics(&self) -> bool {
        self.has_metrics
    }

    /// Removes what the client sent in headers that this program sets and a route is chosen by;
    /// whether there was any.
    pub(crate) fn remove_own_headers(&self, ops: &mut dyn TransformationOps) -> bool {
        remove(self.own_headers.iter().map(String::as_str), ops)
    }

    /// The request headers that this program sets and a route is chosen by.
    pub(crate) fn own_headers(&self) -> impl Iterator<Item = &str> {
        self.own_headers.iter().map(String::as_str)
    }

    /// As [`remove_own_headers`](Self::remove_own_headers), after a pass of `before`: what that may
    /// have set stays.
    pub(crate) fn remove_own_headers_but(
        &self,
        before: &Program,
        ops: &mut dyn TransformationOps,
    ) -> bool {
        let set = |name: &&str| before.changed_headers().any(|changed| changed == *name);
        let own = self.own_headers.iter().map(String::as_str);
        remove(own.filter(|name| !set(name)), ops)
    }

    /// Removes what the client sent in headers that decide the route by the process's settings;
    /// whether there was any.
    pub(crate) fn remove_routing_headers(&self, ops: &mut dyn TransformationOps) -> bool {
        let deciding = self.settings.routing_headers.iter();
        remove(deciding.map(String::as_str), ops)
    }

    /// The request headers that the program may change, by their names.
    pub(crate) fn changed_headers(&self) -> impl Iterator<Item = &str> {
        let own = self.own_headers.iter().map(String::as_str);
        own.chain(self.request.iter().flat_map(Pass::changed_headers))
    }

    /// The request headers that a field is put in, and that a request goes on without when the field is invalid.
    pub fn unsure_headers(&self) -> impl Iterator<Item = &str> {
        let pass = self.request.iter();
        pass.flat_map(|pass| pass.extraction.unsure_headers())
    }

    /// The request headers that a pattern of the program removes, of those the request has.
    pub(crate) fn matched_headers(&self, ops: &dyn TransformationOps) -> Vec<String> {
        let remove = self.request.as_ref().map(|pass| &pass.edits.remove);
        remove.map_or_else(Vec::new, |remove| remove.matched(ops, Direction::Request))
    }

    /// Whether the program does nothing to any message.
    pub fn is_empty(&self) -> bool {
        self.request.is_none() && self.response.is_none()
    }

    /// Whether the body of a message is read.
    pub fn reads_body(&self, direction: Direction) -> bool {
        let pass = self.pass(direction);
        pass.is_some_and(|pass| pass.reads_body(Turn::First))
    }

    /// What becomes of the body of a message.
    pub fn body_plan(&self, direction: Direction) -> BodyPlan {
        let Some(pass) = self.pass(direction) else {
            return BodyPlan::Passes;
        };
        let reads_answer = direction == Direction::Response && pass.extraction.reads_body();
        match () {
            () if pass.streams(Turn::First) => BodyPlan::HeldUntilKnown,
            () if pass.only_patches() => BodyPlan::Edited,
            () if pass.reads_body(Turn::First) => BodyPlan::Held,
            () if reads_answer => BodyPlan::Read,
            () => BodyPlan::Passes,
        }
    }

    /// The request headers that templates of either direction may look at.
    pub(crate) fn request_headers(&self) -> &HeaderNames {
        &self.request_headers
    }
}

/// Removes request headers; whether there was any.
fn remove<'n>(names: impl Iterator<Item = &'n str>, ops: &mut dyn TransformationOps) -> bool {
    let mut found = false;
    for name in names {
        if ops.first_header_value(Direction::Request, name).is_some() {
            found = true;
            ops.remove_header(Direction::Request, name);
        }
    }
    found
}
