//! A stream of server-sent events (WHATWG HTML, section 9.2), edited event by event as it passes.

use super::Patch;
use super::event::Data;
use crate::failure::{Outcome, Reason};
use crate::json::patch::{Change, PatchError};
use crate::limits::Limits;

#[cfg(test)]
mod tests;

/// The edits of one stream, and its event that has not arrived whole.
#[derive(Debug)]
pub(crate) struct Events {
    changes: Vec<Change>,
    /// The event so far.
    held: Vec<u8>,
    /// The event is too long to be held: the rest of it passes as it is.
    too_long: bool,
    /// The event begins the stream.
    first: bool,
    /// Nothing of the line being read has arrived.
    line_is_empty: bool,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
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
    pub(crate) fn new(changes: Vec<Change>) -> Self {
        Self {
            changes,
            held: Vec::new(),
            too_long: false,
            first: true,
            line_is_empty: true,
            after_return: false,
        }
    }

    /// Takes the next bytes of the stream. Every event that they end goes on; nothing waits for the
    /// line feed that may follow a carriage return.
    pub(crate) fn feed(&mut self, chunk: &[u8], passage: &mut Passage<'_>) {
        let mut rest = chunk;
        while let Some((&byte, tail)) = rest.split_first() {
            if std::mem::take(&mut self.after_return) && byte == b'\n' {
                // It goes where its line went.
                if self.held.is_empty() {
                    passage.out.push(byte);
                } else {
                    self.held.push(byte);
                }
                rest = tail;
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', rest);
            let length = end.map_or(rest.len(), |end| end.saturating_add(1));
            let (line, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            self.hold(line, passage);
            let blank = self.line_is_empty && end == Some(0);
            self.line_is_empty = end.is_some();
            self.after_return = line.ends_with(b"\r");
            if blank {
                self.end_event(passage);
            }
            rest = after;
        }
    }

    /// The stream has ended. Its last event is edited though it lacks the blank line: some clients
    /// act on each line.
    pub(crate) fn finish(&mut self, passage: &mut Passage<'_>) {
        self.end_event(passage);
    }

    fn hold(&mut self, bytes: &[u8], passage: &mut Passage<'_>) {
        let length = self.held.len().saturating_add(bytes.len());
        if !self.too_long && length > passage.limits.event_bytes {
            self.too_long = true;
            passage.out.append(&mut self.held);
            let detail = "an event is too long to be edited";
            let path = &passage.patch.path;
            passage.outcome.fail(Reason::Limit, path, detail);
        }
        if self.too_long {
            passage.out.extend_from_slice(bytes);
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn end_event(&mut self, passage: &mut Passage<'_>) {
        let data = Data::of(&self.held, self.first);
        let splices = data.json().map(|json| {
            let Passage {
                patch,
                limits,
                outcome,
                ..
            } = passage;
            patch.splices(json, &self.changes, limits, outcome)
        });
        let splices = match splices {
            // What is not JSON may be anything, such as `[DONE]`.
            None | Some(Err(PatchError::Invalid)) => Vec::new(),
            Some(Err(error)) => {
                let path = &passage.patch.path;
                passage.outcome.fail(Reason::Limit, path, error.to_string());
                Vec::new()
            }
            Some(Ok(splices)) => splices,
        };
        data.write(&splices, &mut passage.out);
        self.held.clear();
        self.too_long = false;
        self.first = false;
    }
}
