//! One server-sent event (WHATWG HTML, section 9.2.6), and splices of what it says.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::{BYTE_ORDER_MARK, Splice};

/// One event, and what its `data` lines say.
#[derive(Debug, Default)]
pub struct Event<'e> {
    event: &'e [u8],
    /// The values of the `data` lines, joined by line feeds.
    pub(super) text: Cow<'e, [u8]>,
    /// Where each value begins: in the text, and in the event.
    pub(super) lines: SmallVec<[(usize, usize); 1]>,
}

impl<'e> Event<'e> {
    /// Reads an event. `first`: it begins the stream. `line`: how long its first line is, if that is known.
    pub(super) fn of(event: &'e [u8], first: bool, line: Option<usize>) -> Self {
        let mut read = Self {
            event,
            ..Self::default()
        };
        let mut at = if first && event.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        let mut known = line;
        while let Some(rest) = event.get(at..).filter(|rest| !rest.is_empty()) {
            let end = known.take().unwrap_or_else(|| {
                let length = memchr::memchr2(b'\r', b'\n', rest);
                at.saturating_add(length.unwrap_or(rest.len()))
            });
            if let Some(value) = event.get(at..end).and_then(value) {
                read.add(value, end.saturating_sub(value.len()));
            }
            at = end.saturating_add(1);
        }
        read
    }

    fn add(&mut self, value: &'e [u8], at: usize) {
        if self.lines.is_empty() {
            self.text = Cow::Borrowed(value);
            self.lines.push((0, at));
        } else {
            let text = self.text.to_mut();
            text.push(b'\n');
            self.lines.push((text.len(), at));
            text.extend_from_slice(value);
        }
    }

    /// The length of the event, in bytes.
    pub fn length(&self) -> usize {
        self.event.len()
    }

    /// The data, if it may be a JSON object or array.
    pub fn json(&self) -> Option<&[u8]> {
        let begins = self.text.trim_ascii_start().first();
        matches!(begins, Some(b'{' | b'[')).then_some(&*self.text)
    }

    /// Writes the event with splices of its data made. Other lines that stand within a splice go before the
    /// line that it begins in.
    pub fn write(&self, splices: &[Splice<'_>], out: &mut Vec<u8>) {
        if splices.is_empty() {
            return out.extend_from_slice(self.event);
        }
        let has_lines = self.lines.len() > 1;
        let marked = self.event.starts_with(BYTE_ORDER_MARK);
        let mark = if marked { BYTE_ORDER_MARK.len() } else { 0 };
        let mut line_at = out.len().saturating_add(mark);
        let mut kept = Vec::new();
        let mut from = 0;
        for Splice { old, new } in splices {
            let (start, end) = (self.place(old.start), self.place(old.end));
            let before = self.event.get(from..start).unwrap_or_default();
            if has_lines {
                if let Some(end) = memchr::memrchr2(b'\r', b'\n', before) {
                    insert(&mut kept, line_at, out);
                    line_at = out.len().saturating_add(end).saturating_add(1);
                }
                let replaced = self.event.get(start..end).unwrap_or_default();
                keep_other_lines(replaced, &mut kept);
            }
            out.extend_from_slice(before);
            out.extend_from_slice(new.as_bytes());
            from = end;
        }
        insert(&mut kept, line_at, out);
        out.extend_from_slice(self.event.get(from..).unwrap_or_default());
    }

    /// Where in the event a byte of the text stands, or where the text ends. A line break of the text
    /// stands where its line ends.
    fn place(&self, at: usize) -> usize {
        let after = self.lines.partition_point(|(text, _)| *text <= at);
        let line = self.lines.get(after.saturating_sub(1)).copied();
        let (text, event) = line.unwrap_or_default();
        event.saturating_add(at.saturating_sub(text))
    }
}

/// Keeps the lines that are no `data`, their ends included, of bytes that begin and end within `data` lines.
fn keep_other_lines(bytes: &[u8], kept: &mut Vec<u8>) {
    let mut rest = bytes;
    let mut within = true;
    while let Some(length) = memchr::memchr2(b'\r', b'\n', rest) {
        let (line, end) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let after = after_break(end);
        let is_other = !std::mem::take(&mut within) && value(line).is_none();
        if is_other {
            let length = rest.len().saturating_sub(after.len());
            kept.extend_from_slice(rest.get(..length).unwrap_or_default());
        }
        rest = after;
    }
}

/// Puts what is kept at this place of what is written. While nothing is kept, the place may be still to come.
fn insert(kept: &mut Vec<u8>, at: usize, out: &mut Vec<u8>) {
    if !kept.is_empty() && at <= out.len() {
        out.splice(at..at, kept.drain(..));
    }
}

/// What follows a line break.
fn after_break(bytes: &[u8]) -> &[u8] {
    let rest = bytes.strip_prefix(b"\r").unwrap_or(bytes);
    rest.strip_prefix(b"\n").unwrap_or(rest)
}

/// What a line says if it is a `data` line: without the one space that may stand before it.
fn value(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data")?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}
