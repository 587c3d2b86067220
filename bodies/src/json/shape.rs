//! What the documents of a stream have in common: all but the insides of some of their values.

use json_blocks::{Escape, text_end};
use smallvec::SmallVec;

use super::number::Number;

/// The longest document to keep, in bytes.
const MOST: usize = 1 << 12;

/// The most values to leave open.
const GAPS: usize = 8;

/// A document that was read, and the strings and numbers in it that differ in others. A server repeats
/// all else in each: the name, the time and the model of its answer.
///
/// A document of this shape is JSON if the one that was read is. A walk through it takes the same steps, unless it
/// looks at what differs.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// The document; empty: none.
    text: Vec<u8>,
    /// In order, without overlap.
    gaps: SmallVec<[Gap; 2]>,
}

/// What may be another string or number. It is no key.
#[derive(Clone, Copy, Debug)]
struct Gap {
    kind: Kind,
    /// Where it begins and ends in the document that was read.
    start: usize,
    end: usize,
    /// Where it ends in the document at hand.
    now: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A string, from behind its first quote on.
    Text,
    Number,
}

impl Shape {
    /// Whether a document has the shape, perhaps with more left open than before.
    #[inline]
    pub(super) fn is_of(&mut self, document: &[u8]) -> bool {
        !self.text.is_empty() && (self.fits(document).is_some() || self.widen(document).is_some())
    }

    /// Takes the shape of a document that was read.
    pub(super) fn take(&mut self, document: &[u8]) {
        self.forget();
        if document.len() <= MOST {
            self.text.extend_from_slice(document);
        }
    }

    /// Has no shape.
    pub(super) fn forget(&mut self) {
        self.text.clear();
        self.gaps.clear();
    }

    /// The document that was read.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where in the document at hand something ends or begins that does so at `at` in the document that was read,
    /// and not within what differs.
    #[inline]
    pub(super) fn place(&self, at: usize) -> usize {
        let mut before = self.gaps.iter().rev();
        let before = before.find(|gap| gap.end <= at);
        before.map_or(at, |gap| gap.now.saturating_add(at.saturating_sub(gap.end)))
    }

    #[inline]
    fn fits(&mut self, document: &[u8]) -> Option<()> {
        let mut rest = document;
        let mut from = 0;
        for gap in &mut self.gaps {
            let inside = rest.strip_prefix(self.text.get(from..gap.start)?)?;
            rest = gap.kind.end(inside)?;
            gap.now = document.len().saturating_sub(rest.len());
            from = gap.end;
        }
        (rest == self.text.get(from..)?).then_some(())
    }

    /// Leaves open what differs in this document. After `None` the gaps are of no use.
    #[inline(never)]
    fn widen(&mut self, document: &[u8]) -> Option<()> {
        let known = std::mem::take(&mut self.gaps);
        let mut known = known.iter().peekable();
        let mut rest = document;
        let mut from = 0;
        loop {
            let same = self.text.get(from..)?;
            let alike = alike(same, rest);
            let differs = from.saturating_add(alike);
            let (kind, start) = match known.next_if(|gap| gap.start <= differs) {
                Some(gap) => (gap.kind, gap.start),
                None if alike == same.len() && alike == rest.len() => return Some(()),
                None => {
                    let (kind, start) = value_at(same, alike)?;
                    (kind, from.saturating_add(start))
                }
            };
            let inside = self.text.get(start..)?;
            let after = kind.end(inside)?;
            let end = self.text.len().saturating_sub(after.len());
            let is_key = after.trim_ascii_start().starts_with(b":");
            if is_key || self.gaps.len() == GAPS {
                return None;
            }
            rest = kind.end(rest.get(start.saturating_sub(from)..)?)?;
            let now = document.len().saturating_sub(rest.len());
            self.gaps.push(Gap {
                kind,
                start,
                end,
                now,
            });
            from = end;
        }
    }
}

