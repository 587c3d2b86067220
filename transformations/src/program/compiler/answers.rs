//! Answers: which are held to their end, and what needs that.

use diagnostics::Code;

use super::Compiler;
use crate::config::{self, BodyMode, OnFailure, Transformation};
use crate::languages::Phase;
use crate::ops::Direction;
use crate::program::{Pass, Turn};

/// The way out of whatever needs the fields of an answer before it goes on.
const BUFFERED: &str = "add `bodyMode: buffered`, which holds every response until it ends";

impl Compiler<'_> {
    /// Warns of a pass that holds every answer: a client that waits for the first event of a stream
    /// gets it with the last. One that is told to hold them is not warned of.
    pub(super) fn held_answers(&mut self, transformation: &Transformation, pass: &Pass) {
        let told = transformation.body_mode == Some(BodyMode::Buffered);
        if pass.direction != Direction::Response
            || told
            || !pass.reads_body(Turn::First)
            || pass.only_patches()
            || asks_for_type(pass)
        {
            return;
        }
        self.warning(
            Code::HeldAnswer,
            "response",
            "the body is read, so every response is held until it ends, event streams too",
            "add `when: \"!default(response.headers['content-type'], '').startsWith('text/event-stream')\"`, \
             use `patch`, which edits event by event, or add `bodyMode: buffered` to hold them all",
        );
    }

    /// Finds what needs the fields of an answer before it goes on, and does not have them.
    pub(super) fn needs_fields(&mut self, transformation: &Transformation, pass: &Pass) {
        if pass.knows_fields() {
            return;
        }
        for (index, extract) in transformation.extract.iter().enumerate() {
            let path = format!("response.extract[{index}]");
            let sets = [
                (extract.header.is_some(), "header"),
                (extract.lookup.is_some(), "lookup"),
            ];
            for (_, key) in sets.into_iter().filter(|(sets, _)| *sets) {
                let message = "the headers of a response have gone on when its body is read";
                self.error(Code::Conflict, &format!("{path}.{key}"), message, BUFFERED);
            }
            let rejects = [
                (extract.on_missing, "onMissing"),
                (extract.on_invalid, "onInvalid"),
            ];
            for (_, key) in rejects
                .into_iter()
                .filter(|(what, _)| *what == OnFailure::Reject)
            {
                let message = "a response that has gone on cannot be rejected";
                self.error(Code::Conflict, &format!("{path}.{key}"), message, BUFFERED);
            }
            for (source, index) in extract.from.iter().zip(0..) {
                let config::Source::Cel(text) = source else {
                    continue;
                };
                let id = pass.expressions.find(Phase::Extraction, text);
                if id.is_some_and(|id| pass.expressions.reads_body_in(id, Direction::Response)) {
                    let message = "the expression reads the body, which is not held";
                    let path = format!("{path}.from[{index}]");
                    self.error(
                        Code::Conflict,
                        &path,
                        message,
                        "use `json`, or `bodyMode: buffered`",
                    );
                }
            }
        }
        let entries = pass.edits.metadata.iter();
        let waiting = entries.filter(|entry| entry.awaits_answer);
        for entry in waiting {
            if entry
                .formula
                .needs_body(&pass.expressions, Direction::Response)
            {
                let message = "the body is gone when the fields of the response are known";
                self.error(Code::Conflict, &entry.path, message, BUFFERED);
            }
        }
        let put = pass.edits.put_headers();
        for edit in put.filter(|edit| edit.awaits_answer) {
            self.needs_held(&edit.path);
        }
    }

    /// A value that names a field of the answer, and is made before the answer goes on.
    pub(super) fn needs_held(&mut self, path: &str) {
        let message = "the fields of a response are known only after it has gone on";
        self.error(Code::Conflict, path, message, BUFFERED);
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
