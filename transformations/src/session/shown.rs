//! What of a body is new to a hook.
//!
//! Filters of a chain share one buffer for what they hold. A filter before that goes on, as after it has
//! paused at trailers, has the host show that buffer again: with what the hooks before have read.

use super::host::{Arrival, Host};
use super::{Session, State};
use crate::ops::Direction;

/// How much of a message's body was shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// How many of the bytes that the host may hold now were shown by earlier hooks.
    before: usize,
    /// How many bytes of this hook are not new; they come first.
    again: usize,
}

impl Shown {
    /// Takes note of what a hook brought.
    #[inline(never)]
    fn look(&mut self, host: &dyn Host, direction: Direction) {
        let Arrival { brought, held } = host.arrival(direction);
        // A shorter buffer is a new one: the other was let go.
        let again = held.is_none() && self.before <= brought;
        self.again = if again { self.before } else { 0 };
        self.before = held.unwrap_or(0).saturating_add(brought);
    }

    /// What this hook brought that no other did.
    pub(super) fn fresh<'h>(&self, host: &'h dyn Host, direction: Direction) -> Vec<&'h [u8]> {
        let mut again = self.again;
        let mut chunks = host.received_chunks(direction);
        if again > 0 {
            chunks.retain_mut(|chunk| {
                let rest = chunk.split_at_checked(again).map(|(_, rest)| rest);
                again = again.saturating_sub(chunk.len());
                *chunk = rest.unwrap_or_default();
                !chunk.is_empty()
            });
        }
        chunks
    }

    /// Whether this hook brought something that is not new.
    pub(super) fn shows_again(&self) -> bool {
        self.again > 0
    }

    /// What this hook brought that is not new, followed by `edited`, which goes on in place of the rest.
    pub(super) fn followed_by(
        &mut self,
        host: &dyn Host,
        direction: Direction,
        mut edited: Vec<u8>,
    ) -> Vec<u8> {
        let chunks = host.received_chunks(direction);
        let brought = chunks.iter().map(|chunk| chunk.len()).sum();
        let others = self.before.saturating_sub(brought);
        if self.again > 0 {
            let mut all = chunks.concat();
            all.truncate(self.again);
            all.append(&mut edited);
            edited = all;
        }
        self.before = others.saturating_add(edited.len());
        edited
    }
}

impl Session {
    /// Takes note of what has arrived, where somebody reads it once.
    #[inline]
    pub(super) fn look(&mut self, host: &dyn Host, direction: Direction) {
        if self.reads_once(direction) {
            self.shown(direction).look(host, direction);
        }
    }

    /// Takes note of what goes on of a message that was held, before its end.
    pub(super) fn note_release(&mut self, host: &dyn Host, direction: Direction) {
        if self.reads_once(direction) {
            self.shown(direction).before = host.body_size(direction);
        }
    }

    /// Takes note of bytes that go on before what this hook brought.
    pub(super) fn note_late(&mut self, direction: Direction, bytes: usize) {
        let shown = self.shown(direction);
        shown.before = shown.before.saturating_add(bytes);
    }

    fn shown(&mut self, direction: Direction) -> &mut Shown {
        match direction {
            Direction::Request => &mut self.request_shown,
            Direction::Response => &mut self.response_shown,
        }
    }

    /// Whether somebody reads each byte when it arrives.
    #[inline]
    fn reads_once(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => matches!(self.request, State::Watching(_) | State::Editing(_)),
            Direction::Response => {
                self.exchange.reads_answer()
                    || matches!(self.response, State::Holding(_) | State::Editing(_))
            }
        }
    }
}
