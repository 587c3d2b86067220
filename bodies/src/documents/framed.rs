//! The documents of one chunk, as what frames them is taken away.

use super::reader::Reader;
use super::{DocumentError, DocumentVisitor};
use crate::Passing;
use crate::events::{self, Data, Event};
use crate::eventstream::{self, Message};
use crate::json::{Ahead, Pointers};
use crate::lines::{self, Line};

/// Reads each document that has arrived whole.
pub(super) struct Framed<'f, V> {
    reader: &'f mut Reader,
    pointers: &'f Pointers,
    chunk: Chunk<'f>,
    visitor: &'f mut V,
    long: &'f mut Long,
    /// The documents are events.
    events: bool,
    /// The body has ended.
    last: bool,
}

/// The document that is too long to be held, and is read as it passes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Long {
    /// There is none.
    None,
    Event(Data),
    Line,
}

impl<'f, V: DocumentVisitor> Framed<'f, V> {
    pub(super) fn new(
        reader: &'f mut Reader,
        pointers: &'f Pointers,
        chunk: Chunk<'f>,
        visitor: &'f mut V,
        long: &'f mut Long,
    ) -> Self {
        Self {
            reader,
            pointers,
            chunk,
            visitor,
            long,
            events: false,
            last: false,
        }
    }

    /// The documents are events.
    pub(super) fn of_events(self) -> Self {
        Self {
            events: true,
            ..self
        }
    }

    /// The body has ended: a document may be incomplete.
    pub(super) fn last(self) -> Self {
        Self { last: true, ..self }
    }

    fn read(&mut self, document: &[u8]) {
        let (pointers, last) = (self.pointers, self.last);
        self.reader.read(pointers, document, last, self.visitor);
    }
}

/// What is known of a chunk before its documents are told apart.
pub(super) struct Chunk<'c> {
    ahead: Ahead<'c>,
    /// How many bytes that were held before it have not been told.
    held: usize,
    /// Where in the chunk the next bytes to be told begin.
    at: usize,
}

impl<'c> Chunk<'c> {
    pub(super) fn new(pointers: &'c Pointers, held: usize, chunk: &'c [u8]) -> Self {
        Self {
            ahead: pointers.ahead(chunk),
            held,
            at: 0,
        }
    }

    /// Bytes have been told.
    fn told(&mut self, bytes: usize) {
        let held = self.held.min(bytes);
        self.held = self.held.saturating_sub(held);
        self.at = self.at.saturating_add(bytes.saturating_sub(held));
    }

    /// How many of the bytes that are told next hold no field, in whatever documents they lie whole.
    /// To be asked only while no part of a document is held.
    fn unread(&mut self) -> usize {
        self.ahead.leads_nowhere(self.at)
    }

    /// Whether to read what is told next.
    fn reads(&mut self, pointers: &Pointers, framed: &[u8]) -> bool {
        if self.held > 0 {
            return pointers.may_lead_into(framed);
        }
        let end = self.at.saturating_add(framed.len());
        self.ahead.may_lead_into(self.at..end)
    }
}

impl<V: DocumentVisitor> events::Visitor for Framed<'_, V> {
    fn reads(&mut self, event: &[u8]) -> bool {
        self.chunk.reads(self.pointers, event)
    }

    fn unread(&mut self) -> usize {
        self.chunk.unread()
    }

    fn event(&mut self, event: Event<'_>) {
        if let Some(json) = event.json() {
            self.read(json);
        }
        self.chunk.told(event.length());
    }
}

impl<V: DocumentVisitor> lines::Visitor for Framed<'_, V> {
    fn reads(&mut self, line: &[u8]) -> bool {
        self.chunk.reads(self.pointers, line)
    }

    fn unread(&mut self) -> usize {
        self.chunk.unread()
    }

    fn line(&mut self, line: Line<'_>) {
        self.read(line.text());
        self.chunk.told(line.length());
    }
}

impl<V: DocumentVisitor> Passing for Framed<'_, V> {
    fn too_long(&mut self, first: bool) {
        *self.long = if self.events {
            Long::Event(Data::new(first))
        } else {
            Long::Line
        };
        self.reader.reset(first && !self.events);
    }

    fn passed(&mut self, bytes: &[u8]) {
        let Self {
            reader,
            pointers,
            visitor,
            ..
        } = self;
        match &mut self.long {
            Long::None => {}
            Long::Event(data) => data.feed(bytes, |json| reader.feed(pointers, json, *visitor)),
            Long::Line => reader.feed(pointers, bytes, *visitor),
        }
        self.chunk.told(bytes.len());
    }

    fn ended(&mut self) {
        *self.long = Long::None;
        self.reader.end(self.last, self.visitor);
    }
}

impl<V: DocumentVisitor> eventstream::Visitor for Framed<'_, V> {
    fn message(&mut self, message: Message<'_>) {
        if self.pointers.may_lead_into(message.payload) {
            self.read(message.payload);
        }
    }

    fn too_long(&mut self) {
        self.visitor.unreadable(DocumentError::TooLong);
    }
}
