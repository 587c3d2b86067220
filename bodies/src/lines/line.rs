//! One line of JSON Lines, and splices of its document.

use crate::{BYTE_ORDER_MARK, Splice};

/// One line, its end included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// What stands before the text: a byte order mark, or nothing.
    before: &'l [u8],
    text: &'l [u8],
    end: &'l [u8],
}

impl<'l> Line<'l> {
    /// Takes a line apart. `first`: it begins the stream.
    pub(super) fn of(line: &'l [u8], first: bool) -> Self {
        let mark = match line.starts_with(BYTE_ORDER_MARK) {
            true if first => BYTE_ORDER_MARK.len(),
            _ => 0,
        };
        let (before, rest) = line.split_at_checked(mark).unwrap_or((&[], line));
        let text = rest.strip_suffix(b"\n").unwrap_or(rest);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let end = rest.get(text.len()..).unwrap_or_default();
        Self { before, text, end }
    }

    /// The line, without its end and without a byte order mark.
    pub fn text(&self) -> &'l [u8] {
        self.text
    }

    /// The text, if it may be a JSON object or array.
    pub fn json(&self) -> Option<&'l [u8]> {
        let begins = self.text.trim_ascii_start().first();
        matches!(begins, Some(b'{' | b'[')).then_some(self.text)
    }

    /// Writes the line with splices of its text made.
    pub fn write(&self, splices: &[Splice], out: &mut Vec<u8>) {
        out.extend_from_slice(self.before);
        out.extend_from_slice(&crate::spliced(self.text, splices));
        out.extend_from_slice(self.end);
    }
}
