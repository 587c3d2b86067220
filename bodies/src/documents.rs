//! Bodies of one JSON document or of many, and what pointers find in each.
//!
//! A document is an object or an array. What is none, such as `[DONE]`, a comment, empty data or
//! HTML, is passed over.

mod framed;
mod reader;
#[cfg(test)]
mod tests;

use framed::{Chunk, Framed, Long};
use reader::Reader;

use crate::content::MediaType;
use crate::events::Events;
use crate::eventstream::{self, EventStream};
use crate::json::{self, Pointers};
use crate::lines::Lines;
use crate::{Finding, Limits};

/// How the documents of a body are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The body is one document.
    One,
    /// The data of each server-sent event is one.
    Events,
    /// Each line is one.
    Lines,
    /// The payload of each message of AWS's binary event stream is one.
    EventStream,
}

impl Framing {
    /// That of a body of this media type, if it is one of documents. What is
    /// [unclear](MediaType::Unclear) may be a document.
    pub fn of(media_type: MediaType) -> Option<Self> {
        match media_type {
            MediaType::Json | MediaType::Unclear => Some(Self::One),
            MediaType::Events => Some(Self::Events),
            MediaType::Lines => Some(Self::Lines),
            MediaType::EventStream => Some(Self::EventStream),
            MediaType::Multipart | MediaType::Form | MediaType::Other => None,
        }
    }
}

/// Why a document, or the rest of a body, cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// A document that is broken, or nested too deep.
    #[error(transparent)]
    Json(#[from] json::Error),
    /// A message of a binary event stream longer than [`Limits::event_bytes`].
    #[error("longer than a message may be")]
    TooLong,
    /// The body has ended within a document.
    #[error("the body ends within a JSON document")]
    Incomplete,
    /// A binary event stream that does not follow its format. The rest of the body is not read.
    #[error(transparent)]
    EventStream(#[from] eventstream::Error),
}

/// Is told what the documents of a body hold, in order.
pub trait DocumentVisitor {
    /// A document has ended, and at least one pointer leads somewhere in it. `fields` are in the
    /// order of the pointers.
    fn document(&mut self, fields: &[Finding]);

    /// A document, or the rest of the body, cannot be read.
    fn unreadable(&mut self, error: DocumentError);
}

/// Finds the fields of each document of one body, as its bytes arrive.
///
/// The pointers are given with every chunk and must be the same ones each time. Of a body of many
/// documents none is read that spells no name of theirs ([`Pointers::may_lead_into`]): it holds no
/// field, and whether it is broken is not noticed. What a broken document holds does not count. No
/// more is held of a body than [`Limits::event_bytes`]: an event or a line that is longer is read as
/// it passes, and a message of a binary event stream is passed over.
///
/// ```
/// use bodies::documents::{DocumentError, DocumentFinder, DocumentVisitor, Framing};
/// use bodies::{FieldId, Finding, Found, Limits, json::Pointers};
///
/// struct Total(FieldId, Option<Found>);
///
/// impl DocumentVisitor for Total {
///     fn document(&mut self, fields: &[Finding]) {
///         self.1 = self.0.of(fields).and_then(Finding::last).cloned();
///     }
///
///     fn unreadable(&mut self, _: DocumentError) {}
/// }
///
/// let mut pointers = Pointers::default();
/// let mut total = Total(pointers.insert("/usage/total_tokens").unwrap(), None);
///
/// let mut finder = DocumentFinder::new(Framing::Events, &pointers, &Limits::default());
/// finder.feed(&pointers, b"data: {\"choices\":[]}\n\ndata: {\"usage\":{\"total_to", &mut total);
/// finder.feed(&pointers, b"kens\":7}}\n\ndata: [DONE]\n\n", &mut total);
/// finder.finish(&pointers, &mut total);
/// assert_eq!(total.1, Some(Found::Number("7".into())));
/// ```
#[derive(Clone, Debug)]
pub struct DocumentFinder {
    stream: Stream,
    reader: Reader,
    long: Long,
}

/// The part of a body that has not been read to its end.
#[derive(Clone, Debug)]
enum Stream {
    One,
    Events(Events),
    Lines(Lines),
    EventStream(EventStream),
}

impl DocumentFinder {
    /// Searches the documents of one body for `pointers`.
    pub fn new(framing: Framing, pointers: &Pointers, limits: &Limits) -> Self {
        let most = limits.event_bytes;
        Self {
            stream: match framing {
                Framing::One => Stream::One,
                Framing::Events => Stream::Events(Events::new(most)),
                Framing::Lines => Stream::Lines(Lines::new(most)),
                Framing::EventStream => Stream::EventStream(EventStream::new(most)),
            },
            reader: Reader::new(pointers, limits),
            long: Long::None,
        }
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, pointers: &Pointers, chunk: &[u8], visitor: &mut impl DocumentVisitor) {
        let (reader, long) = (&mut self.reader, &mut self.long);
        match &mut self.stream {
            Stream::One => reader.feed(pointers, chunk, visitor),
            Stream::Events(events) => {
                let ahead = Chunk::new(pointers, events.held(), chunk);
                let framed = Framed::new(reader, pointers, ahead, visitor, long);
                events.feed(chunk, &mut framed.of_events());
            }
            Stream::Lines(lines) => {
                let ahead = Chunk::new(pointers, lines.held(), chunk);
                let mut framed = Framed::new(reader, pointers, ahead, visitor, long);
                lines.feed(chunk, &mut framed);
            }
            Stream::EventStream(messages) => {
                let ahead = Chunk::new(pointers, 0, &[]);
                let mut framed = Framed::new(reader, pointers, ahead, visitor, long);
                if let Err(error) = messages.feed(chunk, &mut framed) {
                    visitor.unreadable(error.into());
                }
            }
        }
    }

    /// The body is over, complete or broken off. Of a document that it ends within, the fields that
    /// have been read count.
    pub fn finish(&mut self, pointers: &Pointers, visitor: &mut impl DocumentVisitor) {
        let (reader, long) = (&mut self.reader, &mut self.long);
        match &mut self.stream {
            Stream::One => reader.finish(visitor),
            Stream::Events(events) => {
                let held = Chunk::new(pointers, events.held(), &[]);
                let framed = Framed::new(reader, pointers, held, visitor, long);
                events.finish(&mut framed.last());
            }
            Stream::Lines(lines) => {
                let held = Chunk::new(pointers, lines.held(), &[]);
                let framed = Framed::new(reader, pointers, held, visitor, long);
                lines.finish(&mut framed.last());
            }
            Stream::EventStream(messages) => {
                if let Err(error) = messages.finish() {
                    visitor.unreadable(error.into());
                }
            }
        }
    }

    /// How many bytes are held: of the event, line or message that has not arrived whole.
    pub fn held(&self) -> usize {
        match &self.stream {
            Stream::One => 0,
            Stream::Events(events) => events.held(),
            Stream::Lines(lines) => lines.held(),
            Stream::EventStream(messages) => messages.held(),
        }
    }
}
