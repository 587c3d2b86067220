//! A stream of server-sent events (WHATWG HTML, section 9.2), event by event as it passes.

mod data;
mod event;
#[cfg(test)]
mod tests;

pub(crate) use data::Data;
pub use event::Event;

use crate::held::{Held, Passing};

/// Is told what a stream consists of, in order: all its bytes, each once.
pub trait Visitor: Passing {
    /// Whether to read the event, which has arrived whole. One that is not read
    /// [passes](Passing::passed).
    fn reads(&mut self, event: &[u8]) -> bool {
        let _ = event;
        true
    }

    /// How many of the next bytes belong to no event that is read, wherever events end among them.
    /// Events that lie whole there [pass](Passing::passed) together, and are not told apart. It is asked
    /// where an event begins.
    fn unread(&mut self) -> usize {
        0
    }

    /// An event has arrived whole, its blank line included.
    fn event(&mut self, event: Event<'_>);
}

/// Reads one stream, and holds its event that has not arrived whole.
#[derive(Clone, Debug)]
pub struct Events {
    held: Held,
    line: LineBreaks,
}

/// Where lines end: at a carriage return, a line feed, or both.
#[derive(Clone, Copy, Debug)]
struct LineBreaks {
    /// Nothing of the line being read has arrived.
    line_is_empty: bool,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
}

impl Events {
    /// Holds events of at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            held: Held::new(most),
            line: LineBreaks {
                line_is_empty: true,
                after_return: false,
            },
        }
    }

    /// Takes the next bytes of the stream. Every event that they end is told, and is not copied if it
    /// lies whole among them; nothing waits for the line feed that may follow a carriage return.
    pub fn feed(&mut self, chunk: &[u8], visitor: &mut impl Visitor) {
        let mut rest = chunk;
        if self.held.is_empty() && self.line.after_return {
            rest = self.pass_line_feed(rest, visitor);
        }
        loop {
            rest = self.pass_unread(rest, visitor);
            let Some((line, end)) = self.line.blank_line(rest) else {
                break;
            };
            let (event, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            let line = self.held.is_empty().then_some(line);
            self.held.end(event, visitor, |event, first, visitor| {
                tell(event, first, line, visitor);
            });
            rest = after;
            if self.line.after_return {
                rest = self.pass_line_feed(rest, visitor);
            }
        }
        if !rest.is_empty() {
            self.held.hold(rest, visitor);
        }
    }

    /// The stream has ended. Its last event is told though it lacks the blank line: some clients
    /// act on each line.
    pub fn finish(&mut self, visitor: &mut impl Visitor) {
        self.held.finish(visitor, |event, first, visitor| {
            tell(event, first, None, visitor);
        });
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Passes the events before the last blank line of what is not read. None of them is too long.
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
        let whole = rest.get(..unread).and_then(last_blank_line);
        let Some((events, after)) = whole.and_then(|end| rest.split_at_checked(end)) else {
            return rest;
        };
        self.held.skip();
        visitor.passed(events);
        after
    }

    /// Passes the line feed that belongs to the carriage return with which the last event ended.
    fn pass_line_feed<'c>(&mut self, rest: &'c [u8], visitor: &mut impl Visitor) -> &'c [u8] {
        let Some((&byte, after)) = rest.split_first() else {
            return rest;
        };
        self.line.after_return = false;
        if byte != b'\n' {
            return rest;
        }
        visitor.passed(b"\n");
        after
    }
}

/// `line`: how long the first line of the event is, if that is known.
fn tell(event: &[u8], first: bool, line: Option<usize>, visitor: &mut impl Visitor) {
    if visitor.reads(event) {
        visitor.event(Event::of(event, first, line));
    } else {
        visitor.passed(event);
    }
}

/// Where the last blank line ends that is a line feed behind another, or before all. No other way of
/// breaking lines takes part in it, so that what follows begins an event.
fn last_blank_line(events: &[u8]) -> Option<usize> {
    let mut feeds = memchr::memrchr_iter(b'\n', events).peekable();
    while let Some(feed) = feeds.next() {
        if feeds.peek().copied() == feed.checked_sub(1) {
            return Some(feed.saturating_add(1));
        }
    }
    None
}

impl LineBreaks {
    /// Where the first line of `rest` ends, its line break not included, and where the first blank line does.
    #[inline]
    fn blank_line(&mut self, rest: &[u8]) -> Option<(usize, usize)> {
        let mut begin = 0; // of the line
        let mut first = None;
        for place in memchr::memchr2_iter(b'\r', b'\n', rest) {
            let is_return = rest.get(place) == Some(&b'\r');
            let after = place.saturating_add(1);
            let first = *first.get_or_insert(place);
            let is_empty = place == begin && self.line_is_empty;
            if place == begin && !is_return && std::mem::take(&mut self.after_return) {
                begin = after; // the rest of the line break before
                continue;
            }
            self.after_return = is_return;
            self.line_is_empty = true;
            begin = after;
            if is_empty {
                return Some((first, after));
            }
        }
        if begin < rest.len() {
            self.line_is_empty = false;
            self.after_return = false;
        }
        None
    }
}
