//! One line of JSON Lines, and splices of its document.

use crate::{BYTE_ORDER_MARK, Splice, spliced};

/// One line, its end included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    line: &'l [u8],
    /// Where the text begins, behind a byte order mark.
    at: usize,
    text: &'l [u8],
}

impl<'l> Line<'l> {
    /// Takes a line apart. `first`: it begins the stream.
    pub(super) fn of(line: &'l [u8], first: bool) -> Self {
        let marked = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| first);
        let rest = marked.unwrap_or(line);
        let text = rest.strip_suffix(b"\n").unwrap_or(rest);
        Self {
            line,
            at: line.len().saturating_sub(rest.len()),
            text: text.strip_suffix(b"\r").unwrap_or(text),
        }
    }

    /// The length of the line, its end included, in bytes.
    pub fn length(&self) -> usize {
        self.line.len()
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
        let end = self.at.saturating_add(self.text.len());
        out.extend_from_slice(self.line.get(..self.at).unwrap_or_default());
        out.extend_from_slice(&spliced(self.text, splices));
        out.extend_from_slice(self.line.get(end..).unwrap_or_default());
    }
}
