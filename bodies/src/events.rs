//! A stream of server-sent events (WHATWG HTML, section 9.2), event by event as it passes.

mod event;
#[cfg(test)]
mod tests;

pub use event::Event;

/// Is told what a stream consists of, in order: all its bytes, each once.
pub trait Visitor {
    /// An event has arrived whole, its blank line included.
    fn event(&mut self, event: Event<'_>);

    /// An event is too long to be held. Its bytes follow as they pass.
    fn too_long(&mut self);

    /// Bytes that belong to no event: the rest of a line break, or of an event that is too long.
    fn passed(&mut self, bytes: &[u8]);
}

/// Reads one stream, and holds its event that has not arrived whole.
#[derive(Clone, Debug)]
pub struct Events {
    /// The longest event to hold, in bytes.
    most: usize,
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

impl Events {
    /// Holds events of at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            held: Vec::new(),
            too_long: false,
            first: true,
            line_is_empty: true,
            after_return: false,
        }
    }

    /// Takes the next bytes of the stream. Every event that they end is told; nothing waits for the
    /// line feed that may follow a carriage return.
    pub fn feed(&mut self, chunk: &[u8], visitor: &mut impl Visitor) {
        let mut rest = chunk;
        while let Some((&byte, tail)) = rest.split_first() {
            if std::mem::take(&mut self.after_return) && byte == b'\n' {
                // It goes where its line went.
                if self.held.is_empty() {
                    visitor.passed(&[byte]);
                } else {
                    self.held.push(byte);
                }
                rest = tail;
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', rest);
            let length = end.map_or(rest.len(), |end| end.saturating_add(1));
            let (line, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            self.hold(line, visitor);
            let blank = self.line_is_empty && end == Some(0);
            self.line_is_empty = end.is_some();
            self.after_return = line.ends_with(b"\r");
            if blank {
                self.end_event(visitor);
            }
            rest = after;
        }
    }

    /// The stream has ended. Its last event is told though it lacks the blank line: some clients
    /// act on each line.
    pub fn finish(&mut self, visitor: &mut impl Visitor) {
        self.end_event(visitor);
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

    fn end_event(&mut self, visitor: &mut impl Visitor) {
        if !self.held.is_empty() {
            visitor.event(Event::of(&self.held, self.first));
        }
        self.held.clear();
        self.too_long = false;
        self.first = false;
    }
}
