//! What the engine remembers of one request and its response.

use std::rc::Rc;

use crate::extract::{Content, Extracted, Reading};
use crate::headers::Snapshot;
use crate::ops::{Direction, TransformationOps};
use crate::patch::Events;
use crate::program::Program;
use crate::transform::Pass;

/// One request and its response.
#[derive(Debug, Default)]
pub struct Exchange {
    request: Option<Rc<Snapshot>>,
    /// A response to HEAD has no body, whatever its headers say.
    pub(crate) head: bool,
    /// The fields the request pass found, none before it has run; `None` when the program extracts
    /// nothing, and the name `extracted` is free for a body's member.
    pub(crate) extracted: Option<Extracted>,
    /// What the request's headers say of its body, as far as it matters.
    pub(crate) content: Content,
    /// The reading of the request's body, while it goes on.
    pub(crate) reading: Option<Reading>,
    /// The message for which the condition of its pass is known to hold.
    pub(crate) applies: Option<Direction>,
    /// What is done to the events of the response, and what is held of them.
    pub(crate) events: Option<Events>,
}

impl Exchange {
    /// Begins an exchange: to be called at the first callback, before anything is changed.
    ///
    /// Removes what the client sent in headers that the program itself sets from the body, so that
    /// nothing downstream of here, a template included, can take it for the program's.
    pub fn begin(program: &Program, ops: &mut dyn TransformationOps) -> Self {
        if let Some(pass) = program.pass(Direction::Request) {
            pass.extraction.remove_headers(ops);
        }
        let mut exchange = Self::default();
        exchange.change_program(program, ops);
        exchange
    }

    /// Goes on with another program: the route it belongs to was chosen after the exchange began.
    /// Its templates see the request's headers as they are now.
    pub fn change_program(&mut self, program: &Program, ops: &dyn TransformationOps) {
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

    /// How many bytes of the request's body were read that [`Pass::run`] has not seen at its end.
    pub fn bytes_read(&self) -> usize {
        self.reading.as_ref().map_or(0, Reading::bytes)
    }

    /// Whether there is still something to look for in the request's body.
    pub fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// The request's headers as they arrived; `None` when no template looks at any.
    pub(crate) fn request(&self) -> Option<Rc<Snapshot>> {
        self.request.clone()
    }
}