impl Kind {
    /// What follows it; `None` if it does not end.
    #[inline]
    fn end(self, text: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Text => {
                let end = text_end(text, &mut Escape::None)?;
                text.get(end.saturating_add(1)..)
            }
            Self::Number => {
                let (first, digits) = text.split_first()?;
                let mut number = Number::start(*first)?;
                let after = number.read(digits);
                number.complete().then_some(after)
            }
        }
    }
}

/// How many bytes both begin with.
fn alike(one: &[u8], other: &[u8]) -> usize {
    let mut pairs = one.iter().zip(other);
    let differs = pairs.position(|(one, other)| one != other);
    differs.unwrap_or(one.len().min(other.len()))
}

/// The string or number that the byte at `at` is of or ends, and where it begins. The text begins outside of both.
fn value_at(text: &[u8], at: usize) -> Option<(Kind, usize)> {
    let mut from = 0;
    while let Some(quote) = memchr::memchr(b'"', text.get(from..at)?) {
        let start = from.saturating_add(quote).saturating_add(1);
        let after = Kind::Text.end(text.get(start..)?)?;
        from = text.len().saturating_sub(after.len());
        if at < from {
            return Some((Kind::Text, start));
        }
    }
    let is_of_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let before = text.get(from..at)?.iter().rev();
    let begun = before.take_while(is_of_number).count();
    Some((Kind::Number, at.saturating_sub(begun)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = r#"{"id": "a", "n": [1, "b"], "end": null}"#;

    fn read() -> Shape {
        let mut shape = Shape::default();
        shape.take(READ.as_bytes());
        shape
    }

    #[test]
    fn strings_and_numbers_may_differ() {
        let mut shape = read();
        for document in [
            READ,
            r#"{"id": "", "n": [1, "b"], "end": null}"#,
            r#"{"id": "\\\"", "n": [-0.5e7, "b"], "end": null}"#,
            r#"{"id": "]}", "n": [10, "\u00e9, "], "end": null}"#,
            READ,
        ] {
            assert!(shape.is_of(document.as_bytes()), "{document}");
            for mark in [r#""n""#, r#", ""#, r#""end""#, "null", "}"] {
                let moved = READ.rfind(mark).map(|at| shape.place(at));
                assert_eq!(moved, document.rfind(mark), "{mark} in {document}");
            }
        }
        assert_eq!(shape.gaps.len(), 3);
    }

    #[test]
    fn all_else_is_the_same() {
        for document in [
            "",
            r#"{"id": "a", "n": [1, "b"], "end": null"#,
            r#"{"id": "a", "n": [1, "b"], "end": null}}"#,
            r#"{"id": "a", "m": [1, "b"], "end": null}"#,
            r#"{"id": "a", "n": ["1", "b"], "end": null}"#,
            r#"{"id": "a", "n": [01, "b"], "end": null}"#,
            r#"{"id": "a", "n": [1., "b"], "end": null}"#,
            r#"{"id": "a", "n": [1,"b"], "end": null}"#,
            r#"{"id": "a", "n": [1, "b"], "end": true}"#,
            r#"{"id": "a\", "n": [1, "b"], "end": null}"#,
        ] {
            assert!(!read().is_of(document.as_bytes()), "{document}");
            // Nor where something else has been left open before.
            let mut shape = read();
            assert!(shape.is_of(READ.replace("\"b\"", "\"c\"").as_bytes()));
            assert!(!shape.is_of(document.as_bytes()), "{document}");
        }
        assert!(!Shape::default().is_of(b""), "nothing was read");
    }

    #[test]
    fn no_more_is_left_open_than_can_be_kept() {
        let document = |number: usize| format!("[{}]", vec![number.to_string(); 9].join(","));
        let mut shape = Shape::default();
        shape.take(document(1).as_bytes());
        assert!(!shape.is_of(document(2).as_bytes()));
        shape.take(&vec![b' '; MOST.saturating_add(1)]);
        assert!(!shape.is_of(&vec![b' '; MOST.saturating_add(1)]));
    }
}
