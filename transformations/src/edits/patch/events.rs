//! A stream of server-sent events, edited event by event as it passes.

use bodies::json::PatchError;
use bodies::{Change, events};

use super::Patch;
use crate::config::Limits;
use crate::failure::{Outcome, Reason};

#[cfg(test)]
mod tests;

/// The edits of one stream, and its event that has not arrived whole.
#[derive(Debug)]
pub(crate) struct Events {
    changes: Vec<Change>,
    stream: events::Events,
}

/// What edits the events of a chunk, and where they go.
pub(crate) struct Passage<'p> {
    patch: &'p Patch,
    limits: &'p Limits,
    /// What goes on.
    pub(crate) out: Vec<u8>,
    pub(crate) outcome: Outcome,
}

impl<'p> Passage<'p> {
    pub(crate) fn new(patch: &'p Patch, limits: &'p Limits) -> Self {
        Self {
            patch,
            limits,
            out: Vec::new(),
            outcome: Outcome::default(),
        }
    }
}

impl Events {
    /// A stream to which `changes` are made.
    pub(crate) fn new(changes: Vec<Change>, limits: &Limits) -> Self {
        Self {
            changes,
            stream: events::Events::new(limits.event_bytes),
        }
    }

    /// Takes the next bytes of the stream. Every event that they end goes on.
    pub(crate) fn feed(&mut self, chunk: &[u8], passage: &mut Passage<'_>) {
        let changes = &self.changes;
        self.stream.feed(chunk, &mut Edits { changes, passage });
    }

    /// The stream has ended, and its last event goes on.
    pub(crate) fn finish(&mut self, passage: &mut Passage<'_>) {
        let changes = &self.changes;
        self.stream.finish(&mut Edits { changes, passage });
    }
}

/// The edits of what arrives.
struct Edits<'e, 'p> {
    changes: &'e [Change],
    passage: &'e mut Passage<'p>,
}

impl events::Visitor for Edits<'_, '_> {
    fn event(&mut self, event: events::Event<'_>) {
        let Passage {
            patch,
            limits,
            out,
            outcome,
        } = &mut *self.passage;
        let splices = event
            .json()
            .map(|json| patch.splices(json, self.changes, limits, outcome));
        let splices = match splices {
            // What is not JSON may be anything, such as `[DONE]`.
            None | Some(Err(PatchError::Invalid)) => Vec::new(),
            Some(Err(error)) => {
                outcome.fail(Reason::Limit, &patch.path, error.to_string());
                Vec::new()
            }
            Some(Ok(splices)) => splices,
        };
        event.write(&splices, out);
    }

    fn too_long(&mut self) {
        let detail = "an event is too long to be edited";
        let path = &self.passage.patch.path;
        self.passage.outcome.fail(Reason::Limit, path, detail);
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.passage.out.extend_from_slice(bytes);
    }
}
