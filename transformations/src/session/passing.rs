//! What is done to a message that has gone on before its end.

use std::sync::Arc;

use super::host::Host;
use super::{Action, Session, State};
use crate::failure::Outcome;
use crate::fields::Reading;
use crate::headers::Snapshot;
use crate::languages::{BodyCache, Seen};
use crate::ops::Direction;
use crate::program::Program;
use crate::rejection::Rejection;

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

    /// Reads the next bytes. `ended`: they are the last. A rejection means that the
    /// request must not go on: it holds a second value of a field that it was routed on, or what
    /// cannot be read and may hide one.
    pub(super) fn read(
        &mut self,
        chunks: &[&[u8]],
        ended: bool,
    ) -> (Outcome, Option<Box<Rejection>>) {
        let mut outcome = Outcome::default();
        let (Some(pass), Some(reading)) =
            (self.program.pass(Direction::Request), &mut self.reading)
        else {
            return (outcome, None);
        };
        for chunk in chunks {
            pass.extraction.read_on(reading, chunk);
        }
        let checked = pass
            .extraction
            .check(&mut self.reading, ended, &mut outcome);
        let rejection = checked.err();
        (outcome, rejection)
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
        let fresh = self.request_shown.fresh(host, Direction::Request);
        let (outcome, rejection) = watching.read(&fresh, ended);
        if watching.reading.is_none() {
            self.request = State::Done;
        }
        host.report(&outcome.failures);
        match rejection {
            None => Action::Continue,
            Some(rejection) => self.cut_off(host, Direction::Request, &rejection),
        }
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
            request_shown,
            response_shown,
            ..
        } = self;
        let (state, shown) = match direction {
            Direction::Request => (request, request_shown),
            Direction::Response => (response, response_shown),
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
        let chunks = shown.fresh(host, direction);
        if chunks.is_empty() && shown.shows_again() && !ended {
            return Action::Continue;
        }
        let edited = pass.edit_stream(stream, &chunks, ended, &seen);
        if ended {
            *state = State::Done;
        }
        let Some((edited, outcome)) = edited else {
            return Action::Continue;
        };
        let over_limit = || Rejection::over_limit(direction, &outcome.failures);
        let rejection = over_limit().or_else(|| pass.rejection(&outcome.failures));
        host.report(&outcome.failures);
        if let Some(rejection) = rejection {
            return self.cut_off(host, direction, &rejection);
        }
        let gone = shown.followed_by(host, direction, edited);
        host.replace_received(direction, &gone);
        Action::Continue
    }

    /// Ends a message of which a part has gone on: by an answer, as long as there is none.
    #[cold]
    fn cut_off(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        rejection: &Rejection,
    ) -> Action {
        if direction == Direction::Request && matches!(self.response, State::Idle) {
            return self.answer(host, direction, rejection);
        }
        let reply = self.reply(host, rejection);
        *self.state(direction) = State::Done;
        if let Some(meter) = &mut self.meter {
            meter.answered(&reply);
        }
        Action::Reset(reply.details)
    }
}
