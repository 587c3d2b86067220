//! A stream of documents, edited one by one as they pass: server-sent events, or JSON Lines.

use std::cell::Cell;
use std::rc::Rc;

use bodies::{Passing, Splices, events, lines, spliced};

use super::document::{Editor, Walks};
use super::{Patch, Ready};
use crate::config::Limits;
use crate::failure::{Failure, Outcome};
use crate::headers::Snapshot;
use crate::languages::Seen;

/// The edits of one stream, and its document that has not arrived whole.
#[derive(Debug)]
pub(crate) struct Stream {
    ready: Ready,
    reader: Reader,
    walks: Walks,
    /// The headers of the message as they arrived, if expressions look at any.
    pub(crate) message: Option<Rc<Snapshot>>,
    /// The last event was left out, and nothing has followed.
    after_dropped: bool,
    /// What its lines are, where that matters.
    course: Course,
    /// How many bytes may still be put into all documents; `None`: as many into each.
    room: Option<Rc<Cell<usize>>>,
    /// What has failed so far: the same is reported once.
    failures: Vec<Failure>,
}

/// What tells the documents apart.
#[derive(Debug)]
enum Reader {
    Events(events::Events),
    Lines(lines::Lines),
}

/// What a request that is called JSON Lines, or such a file of one, turns out to be.
#[derive(Debug, Default)]
enum Course {
    /// Nothing but blank lines has arrived.
    #[default]
    Open,
    /// Documents of one line each.
    Lines,
    /// The first line is no document: perhaps one over several lines, which is held.
    Held(Vec<u8>),
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
            walks: Walks::default(),
            message: None,
            after_dropped: false,
            course: Course::Open,
            room: None,
            failures: Vec::new(),
        }
    }

    /// All documents are edited at once, and have this room together.
    pub(crate) fn within(self, room: Rc<Cell<usize>>) -> Self {
        Self {
            room: Some(room),
            ..self
        }
    }

    /// Edits the next bytes; `end`: they are the last. Returns what goes on in their place; a document
    /// that has not arrived whole is held. What fails is reported once for the stream.
    pub(crate) fn edit(
        &mut self,
        chunks: &[&[u8]],
        end: bool,
        patch: &Patch,
        seen: &Seen<'_>,
        limits: &Limits,
    ) -> (Vec<u8>, Outcome) {
        let arrived: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        let mut editor = Editor::new(patch, &self.ready, &mut self.walks, seen, limits)
            .within(self.room.as_deref());
        let reported = self.failures.len();
        editor.outcome.failures = std::mem::take(&mut self.failures);
        let mut passage = Passage {
            editor,
            out: Vec::with_capacity(arrived),
            after_dropped: self.after_dropped,
            course: &mut self.course,
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
            passage.finish(limits);
        }
        self.after_dropped = passage.after_dropped;
        let mut outcome = passage.editor.outcome;
        let new = outcome
            .failures
            .get(reported..)
            .unwrap_or_default()
            .to_vec();
        self.failures = std::mem::replace(&mut outcome.failures, new);
        (passage.out, outcome)
    }
}

/// What arrives, on its way.
struct Passage<'p> {
    editor: Editor<'p>,
    /// What goes on.
    out: Vec<u8>,
    after_dropped: bool,
    course: &'p mut Course,
}

impl Passage<'_> {
    /// Whether a line is held, because it may be the first of one document.
    fn holds(&mut self, line: &lines::Line<'_>) -> bool {
        if matches!(self.course, Course::Open) && !line.text().trim_ascii().is_empty() {
            *self.course = if self.editor.is_document(line.text()) {
                Course::Lines
            } else {
                Course::Held(Vec::new())
            };
        }
        let Course::Held(held) = &mut self.course else {
            return false;
        };
        if held.len().saturating_add(line.length()) > self.editor.most() {
            self.editor
                .fail_as_whole("a document over several lines is too long to be edited");
            self.out.append(held);
            *self.course = Course::Lines;
            line.write(&[], &mut self.out);
            return true;
        }
        line.write(&[], held);
        true
    }

    /// Nothing more comes: what is held is one document, or lines of which the first is broken.
    fn finish(&mut self, limits: &Limits) {
        let Course::Held(held) = std::mem::replace(self.course, Course::Lines) else {
            return;
        };
        if self.editor.is_document(&held) {
            let splices = self.editor.in_stream(&held).unwrap_or_default();
            self.out.extend_from_slice(&spliced(&held, &splices));
            return;
        }
        let mut lines = lines::Lines::new(limits.event_bytes);
        lines.feed(&held, self);
        lines.finish(self);
    }
}

impl events::Visitor for Passage<'_> {
    fn event(&mut self, event: events::Event<'_>) {
        let splices = match event.json() {
            Some(json) => self.editor.in_stream(json),
            None => Some(Splices::new()),
        };
        self.after_dropped = splices.is_none();
        if let Some(splices) = splices {
            event.write(&splices, &mut self.out);
        }
    }
}

impl lines::Visitor for Passage<'_> {
    fn line(&mut self, line: lines::Line<'_>) {
        if self.editor.is_refused() {
            return line.write(&[], &mut self.out);
        }
        if self.editor.is_request() && self.holds(&line) {
            return;
        }
        let splices = match line.json() {
            Some(json) => self.editor.in_stream(json),
            None => {
                let text = line.text();
                let is_blank = text.trim_ascii().is_empty();
                if self.editor.is_request() && !is_blank && !self.editor.is_document(text) {
                    self.editor.fail_as_no_document();
                }
                Some(Splices::new())
            }
        };
        if let Some(splices) = splices {
            line.write(&splices, &mut self.out);
        }
    }
}

impl Passing for Passage<'_> {
    fn too_long(&mut self, _: bool) {
        self.after_dropped = false;
        self.editor
            .fail_as_whole("an event or a line is too long to be edited");
    }

    fn passed(&mut self, bytes: &[u8]) {
        // What is held stands before what is too long.
        if let Course::Held(held) = &mut self.course {
            self.out.append(held);
            *self.course = Course::Lines;
        }
        // The rest of the line break that ended it goes with an event.
        if !std::mem::take(&mut self.after_dropped) || bytes != b"\n" {
            self.out.extend_from_slice(bytes);
        }
    }
}
