//! One document after another: the search is begun anew for each, and nothing is allocated.

use super::{DocumentError, DocumentVisitor};
use crate::json::{Error, Finder, Pointers};
use crate::{BYTE_ORDER_MARK, Finding, Limits};

/// Reads one document at a time.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    finder: Finder,
    state: State,
}

/// How far the document has been read.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing but white space, and so many bytes of a byte order mark, has arrived.
    Before { mark: usize },
    /// The document has begun, and may have ended.
    Within,
    /// It is no document, or has been refused.
    Passed,
}

impl Reader {
    pub(super) fn new(pointers: &Pointers, limits: &Limits) -> Self {
        Self {
            finder: Finder::new(pointers, limits),
            state: State::Before { mark: 0 },
        }
    }

    /// Takes the next bytes of the document.
    pub(super) fn feed(
        &mut self,
        pointers: &Pointers,
        chunk: &[u8],
        visitor: &mut impl DocumentVisitor,
    ) {
        let Some(rest) = self.begin(chunk) else {
            return;
        };
        if let Err(error) = self.finder.feed(pointers, rest) {
            self.state = State::Passed;
            visitor.unreadable(error.into());
        }
    }

    /// The document is over, complete or broken off.
    pub(super) fn finish(&mut self, visitor: &mut impl DocumentVisitor) {
        if matches!(self.state, State::Within) {
            tell(self.finder.settled(), visitor);
            if !self.finder.ended() {
                visitor.unreadable(DocumentError::Incomplete);
            }
        }
        self.state = State::Passed;
    }

    /// Another document begins, of which the bytes arrive; `marked`: perhaps with a byte order mark.
    pub(super) fn reset(&mut self, marked: bool) {
        self.finder.reset();
        self.state = State::Before {
            mark: if marked { 0 } else { BYTE_ORDER_MARK.len() },
        };
    }

    /// The document is over; `last`: the body has ended with it. One that is broken off within a body
    /// holds nothing.
    pub(super) fn end(&mut self, last: bool, visitor: &mut impl DocumentVisitor) {
        if last || self.finder.ended() {
            return self.finish(visitor);
        }
        if matches!(self.state, State::Within) {
            visitor.unreadable(Error::Invalid.into());
        }
        self.state = State::Passed;
    }

    /// What of the chunk is to be read, if anything.
    fn begin<'c>(&mut self, chunk: &'c [u8]) -> Option<&'c [u8]> {
        let mut rest = chunk;
        while let State::Before { mark } = self.state {
            let (byte, after) = rest.split_first()?;
            let cut = (1..BYTE_ORDER_MARK.len()).contains(&mark);
            self.state = match byte {
                b'{' | b'[' if !cut => {
                    self.state = State::Within;
                    return Some(rest);
                }
                byte if !cut && is_space(byte) => State::Before {
                    mark: BYTE_ORDER_MARK.len(),
                },
                byte if BYTE_ORDER_MARK.get(mark) == Some(byte) => State::Before {
                    mark: mark.saturating_add(1),
                },
                _ => State::Passed,
            };
            rest = after;
        }
        match self.state {
            State::Passed => None,
            _ => Some(rest),
        }
    }

    /// Reads a document that has arrived whole. `last`: the body has ended with it.
    pub(super) fn read(
        &mut self,
        pointers: &Pointers,
        document: &[u8],
        last: bool,
        visitor: &mut impl DocumentVisitor,
    ) {
        let begins = document.iter().find(|byte| !is_space(byte));
        if !matches!(begins, Some(b'{' | b'[')) || document.trim_ascii() == DONE {
            return;
        }
        self.finder.reset();
        match self.finder.feed(pointers, document) {
            Err(error) => visitor.unreadable(error.into()),
            Ok(()) if self.finder.ended() => tell(self.finder.settled(), visitor),
            Ok(()) if last => {
                tell(self.finder.settled(), visitor);
                visitor.unreadable(DocumentError::Incomplete);
            }
            Ok(()) => visitor.unreadable(Error::Invalid.into()),
        }
    }
}

/// With what the APIs of many models end their streams.
const DONE: &[u8] = b"[DONE]";

/// White space of JSON (RFC 8259 section 2).
fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn tell(fields: &[Finding], visitor: &mut impl DocumentVisitor) {
    let leads_somewhere = |field: &Finding| field.first.is_some() || field.last().is_some();
    if fields.iter().any(leads_somewhere) {
        visitor.document(fields);
    }
}
