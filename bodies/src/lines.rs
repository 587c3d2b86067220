//! A stream of JSON Lines (NDJSON), line by line as it passes.
//!
//! A line feed ends a line. A carriage return before it belongs to it, and a byte order mark may
//! begin the stream.

mod line;
#[cfg(test)]
mod tests;

pub use line::Line;

/// Is told what a stream consists of, in order: all its bytes, each once.
pub trait Visitor {
    /// Whether to read the line, which has arrived whole. One that is not read [passes](Self::passed).
    fn reads(&mut self, line: &[u8]) -> bool {
        let _ = line;
        true
    }

    /// A line has arrived whole, its end included; the last may have none.
    fn line(&mut self, line: Line<'_>);

    /// A line is too long to be held. Its bytes follow as they pass.
    fn too_long(&mut self);

    /// Bytes of a line that is too long or not read.
    fn passed(&mut self, bytes: &[u8]);
}

/// Reads one stream, and holds its line that has not arrived whole.
#[derive(Clone, Debug)]
pub struct Lines {
    /// The longest line to hold, in bytes.
    most: usize,
    /// The line so far.
    held: Vec<u8>,
    /// The line is too long to be held: the rest of it passes as it is.
    too_long: bool,
    /// The line begins the stream.
    first: bool,
}

impl Lines {
    /// Holds lines of at most so many bytes, their ends included.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            held: Vec::new(),
            too_long: false,
            first: true,
        }
    }

    /// Takes the next bytes of the stream. Every line that they end is told; one that lies whole
    /// among them is not copied.
    pub fn feed(&mut self, chunk: &[u8], visitor: &mut impl Visitor) {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest
                .split_at_checked(end.saturating_add(1))
                .unwrap_or((rest, &[]));
            if self.held.is_empty() && !self.too_long && line.len() <= self.most {
                tell(line, self.first, visitor);
            } else {
                self.hold(line, visitor);
                self.end_line(visitor);
            }
            self.first = false;
            rest = after;
        }
        if !rest.is_empty() {
            self.hold(rest, visitor);
        }
    }

    /// The stream has ended, and its last line is told though it lacks a line feed.
    pub fn finish(&mut self, visitor: &mut impl Visitor) {
        self.end_line(visitor);
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn hold(&mut self, bytes: &[u8], visitor: &mut impl Visitor) {
        let length = self.held.len().saturating_add(bytes.len());
        if !self.too_long && length > self.most {
            self.too_long = true;
            visitor.too_long();
            visitor.passed(&self.held);
            self.held.clear();
        }
        if self.too_long {
            visitor.passed(bytes);
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self, visitor: &mut impl Visitor) {
        if !self.held.is_empty() {
            tell(&self.held, self.first, visitor);
        }
        self.held.clear();
        self.too_long = false;
    }
}

fn tell(line: &[u8], first: bool, visitor: &mut impl Visitor) {
    if visitor.reads(line) {
        visitor.line(Line::of(line, first));
    } else {
        visitor.passed(line);
    }
}
