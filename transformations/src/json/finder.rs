//! Finds fields of a JSON document in its bytes as they arrive, cut anywhere.
//!
//! No tree is built and nothing is copied but the keys and values looked for. Checked of the rest:
//! the structure (balanced, strings closed, one document), the depth, numbers and literals. Not
//! checked: the inside of strings that are skipped. What is taken is decoded strictly.

use super::number::Number;
use super::pointer::{NodeId, Pointers, ROOT};
use super::string;
use crate::limits::Limits;

#[cfg(test)]
mod tests;

/// The longest escape of one byte of text: `\u0000`.
const ESCAPED: usize = 6;

/// Why a document cannot be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not one JSON document.
    #[error("not a JSON document")]
    Invalid,
    /// More arrays and objects open at once than [`Limits::json_depth`] allows.
    #[error("nested too deep")]
    TooDeep,
}

/// What stands where a pointer leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A string, decoded.
    String(String),
    /// A number, as it is spelled.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An array or an object.
    Container,
    /// A string or number longer than [`Limits::value_bytes`].
    TooLong,
}

/// All that a document says of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// What a parser that believes the first of equal keys sees.
    pub first: Option<Found>,
    /// What a parser that believes the last sees, where that may differ.
    last: Option<Option<Found>>,
    /// A key on the way stands in another case too: some parsers take it for the same.
    other_case: bool,
    /// Whether the document says two different things.
    pub conflict: bool,
}

impl Field {
    /// What a parser that believes the last of equal keys sees.
    pub fn last(&self) -> Option<&Found> {
        self.last.as_ref().unwrap_or(&self.first).as_ref()
    }

    fn record(&mut self, found: Found) {
        match &mut self.last {
            None if self.first.is_none() => self.first = Some(found),
            last => {
                // What is too long was not kept, so it cannot be said to be the same.
                self.conflict |= self.first.as_ref() != Some(&found) || found == Found::TooLong;
                *last = Some(Some(found));
            }
        }
    }

    /// A key on the way to the field stands in the same object again.
    fn stands_again(&mut self) {
        self.last = Some(None);
    }

    fn finish(&mut self) {
        self.conflict |= self.last.as_ref().is_some_and(|last| *last != self.first);
        self.conflict |= self.other_case && self.first.is_some();
    }
}

/// An open array or object.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    /// Its place in the tree of pointers; `None` when no pointer leads through it.
    node: Option<NodeId>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The ordinals of the wanted keys seen so far.
    Object { seen: u64 },
    /// The index of the element being read.
    Array { index: usize },
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A value; `closing`: or the end of the array just opened.
    Value { closing: bool },
    /// A key; `closing`: or the end of the object just opened.
    Key { closing: bool },
    /// The colon after a key.
    Colon,
    /// A comma, or the end of an array or object.
    Comma,
    /// A string; `escaped`: its last byte was a backslash.
    Text { text: Text, escaped: bool },
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
    /// A number.
    Number(Number),
    /// White space after the document.
    End,
}

/// What a string is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Key { wanted: bool },
    Value { wanted: bool },
}

/// Searches one document.
///
/// ```
/// use transformations::{Limits, json::{Finder, Found, Pointers}};
///
/// let mut pointers = Pointers::default();
/// let model = pointers.insert("/model").unwrap();
///
/// let mut finder = Finder::new(&pointers, &Limits::default());
/// finder.feed(br#"{"messages": [], "mod"#).unwrap();
/// finder.feed(br#"el": "gpt-4o"}"#).unwrap();
///
/// let fields = finder.finish().unwrap();
/// assert_eq!(fields[model].first, Some(Found::String("gpt-4o".into())));
/// ```
#[derive(Debug)]
pub struct Finder<'p> {
    pointers: &'p Pointers,
    depth: usize,
    value_bytes: usize,
    state: State,
    stack: Vec<Frame>,
    /// Where the value being read stands in the tree of pointers.
    node: Option<NodeId>,
    taken: Taken,
    fields: Vec<Field>,
}

impl<'p> Finder<'p> {
    /// Searches for `pointers` within `limits`.
    pub fn new(pointers: &'p Pointers, limits: &Limits) -> Self {
        Self {
            pointers,
            depth: limits.json_depth,
            value_bytes: limits.value_bytes,
            state: State::Value { closing: false },
            stack: Vec::new(),
            node: Some(ROOT),
            taken: Taken::default(),
            fields: vec![Field::default(); pointers.len()],
        }
    }

