//! Texts within texts, and where in the file each of their characters stands.

use std::ops::Range;

use cases::scalar::ReadBy;
use granit_parser::ScalarStyle;
use transformations::Position;

use crate::file::File;

/// A text: a file, or what a scalar of one means.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    text: String,
    chars: Vec<char>,
    /// Where in the file each character stands, and then its end.
    places: Vec<Position>,
    /// Who reads it, if nothing in it tells.
    read_by: ReadBy,
}

impl Text {
    /// A whole file.
    pub(crate) fn of_file(file: File<'_>) -> Self {
        let File { name, text } = file;
        let mut here = Position { line: 1, column: 1 };
        let mut places = Vec::with_capacity(text.len() + 1);
        for c in text.chars() {
            places.push(here);
            here = if c == '\n' {
                let line = here.line + 1;
                Position { line, column: 1 }
            } else {
                let column = here.column + 1;
                Position { column, ..here }
            };
        }
        places.push(here);
        Self {
            text: text.to_owned(),
            chars: text.chars().collect(),
            places,
            read_by: ReadBy::of_file(name, text),
        }
    }

    /// The same, as a file that is called so.
    pub(crate) fn called(self, name: &str) -> Self {
        Self {
            read_by: ReadBy::of_file(Some(name), &self.text),
            ..self
        }
    }

    /// Who reads it, if nothing in it tells.
    pub(crate) fn read_by(&self) -> ReadBy {
        self.read_by
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where in the file the character with this number stands.
    pub(crate) fn place(&self, character: usize) -> Position {
        let place = self.places.get(character).or(self.places.last());
        place.copied().unwrap_or(Position { line: 1, column: 1 })
    }

    /// The number of the character at a position in this text.
    pub(crate) fn character(&self, position: Position) -> usize {
        let before = position.line.saturating_sub(1);
        let lines = self.text.split_inclusive('\n').take(before);
        let start: usize = lines.map(|line| line.chars().count()).sum();
        start + position.column.saturating_sub(1)
    }

    /// What a scalar at these characters means.
    pub(crate) fn scalar(&self, at: &Range<usize>, style: ScalarStyle, meaning: &str) -> Self {
        let units = units(self.chars.get(at.clone()).unwrap_or_default(), style);
        let mut next = 0;
        let mut places: Vec<Position> = Vec::with_capacity(meaning.len() + 1);
        for c in meaning.chars() {
            // Folding and indentation change nothing but white space.
            let rest = units.get(next..).unwrap_or_default();
            let found = if c.is_whitespace() {
                rest.first().filter(|unit| unit.means.is_whitespace())
            } else {
                rest.iter().find(|unit| unit.means == c)
            };
            let unit = found.or(rest.first());
            let offset = unit.map_or(at.len(), |unit| unit.offset);
            places.push(self.place(at.start + offset));
            if let Some(found) = found {
                next = found.number + 1;
            }
        }
        let end = units.get(next).map_or(at.len(), |unit| unit.offset);
        places.push(self.place(at.start + end));
        Self {
            text: meaning.to_owned(),
            chars: meaning.chars().collect(),
            places,
            read_by: ReadBy::of_file(None, meaning),
        }
    }
}

/// A character of a scalar, or an escape that stands for one.
struct Unit {
    number: usize,
    /// How many characters of the scalar stand before it.
    offset: usize,
    means: char,
}

/// What is written of a scalar, without its quotes.
fn units(written: &[char], style: ScalarStyle) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut here = match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        ScalarStyle::Literal | ScalarStyle::Folded if matches!(written, ['|' | '>', ..]) => {
            let header = written.iter().position(|c| *c == '\n');
            header.map_or(written.len(), |end| end + 1)
        }
        _ => 0,
    };
    while let Some(c) = written.get(here).copied() {
        let rest = written.get(here + 1..).unwrap_or_default();
        let (means, length) = match (style, c) {
            (ScalarStyle::SingleQuoted, '\'') => match rest {
                ['\'', ..] => (Some('\''), 2),
                _ => break,
            },
            (ScalarStyle::DoubleQuoted, '"') => break,
            (ScalarStyle::DoubleQuoted, '\\') => escape(rest),
            _ => (Some(c), 1),
        };
        units.extend(means.map(|means| Unit {
            number: units.len(),
            offset: here,
            means,
        }));
        here += length;
    }
    units
}

/// What stands behind a backslash, and how long both are.
fn escape(rest: &[char]) -> (Option<char>, usize) {
    let hexadecimal = |digits: usize| {
        let text: String = rest.iter().skip(1).take(digits).collect();
        let code = u32::from_str_radix(&text, 16).ok();
        (code.and_then(char::from_u32), 2 + digits)
    };
    match rest.first() {
        Some('x') => hexadecimal(2),
        Some('u') => hexadecimal(4),
        Some('U') => hexadecimal(8),
        Some('n') => (Some('\n'), 2),
        Some('r') => (Some('\r'), 2),
        Some('t') => (Some('\t'), 2),
        Some('0') => (Some('\0'), 2),
        Some('\n') | None => (None, 2),
        Some(other) => (Some(*other), 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Kind, read};

    /// The line and column at which `found` stands in what the one value in `file` means.
    fn found(file: &str, found: &str) -> (usize, usize) {
        let text = Text::of_file(File::unnamed(file));
        let documents = read(&text).unwrap();
        let Kind::Map(entries) = &documents.first().unwrap().kind else {
            panic!("{file}: not a map");
        };
        let node = &entries.first().unwrap().value;
        let Kind::Scalar { meaning, style, .. } = &node.kind else {
            panic!("{file}: not a scalar");
        };
        let inner = text.scalar(&node.at, *style, meaning);
        let (before, _) = meaning.split_once(found).unwrap();
        let place = inner.place(before.chars().count());
        (place.line, place.column)
    }

    #[test]
    fn characters_of_scalars_have_their_places_in_the_file() {
        for (file, place) in [
            ("a: plain X", (1, 10)),
            ("a: 'it''s X'", (1, 11)),
            (r#"a: "\u00e4\n\"X""#, (1, 15)),
            ("a: |\n  one\n    two X\n", (3, 9)),
            ("a: |-\n  one\n\n  X", (4, 3)),
            ("a: >\n  one\n  two X\n", (3, 7)),
            ("a: one\n  two X", (2, 7)),
            ("a: \"one\n  two X\"", (2, 7)),
            ("a: 'ä X'", (1, 7)),
        ] {
            assert_eq!(found(file, "X"), place, "{file}");
        }
    }
}
