//! JSON documents as trees that keep what a parser drops: the order of keys, keys that stand twice and
//! the spelling of numbers.

use arbitrary::{Result, Unstructured};

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// `null`, a boolean or a number, as it is spelled.
    Plain(String),
    /// A string, decoded.
    Text(String),
    /// An array.
    Array(Vec<Tree>),
    /// An object. A key may stand twice.
    Object(Vec<(String, Tree)>),
}

/// Keys of few kinds, so that paths meet them.
pub const KEYS: [&str; 7] = ["a", "b", "m", "model", "0", "é\"", ""];

const PLAIN: [&str; 9] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "3.10",
    "1e2",
    "12345678901234567890123",
    "-1.5E-7",
];

const TEXTS: [&str; 6] = ["", "x", "é𝄞", "a\"b\\", "\u{1}\n", "}{][,:"];

const SPACES: [&str; 6] = ["", "", "", " ", "\n", "\t \r"];

impl Tree {
    /// A value out of an input, at most so many levels deep. `repeats`: a key may stand twice.
    ///
    /// # Errors
    ///
    /// The input has ended.
    pub fn of(input: &mut Unstructured<'_>, depth: usize, repeats: bool) -> Result<Self> {
        let kind = if depth == 0 {
            0
        } else {
            input.int_in_range(0..=5)?
        };
        Ok(match kind {
            0 => Self::Plain((*input.choose(&PLAIN)?).to_owned()),
            1 => Self::Text((*input.choose(&TEXTS)?).to_owned()),
            2 | 3 => {
                let count = input.int_in_range(0..=4)?;
                let items = (0..count).map(|_| Self::of(input, depth - 1, repeats));
                Self::Array(items.collect::<Result<_>>()?)
            }
            _ => {
                let mut members: Vec<(String, Self)> = Vec::new();
                for _ in 0..input.int_in_range(0..=5)? {
                    let key = *input.choose(&KEYS)?;
                    let value = Self::of(input, depth - 1, repeats)?;
                    if repeats || members.iter().all(|(other, _)| other != key) {
                        members.push((key.to_owned(), value));
                    }
                }
                Self::Object(members)
            }
        })
    }

    /// The text, with white space and escapes out of an input.
    pub fn spelled(&self, input: &mut Unstructured<'_>) -> String {
        let mut out = String::new();
        self.spell(&mut out, &mut |kind| match kind {
            Spelling::Space => (*input.choose(&SPACES).unwrap_or(&"")).to_owned(),
            Spelling::Text(text) => {
                if input.ratio(1, 6).unwrap_or(false) {
                    escaped(text)
                } else {
                    serde_json::Value::from(text).to_string()
                }
            }
        });
        out
    }

    /// The text without white space.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.spell(&mut out, &mut |kind| match kind {
            Spelling::Space => String::new(),
            Spelling::Text(text) => serde_json::Value::from(text).to_string(),
        });
        out
    }

    fn spell(&self, out: &mut String, spelling: &mut dyn FnMut(Spelling<'_>) -> String) {
        out.push_str(&spelling(Spelling::Space));
        match self {
            Self::Plain(plain) => out.push_str(plain),
            Self::Text(text) => out.push_str(&spelling(Spelling::Text(text))),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.spell(out, spelling);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.push_str(&spelling(Spelling::Space));
                    out.push_str(&spelling(Spelling::Text(key)));
                    out.push_str(&spelling(Spelling::Space));
                    out.push(':');
                    value.spell(out, spelling);
                }
                out.push('}');
            }
        }
        out.push_str(&spelling(Spelling::Space));
    }

    /// Reads a text that `serde_json` takes for a document; `None` where it does not.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<serde_json::Value>(text).ok()?;
        let mut rest = text;
        Some(read(&mut rest))
    }
}

/// What of a text may be spelled in several ways.
enum Spelling<'t> {
    Space,
    Text(&'t str),
}

/// A text as a JSON string in which every character is an escape.
fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}

/// Reads a value of a text that is a document.
fn read(rest: &mut &str) -> Tree {
    let tree = match next(rest) {
        Some('[') => {
            let mut items = Vec::new();
            step(rest);
            while next(rest) != Some(']') {
                items.push(read(rest));
                pass(rest, ',');
            }
            step(rest);
            Tree::Array(items)
        }
        Some('{') => {
            let mut members = Vec::new();
            step(rest);
            while next(rest) != Some('}') {
                let key = string(rest);
                pass(rest, ':');
                members.push((key, read(rest)));
                pass(rest, ',');
            }
            step(rest);
            Tree::Object(members)
        }
        Some('"') => Tree::Text(string(rest)),
        _ => {
            let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']);
            let (plain, after) = rest.split_at(end.unwrap_or(rest.len()));
            *rest = after;
            Tree::Plain(plain.to_owned())
        }
    };
    next(rest);
    tree
}

/// The next character that is no white space, which is passed over.
fn next(rest: &mut &str) -> Option<char> {
    *rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
    rest.chars().next()
}

fn step(rest: &mut &str) {
    *rest = &rest[1..];
}

fn pass(rest: &mut &str, wanted: char) {
    if next(rest) == Some(wanted) {
        step(rest);
    }
}

fn string(rest: &mut &str) -> String {
    next(rest);
    let mut end = 1;
    let bytes = rest.as_bytes();
    while bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    let (text, after) = rest.split_at(end + 1);
    *rest = after;
    serde_json::from_str(text).expect("the text is a document")
}
