//! What the engine remembers of one request and its response, whatever state they are in.

use std::rc::Rc;

use crate::extract::{Content, Extracted};
use crate::headers::Snapshot;
use crate::ops::{Direction, TransformationOps};
use crate::program::Program;
use crate::transform::Pass;

/// One request and its response.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    request: Option<Rc<Snapshot>>,
    /// A response to HEAD has no body, whatever its headers say.
    pub(crate) head: bool,
    /// The fields the request pass found, none before it has run; `None` when the program extracts
    /// nothing, and the name `extracted` is free for a body's member.
    pub(crate) extracted: Option<Extracted>,
    /// What the request's headers say of its body, as far as it matters.
    pub(crate) content: Content,
}

impl Exchange {
    /// Begins with a program, or goes on with that of a route which was chosen later. Its templates
    /// see the request's headers as they are now; what a client forged is gone.
    pub(crate) fn change_program(&mut self, program: &Program, ops: &dyn TransformationOps) {
        if let Some(pass) = program.pass(Direction::Request)
            && !pass.extraction.is_empty()
        {
            self.extracted.get_or_insert_default();
            self.content = pass.extraction.content(ops);
        }
        if program
            .pass(Direction::Response)
            .is_some_and(Pass::replaces_body)
        {
            self.head = ops.header_values(Direction::Request, ":method") == [b"HEAD"];
        }
        let needed = program.request_headers();
        if !needed.is_empty() {
            let headers = Snapshot::take(ops, Direction::Request, needed);
            self.request = Some(Rc::new(headers));
        }
    }

    /// The request's headers as they arrived; `None` when no template looks at any.
    pub(crate) fn request(&self) -> Option<Rc<Snapshot>> {
        self.request.clone()
    }
}