    /// Reads the next bytes of the document.
    ///
    /// # Errors
    ///
    /// The bytes so far are not the beginning of a JSON document, or are nested too deep. The
    /// finder must not be used after that.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let mut rest = chunk;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = match self.state {
                State::Text { text, escaped } => self.text(text, escaped, byte, tail, rest)?,
                State::Number(number) => match number.next(byte) {
                    Some(number) => {
                        self.taken.push(&[byte]);
                        self.state = State::Number(number);
                        tail
                    }
                    None => {
                        self.end_number(number)?;
                        rest
                    }
                },
                State::Literal(expected) => {
                    self.literal(expected, byte)?;
                    tail
                }
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => tail,
                State::Value { closing } => {
                    self.value(byte, closing)?;
                    tail
                }
                State::Key { closing } => {
                    self.key(byte, closing)?;
                    tail
                }
                State::Colon if byte == b':' => {
                    self.state = State::Value { closing: false };
                    tail
                }
                State::Comma => {
                    self.comma(byte)?;
                    tail
                }
                State::Colon | State::End => return Err(Error::Invalid),
            };
        }
        Ok(())
    }

    /// The fields, by the numbers [`Pointers::insert`] gave them.
    ///
    /// # Errors
    ///
    /// The document is not complete.
    pub fn finish(mut self) -> Result<Vec<Field>, Error> {
        if let State::Number(number) = self.state {
            self.end_number(number)?;
        }
        if !matches!(self.state, State::End) {
            return Err(Error::Invalid);
        }
        self.fields.iter_mut().for_each(Field::finish);
        Ok(self.fields)
    }

    fn value(&mut self, byte: u8, closing: bool) -> Result<(), Error> {
        let wanted = self.target().is_some();
        self.state = match byte {
            b'{' => {
                self.open(Kind::Object { seen: 0 })?;
                State::Key { closing: true }
            }
            b'[' => {
                self.open(Kind::Array { index: 0 })?;
                self.node = self.element(0);
                State::Value { closing: true }
            }
            b']' if closing => return self.close(),
            b'"' => {
                self.taken.start(wanted, self.value_bytes);
                State::Text {
                    text: Text::Value { wanted },
                    escaped: false,
                }
            }
            b't' => self.literal_state(b"rue", Found::Bool(true)),
            b'f' => self.literal_state(b"alse", Found::Bool(false)),
            b'n' => self.literal_state(b"ull", Found::Null),
            _ => {
                let number = Number::start(byte).ok_or(Error::Invalid)?;
                self.taken.start(wanted, self.value_bytes);
                self.taken.push(&[byte]);
                State::Number(number)
            }
        };
        Ok(())
    }

    fn key(&mut self, byte: u8, closing: bool) -> Result<(), Error> {
        match byte {
            b'"' => {
                let wanted = self.stack.last().is_some_and(|frame| frame.node.is_some());
                self.taken.start(wanted, self.pointers.longest_key());
                self.state = State::Text {
                    text: Text::Key { wanted },
                    escaped: false,
                };
                Ok(())
            }
            b'}' if closing => self.close(),
            _ => Err(Error::Invalid),
        }
    }

    fn comma(&mut self, byte: u8) -> Result<(), Error> {
        let frame = self.stack.last_mut().ok_or(Error::Invalid)?;
        match (byte, &mut frame.kind) {
            (b',', Kind::Object { .. }) => {
                self.state = State::Key { closing: false };
                Ok(())
            }
            (b',', Kind::Array { index }) => {
                *index = index.saturating_add(1);
                let index = *index;
                self.node = self.element(index);
                self.state = State::Value { closing: false };
                Ok(())
            }
            (b'}', Kind::Object { .. }) | (b']', Kind::Array { .. }) => self.close(),
            _ => Err(Error::Invalid),
        }
    }

    /// Reads from the inside of a string; returns what follows the part that was read.
    fn text<'c>(
        &mut self,
        text: Text,
        escaped: bool,
        byte: u8,
        tail: &'c [u8],
        rest: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        if escaped {
            self.taken.push(&[byte]);
            let escaped = false;
            self.state = State::Text { text, escaped };
            return Ok(tail);
        }
        let length = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        let (plain, from) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        self.taken.push(plain);
        match from.split_first() {
            None => Ok(from),
            Some((b'"', after)) => {
                self.end_text(text)?;
                Ok(after)
            }
            Some((_, after)) => {
                self.taken.push(b"\\");
                let escaped = true;
                self.state = State::Text { text, escaped };
                Ok(after)
            }
        }
    }

    fn end_text(&mut self, text: Text) -> Result<(), Error> {
        match text {
            Text::Key { wanted } => {
                self.node = if wanted { self.member() } else { None };
                self.state = State::Colon;
            }
            Text::Value { wanted } => {
                if wanted {
                    let found = match self.taken.raw() {
                        Some(raw) => {
                            Found::String(string::decode(raw).map_err(|_| Error::Invalid)?)
                        }
                        None => Found::TooLong,
                    };
                    self.record(match found {
                        Found::String(value) if value.len() > self.value_bytes => Found::TooLong,
                        found => found,
                    });
                }
                self.end_value();
            }
        }
        Ok(())
    }

    fn literal_state(&mut self, rest: &'static [u8], found: Found) -> State {
        self.record(found);
        State::Literal(rest)
    }

    fn literal(&mut self, expected: &'static [u8], byte: u8) -> Result<(), Error> {
        match expected.split_first() {
            Some((first, [])) if *first == byte => self.end_value(),
            Some((first, rest)) if *first == byte => self.state = State::Literal(rest),
            _ => return Err(Error::Invalid),
        }
        Ok(())
    }

    fn end_number(&mut self, number: Number) -> Result<(), Error> {
        if !number.complete() {
            return Err(Error::Invalid);
        }
        if self.target().is_some() {
            let found = match self.taken.raw() {
                Some(raw) if raw.len() <= self.value_bytes => {
                    Found::Number(String::from_utf8_lossy(raw).into_owned())
                }
                _ => Found::TooLong,
            };
            self.record(found);
        }
        self.end_value();
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> Result<(), Error> {
        if self.stack.len() >= self.depth {
            return Err(Error::TooDeep);
        }
        self.record(Found::Container);
        let node = self.node;
        self.stack.push(Frame { kind, node });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.stack.pop().ok_or(Error::Invalid)?;
        self.end_value();
        Ok(())
    }

    fn end_value(&mut self) {
        self.state = if self.stack.is_empty() {
            State::End
        } else {
            State::Comma
        };
    }

    /// The field whose pointer ends at the value being read.
    fn target(&self) -> Option<usize> {
        self.pointers.node(self.node?)?.target
    }

    fn record(&mut self, found: Found) {
        if let Some(field) = self.target().and_then(|field| self.fields.get_mut(field)) {
            field.record(found);
        }
    }

    /// Where the element of the innermost array leads.
    fn element(&self, index: usize) -> Option<NodeId> {
        let frame = self.stack.last()?;
        self.pointers.node(frame.node?)?.element(index)
    }

    /// Where the key just taken leads.
    fn member(&mut self) -> Option<NodeId> {
        let frame = self.stack.last_mut()?;
        let key = string::decode(self.taken.raw()?).ok()?;
        let parent = self.pointers.node(frame.node?)?;
        for node in parent.members_in_other_case(&key) {
            mark(&mut self.fields, self.pointers, node, |field| {
                field.other_case = true
            });
        }
        let (ordinal, node) = parent.member(&key)?;
        if let Kind::Object { seen } = &mut frame.kind {
            let bit = 1_u64.checked_shl(u32::try_from(ordinal).ok()?)?;
            if *seen & bit != 0 {
                mark(&mut self.fields, self.pointers, node, Field::stands_again);
            }
            *seen |= bit;
        }
        Some(node)
    }
}

/// Changes every field at `node` or below it.
fn mark(
    fields: &mut [Field],
    pointers: &Pointers,
    node: NodeId,
    mut change: impl FnMut(&mut Field),
) {
    pointers.fields_below(node, &mut |field| {
        if let Some(field) = fields.get_mut(field) {
            change(field);
        }
    });
}

/// The raw bytes of the key or value being taken, as far as they are wanted.
#[derive(Debug, Default)]
struct Taken {
    raw: Vec<u8>,
    /// The most bytes to keep; `None` when nothing is wanted or there were more.
    room: Option<usize>,
}

impl Taken {
    fn start(&mut self, wanted: bool, decoded_bytes: usize) {
        self.raw.clear();
        self.room = wanted.then(|| decoded_bytes.saturating_mul(ESCAPED));
    }

    fn push(&mut self, bytes: &[u8]) {
        match self.room {
            Some(room) if self.raw.len().saturating_add(bytes.len()) <= room => {
                self.raw.extend_from_slice(bytes);
            }
            _ => self.room = None,
        }
    }

    fn raw(&self) -> Option<&[u8]> {
        self.room.map(|_| self.raw.as_slice())
    }
}
