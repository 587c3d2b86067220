//! What is done to a message that has gone on before its end.

use std::sync::Arc;

use super::host::Host;
use super::{Action, Session, State};
use crate::failure::{Outcome, Reply};
use crate::fields::Reading;
use crate::headers::Snapshot;
use crate::languages::{BodyCache, Seen};
use crate::ops::Direction;
use crate::program::Program;

/// The search through a request that has gone on, for what would have kept it from going on.
#[derive(Debug)]
pub(super) struct Watching {
    program: Arc<Program>,
    /// `None`: there is nothing more to look for.
    reading: Option<Reading>,
}

impl Watching {
    pub(super) fn new(program: Arc<Program>, reading: Reading) -> Self {
        Self {
            program,
            reading: Some(reading),
        }
    }

    /// How many bytes of the body were read.
    pub(super) fn bytes(&self) -> usize {
        self.reading.as_ref().map_or(0, Reading::bytes)
    }

    /// Reads the next bytes. `ended`: they are the last. A reply in the outcome means that the
    /// request must not go on: it holds a second value of a field that it was routed on, or what
    /// cannot be read and may hide one.
    pub(super) fn read(&mut self, chunks: &[&[u8]], ended: bool) -> Outcome {
        let mut outcome = Outcome::default();
        let (Some(pass), Some(reading)) =
            (self.program.pass(Direction::Request), &mut self.reading)
        else {
            return outcome;
        };
        for chunk in chunks {
            pass.extraction.read_on(reading, chunk);
        }
        let checked = pass
            .extraction
            .check(&mut self.reading, ended, &mut outcome);
        outcome.reply = checked.err();
        outcome
    }
}

impl Session {
    /// Reads what passes of a request that has gone on; cuts it off when it turns out not to be what
    /// it was routed as.
    #[inline(never)]
    pub(super) fn watch(&mut self, host: &mut dyn Host, ended: bool) -> Action {
        let State::Watching(watching) = &mut self.request else {
            return Action::Continue;
        };
        let outcome = watching.read(&host.received_chunks(Direction::Request), ended);
        if watching.reading.is_none() {
            self.request = State::Done;
        }
        host.report(&outcome.failures);
        match outcome.reply {
            None => Action::Continue,
            Some(reply) => self.cut_off(reply),
        }
    }

    /// Ends a request that has gone on: by an answer, unless one has begun.
    fn cut_off(&mut self, reply: Box<Reply>) -> Action {
        if matches!(self.response, State::Idle) {
            return self.answer(Direction::Request, reply);
        }
        self.request = State::Done;
        if let Some(meter) = &mut self.meter {
            meter.answered(&reply);
        }
        Action::Reset(reply.details)
    }

    /// Edits the documents that have arrived whole. The rest of them waits. A request is cut off when
    /// its edits reach a limit.
    #[inline(never)]
    pub(super) fn edit(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        ended: bool,
    ) -> Action {
        let Self {
            program,
            exchange,
            request,
            response,
            ..
        } = self;
        let state = match direction {
            Direction::Request => request,
            Direction::Response => response,
        };
        let (State::Editing(stream), Some(pass)) = (&mut *state, program.pass(direction)) else {
            return Action::Continue;
        };
        let (cache, none) = (BodyCache::default(), Snapshot::default());
        let message = stream.message.clone();
        let seen = Seen {
            ops: &*host,
            direction,
            whole: false,
            request: exchange.request.as_deref().unwrap_or(&none),
            response: message.as_deref().unwrap_or(&none),
            extracted: exchange.extracted.as_ref(),
            expressions: &pass.expressions,
            cache: &cache,
        };
        let chunks = host.received_chunks(direction);
        let edited = pass.edit_stream(stream, &chunks, ended, &seen);
        if ended {
            *state = State::Done;
        }
        let Some((edited, outcome)) = edited else {
            return Action::Continue;
        };
        host.report(&outcome.failures);
        if let Some(reply) = Reply::over_limit(direction, &outcome.failures) {
            return self.cut_off(reply);
        }
        host.replace_received(direction, &edited);
        Action::Continue
    }
}
