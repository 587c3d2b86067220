//! Answers that are held to their end, streams of events too.

use diagnostics::Code;

use super::Compiler;
use crate::ops::Direction;
use crate::program::{Pass, Turn};

impl Compiler<'_> {
    /// Warns of a pass that holds every answer: a client that waits for the first event of a stream
    /// gets it with the last.
    pub(super) fn held_answers(&mut self, pass: &Pass) {
        // One with `extract` is refused.
        let response = pass.direction == Direction::Response && pass.extraction.is_empty();
        if !response || !pass.reads_body(Turn::First) || pass.only_patches() || asks_for_type(pass)
        {
            return;
        }
        self.warning(
            Code::HeldAnswer,
            "response",
            "the body is read, so every response is held until it ends, event streams too",
            "add `when: \"!default(response.headers['content-type'], '').startsWith('text/event-stream')\"`, or \
             use `patch`, which edits event by event",
        );
    }
}

/// Whether a condition on the content-type decides, before the body arrives, what is held.
fn asks_for_type(pass: &Pass) -> bool {
    let condition = pass.when.and_then(|id| pass.expressions.get(id));
    condition.is_some_and(|condition| {
        let needs = &condition.needs().response;
        !needs.reads_body() && needs.headers.has("content-type")
    })
}
