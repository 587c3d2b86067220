//! One document after another: the search is begun anew for each, and nothing is allocated.

use super::{DocumentError, DocumentVisitor};
use crate::events::{self, Event};
use crate::eventstream::{self, Message};
use crate::json::{Error, Finder, Pointers};
use crate::lines::{self, Line};
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
    /// The document has begun.
    Within,
    /// It has ended, and only white space may follow.
    After,
    /// It is no document, or has been refused.
    Passed,
}

const BEFORE: State = State::Before { mark: 0 };

impl Reader {
    pub(super) fn new(pointers: &Pointers, limits: &Limits) -> Self {
        Self {
            finder: Finder::new(pointers, limits),
            state: BEFORE,
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
        let read = self.finder.feed(pointers, rest);
        if matches!(self.state, State::Within) && self.finder.ended() {
            self.state = State::After;
            tell(self.finder.fields(), visitor);
        }
        if let Err(error) = read {
            self.state = State::Passed;
            visitor.unreadable(error.into());
        }
    }

    /// The document is over, complete or broken off.
    pub(super) fn finish(&mut self, visitor: &mut impl DocumentVisitor) {
        if matches!(self.state, State::Within) {
            tell(self.finder.fields(), visitor);
            visitor.unreadable(DocumentError::Incomplete);
        }
        self.state = State::Passed;
    }

    /// What of the chunk is to be read, if anything.
    fn begin<'c>(&mut self, chunk: &'c [u8]) -> Option<&'c [u8]> {
        let mut rest = chunk;
        while let State::Before { mark } = self.state {
            let (byte, after) = rest.split_first()?;
            self.state = match byte {
                b' ' | b'\t' | b'\n' | b'\r' => BEFORE,
                b'{' | b'[' => {
                    self.state = State::Within;
                    return Some(rest);
                }
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
    fn read(
        &mut self,
        pointers: &Pointers,
        document: &[u8],
        last: bool,
        visitor: &mut impl DocumentVisitor,
    ) {
        let text = document.trim_ascii();
        if !matches!(text.first(), Some(b'{' | b'[')) || text == DONE {
            return;
        }
        self.finder.reset();
        match self.finder.feed(pointers, text) {
            Err(error) => visitor.unreadable(error.into()),
            Ok(()) if self.finder.ended() => tell(self.finder.fields(), visitor),
            Ok(()) if last => {
                tell(self.finder.fields(), visitor);
                visitor.unreadable(DocumentError::Incomplete);
            }
            Ok(()) => visitor.unreadable(Error::Invalid.into()),
        }
    }
}

/// With what the APIs of many models end their streams.
const DONE: &[u8] = b"[DONE]";

fn tell(fields: &[Finding], visitor: &mut impl DocumentVisitor) {
    let leads_somewhere = |field: &Finding| field.first.is_some() || field.last().is_some();
    if fields.iter().any(leads_somewhere) {
        visitor.document(fields);
    }
}

/// Documents that have each arrived whole.
pub(super) struct Whole<'w, V> {
    pub(super) reader: &'w mut Reader,
    pub(super) pointers: &'w Pointers,
    pub(super) visitor: &'w mut V,
    /// The body has ended.
    pub(super) last: bool,
}

impl<V: DocumentVisitor> Whole<'_, V> {
    fn read(&mut self, document: &[u8]) {
        let Self {
            reader,
            pointers,
            visitor,
            last,
        } = self;
        reader.read(pointers, document, *last, *visitor);
    }
}

impl<V: DocumentVisitor> events::Visitor for Whole<'_, V> {
    fn event(&mut self, event: Event<'_>) {
        if let Some(json) = event.json() {
            self.read(json);
        }
    }

    fn too_long(&mut self) {
        self.visitor.unreadable(DocumentError::TooLong);
    }

    fn passed(&mut self, _: &[u8]) {}
}

impl<V: DocumentVisitor> lines::Visitor for Whole<'_, V> {
    fn line(&mut self, line: Line<'_>) {
        self.read(line.text());
    }

    fn too_long(&mut self) {
        self.visitor.unreadable(DocumentError::TooLong);
    }

    fn passed(&mut self, _: &[u8]) {}
}

impl<V: DocumentVisitor> eventstream::Visitor for Whole<'_, V> {
    fn message(&mut self, message: Message<'_>) {
        self.read(message.payload);
    }

    fn too_long(&mut self) {
        self.visitor.unreadable(DocumentError::TooLong);
    }
}
