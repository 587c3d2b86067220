//! A stream of JSON Lines (NDJSON), line by line as it passes.
//!
//! A line feed ends a line. A carriage return before it belongs to it, and a byte order mark may
//! begin the stream.

mod line;
#[cfg(test)]
mod tests;

pub use line::Line;

use crate::held::{Held, Passing};

/// Is told what a stream consists of, in order: all its bytes, each once.
pub trait Visitor: Passing {
    /// Whether to read the line, which has arrived whole. One that is not read
    /// [passes](Passing::passed).
    fn reads(&mut self, line: &[u8]) -> bool {
        let _ = line;
        true
    }

    /// How many of the next bytes belong to no line that is read, wherever lines end among them.
    /// Lines that lie whole there [pass](Passing::passed) together, and are not told apart. It is asked
    /// where a line begins.
    fn unread(&mut self) -> usize {
        0
    }

    /// A line has arrived whole, its end included; the last may have none.
    fn line(&mut self, line: Line<'_>);
}

/// Reads one stream, and holds its line that has not arrived whole.
#[derive(Clone, Debug)]
pub struct Lines {
    held: Held,
}

impl Lines {
    /// Holds lines of at most so many bytes, their ends included.
    pub fn new(most: usize) -> Self {
        Self {
            held: Held::new(most),
        }
    }

    /// Takes the next bytes of the stream. Every line that they end is told; one that lies whole
    /// among them is not copied.
    pub fn feed(&mut self, chunk: &[u8], visitor: &mut impl Visitor) {
        let mut rest = chunk;
        loop {
            rest = self.pass_unread(rest, visitor);
            let Some(end) = memchr::memchr(b'\n', rest) else {
                break;
            };
            let (line, after) = rest
                .split_at_checked(end.saturating_add(1))
                .unwrap_or((rest, &[]));
            self.held.end(line, visitor, tell);
            rest = after;
        }
        if !rest.is_empty() {
            self.held.hold(rest, visitor);
        }
    }

    /// Passes the lines that end in what is not read. None of them is too long.
    #[inline]
    fn pass_unread<'c>(&mut self, rest: &'c [u8], visitor: &mut impl Visitor) -> &'c [u8] {
        if !self.held.is_between() {
            return rest;
        }
        let unread = visitor.unread();
        if unread == 0 {
            return rest;
        }
        let unread = unread.min(rest.len()).min(self.held.most());
        let end = rest
            .get(..unread)
            .and_then(|lines| memchr::memrchr(b'\n', lines));
        let end = end.map(|last| last.saturating_add(1));
        let Some((lines, after)) = end.and_then(|end| rest.split_at_checked(end)) else {
            return rest;
        };
        self.held.skip();
        visitor.passed(lines);
        after
    }

    /// The stream has ended, and its last line is told though it lacks a line feed.
    pub fn finish(&mut self, visitor: &mut impl Visitor) {
        self.held.finish(visitor, tell);
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

fn tell(line: &[u8], first: bool, visitor: &mut impl Visitor) {
    if visitor.reads(line) {
        visitor.line(Line::of(line, first));
    } else {
        visitor.passed(line);
    }
}
