//! What the engine remembers of one request and its response, whatever state they are in.

use std::rc::Rc;

use super::answer::Account;
use crate::fields::{Content, Usage};
use crate::headers::Snapshot;
use crate::languages::Extracted;
use crate::ops::{Direction, TransformationOps};
use crate::program::{Program, Turn};
use crate::rejection::Api;

/// One request and its response.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The request's headers as they arrived; `None` when no template looks at any.
    pub(super) request: Option<Rc<Snapshot>>,
    /// A response to HEAD has no body, whatever its headers say.
    pub(super) head: bool,
    /// The fields that were found, none before the pass has run that extracts them; `None` when the
    /// program extracts nothing, and the name `extracted` is free for a body's member.
    pub(super) extracted: Option<Extracted>,
    /// What the request's headers say of its body, as far as it matters.
    pub(super) content: Content,
    /// The answer, as far as it is read for its fields.
    pub(super) account: Account,
    /// The API that the request is for, if its path may be another one by the time of an answer.
    pub(super) api: Option<Api>,
    /// The tokens that the answer has reported, when it is settled and somebody asks for them.
    pub(super) usage: Option<Usage>,
}

impl Exchange {
    /// Begins with a program, or goes on with that of a route which was chosen later. Its templates
    /// see the request's headers as they are now; what a client forged is gone.
    pub(super) fn change_program(&mut self, program: &Program, ops: &dyn TransformationOps) {
        if let Some(pass) = program.pass(Direction::Request)
            && !pass.extraction.is_empty()
        {
            self.extracted.get_or_insert_default();
            self.content = pass.extraction.content(ops);
        }
        if self.api.is_none() && program.changes_path() {
            self.api = Some(Api::of_request(ops));
        }
        if program
            .pass(Direction::Response)
            .is_some_and(|pass| pass.reads_body(Turn::First))
        {
            self.head = ops.header_values(Direction::Request, ":method") == [b"HEAD"];
        }
        let needed = program.request_headers();
        if !needed.is_empty() {
            let headers = Snapshot::take(ops, Direction::Request, needed);
            self.request = Some(Rc::new(headers));
        }
    }
}
