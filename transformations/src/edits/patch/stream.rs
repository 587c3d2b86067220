//! A stream of documents, edited one by one as they pass: server-sent events, or JSON Lines.

use std::rc::Rc;

use bodies::{events, lines};

use super::document::Editor;
use super::{Patch, Ready};
use crate::config::Limits;
use crate::failure::Outcome;
use crate::headers::Snapshot;
use crate::languages::Seen;

/// The edits of one stream, and its document that has not arrived whole.
#[derive(Debug)]
pub(crate) struct Stream {
    ready: Ready,
    reader: Reader,
    /// The headers of the message as they arrived, if expressions look at any.
    pub(crate) message: Option<Rc<Snapshot>>,
    /// The last event was left out, and nothing has followed.
    after_dropped: bool,
}

/// What tells the documents apart.
#[derive(Debug)]
enum Reader {
    Events(events::Events),
    Lines(lines::Lines),
}

impl Stream {
    /// A stream of server-sent events.
    pub(crate) fn events(ready: Ready, limits: &Limits) -> Self {
        Self::new(
            ready,
            Reader::Events(events::Events::new(limits.event_bytes)),
        )
    }

    /// A stream of JSON Lines.
    pub(crate) fn lines(ready: Ready, limits: &Limits) -> Self {
        Self::new(ready, Reader::Lines(lines::Lines::new(limits.event_bytes)))
    }

    fn new(ready: Ready, reader: Reader) -> Self {
        Self {
            ready,
            reader,
            message: None,
            after_dropped: false,
        }
    }

    /// Edits the next bytes; `end`: they are the last. Returns what goes on in their place; a document
    /// that has not arrived whole is held.
    pub(crate) fn edit(
        &mut self,
        chunks: &[&[u8]],
        end: bool,
        patch: &Patch,
        seen: &Seen<'_>,
        limits: &Limits,
    ) -> (Vec<u8>, Outcome) {
        let arrived: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        let mut passage = Passage {
            editor: Editor::new(patch, &self.ready, seen, limits),
            out: Vec::with_capacity(arrived),
            after_dropped: self.after_dropped,
        };
        for chunk in chunks {
            match &mut self.reader {
                Reader::Events(events) => events.feed(chunk, &mut passage),
                Reader::Lines(lines) => lines.feed(chunk, &mut passage),
            }
        }
        if end {
            match &mut self.reader {
                Reader::Events(events) => events.finish(&mut passage),
                Reader::Lines(lines) => lines.finish(&mut passage),
            }
        }
        self.after_dropped = passage.after_dropped;
        (passage.out, passage.editor.outcome)
    }
}

/// What arrives, on its way.
struct Passage<'p> {
    editor: Editor<'p>,
    /// What goes on.
    out: Vec<u8>,
    after_dropped: bool,
}

impl events::Visitor for Passage<'_> {
    fn event(&mut self, event: events::Event<'_>) {
        let splices = match event.json() {
            Some(json) => self.editor.in_stream(json),
            None => Some(Vec::new()),
        };
        self.after_dropped = splices.is_none();
        if let Some(splices) = splices {
            event.write(&splices, &mut self.out);
        }
    }

    fn too_long(&mut self) {
        self.after_dropped = false;
        self.editor
            .fail_as_whole("an event is too long to be edited");
    }

    fn passed(&mut self, bytes: &[u8]) {
        // The rest of the line break that ended it goes with an event.
        if !std::mem::take(&mut self.after_dropped) || bytes != b"\n" {
            self.out.extend_from_slice(bytes);
        }
    }
}

impl lines::Visitor for Passage<'_> {
    fn line(&mut self, line: lines::Line<'_>) {
        let splices = match line.json() {
            Some(json) => self.editor.in_stream(json),
            None => Some(Vec::new()),
        };
        if let Some(splices) = splices {
            line.write(&splices, &mut self.out);
        }
    }

    fn too_long(&mut self) {
        self.editor.fail_as_whole("a line is too long to be edited");
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}
