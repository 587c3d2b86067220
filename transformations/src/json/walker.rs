//! Walks a JSON document in its bytes as they arrive, cut anywhere, and tells a visitor what stands
//! where pointers lead, and at which bytes.
//!
//! No tree is built and nothing is copied but the keys on the way and the text that the visitor
//! asks for. Of arrays and objects that no pointer leads into it is checked that brackets match,
//! strings end and the depth is kept; of those on the way all but the inside of values that are
//! strings, and of keys too long to be looked for. A strict visitor has everything checked.

use std::mem;
use std::ops::Range;

use json_blocks::{Escape, Fault, InvalidText, Nesting, checked_text_end, text_end};
use smallvec::SmallVec;

use super::number::{self, Number};
use super::pointer::{Node, NodeId, Pointers, ROOT};
use super::string;
use super::taken::Taken;

#[cfg(test)]
mod tests;

/// Why a document cannot be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not one JSON document.
    #[error("not a JSON document")]
    Invalid,
    /// More arrays and objects open at once than [`Limits::json_depth`](crate::Limits::json_depth)
    /// allows.
    #[error("nested too deep")]
    TooDeep,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Invalid => Self::Invalid,
            Fault::TooDeep => Self::TooDeep,
        }
    }
}

impl From<InvalidText> for Error {
    fn from(InvalidText: InvalidText) -> Self {
        Self::Invalid
    }
}

/// Learns what stands where pointers lead. Nodes are those of the [`Pointers`] walked with; of
/// places that no pointer leads to or through it learns nothing. Offsets are in bytes from the
/// beginning of the document.
#[expect(unused_variables, reason = "names of what an implementation is given")]
pub(crate) trait Visitor {
    /// Whether nothing is passed over: then what the walker takes for a document is one by RFC 8259
    /// in every place, with numbers that are finite as `f64`. Whether it is UTF-8 is not checked.
    const STRICT: bool = false;

    /// Whether the visitor has learned all it wants: then the rest of the document is not read.
    fn satisfied(&self) -> bool {
        false
    }

    /// The most bytes of a string or number at `node` to keep for [`scalar`](Self::scalar), as it
    /// stands in the document; `None` for none.
    fn keeps(&self, node: NodeId) -> Option<usize> {
        None
    }

    /// A key of an object that a pointer leads through. Keys longer than every key of the pointers
    /// are left out.
    fn key(&mut self, key: Key<'_>) {}

    /// An array or object begins; `at` is its bracket.
    fn open(&mut self, node: NodeId, container: Container, at: u64) {}

    /// A comma in the array or object at `node`.
    fn comma(&mut self, node: NodeId, at: u64) {}

    /// An array or object ends; `at` is its bracket. It is said to be `empty` only if a pointer
    /// leads into it: others are passed over.
    fn close(&mut self, node: NodeId, container: Container, at: u64, empty: bool) {}

    /// A value that is neither array nor object has been read.
    ///
    /// # Errors
    ///
    /// The visitor takes it for no JSON; the walk ends.
    fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// A key of an object that a pointer leads through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key<'k> {
    /// The node of the object.
    pub(crate) object: NodeId,
    /// The key, decoded.
    pub(crate) name: &'k str,
    /// Where it leads.
    pub(crate) node: Option<NodeId>,
    /// Its bytes, quotes included.
    pub(crate) span: Range<u64>,
}

/// An array or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Array,
    Object,
}

/// A string, number or literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar<'s> {
    pub(crate) kind: ScalarKind,
    /// Its bytes, quotes included.
    pub(crate) span: Range<u64>,
    /// The text of a string or number as it stands in the document, without quotes; `None` for a
    /// string that was not asked for, or is longer than asked for. A strict walk keeps all numbers.
    pub(crate) raw: Option<&'s [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    String,
    Number,
    Bool(bool),
    Null,
}

/// Walks one document. The pointers are given with every chunk, and must be the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Walker {
    depth: usize,
    state: State,
    /// Few pointers lead deeper than this: no allocation.
    stack: SmallVec<[Frame; 4]>,
    /// Where the value being read stands.
    node: Option<NodeId>,
    /// The first byte of the key or value being read.
    start: u64,
    /// How many bytes were read before this chunk.
    passed: u64,
    taken: Taken,
}

/// An open array or object.
#[derive(Clone, Copy, Debug)]
struct Frame {
    container: Container,
    /// Its place in the tree of pointers; `None` when no pointer leads to or through it.
    node: Option<NodeId>,
    /// In an array, the index of the element being read.
    index: usize,
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
    /// A string.
    Text { text: Text, escape: Escape },
    /// An array or object that no pointer leads into.
    Passed(Nesting),
    /// What is left of `true`, `false` or `null`.
    Literal {
        rest: &'static [u8],
        kind: ScalarKind,
    },
    /// A number.
    Number(Number),
    /// White space after the document.
    End,
}

/// What a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Key,
    Value,
}

impl Walker {
    /// Stops where more than `depth` arrays and objects are open at once, or more than
    /// [`Nesting::LEVELS`] in one that is passed over.
    pub(crate) fn new(depth: usize) -> Self {
        Self {
            depth,
            state: State::Value { closing: false },
            stack: SmallVec::new(),
            node: Some(ROOT),
            start: 0,
            passed: 0,
            taken: Taken::default(),
        }
    }

    /// Whether the document's value has ended: only white space may follow. Of a number that is the
    /// whole document this is never known before [`finish`](Self::finish).
    pub(crate) fn ended(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// Reads the next bytes of the document.
    ///
    /// # Errors
    ///
    /// The bytes so far are not the beginning of a JSON document, or are nested too deep. The
    /// walker must not be used after that.
    pub(crate) fn feed<V: Visitor>(
        &mut self,
        pointers: &Pointers,
        visitor: &mut V,
        chunk: &[u8],
    ) -> Result<(), Error> {
        let end = self.passed.saturating_add(length(chunk));
        let mut step = Step {
            walker: self,
            pointers,
            visitor,
            end,
        };
        let mut rest = chunk;
        while !rest.is_empty() && !step.visitor.satisfied() {
            rest = step.read(rest)?;
        }
        self.passed = end;
        Ok(())
    }

    /// The document is complete.
    ///
    /// # Errors
    ///
    /// It is not.
    pub(crate) fn finish<V: Visitor>(
        &mut self,
        pointers: &Pointers,
        visitor: &mut V,
    ) -> Result<(), Error> {
        if let State::Number(number) = self.state {
            let end = self.passed;
            let mut step = Step {
                walker: self,
                pointers,
                visitor,
                end,
            };
            step.end_number(number, &[])?;
        }
        match self.state {
            State::End => Ok(()),
            _ => Err(Error::Invalid),
        }
    }

    fn end_value(&mut self) {
        self.state = if self.stack.is_empty() {
            State::End
        } else {
            State::Comma
        };
    }
}

/// The walk through one chunk. What is left of the chunk goes from method to method.
struct Step<'s, V> {
    walker: &'s mut Walker,
    pointers: &'s Pointers,
    visitor: &'s mut V,
    /// The offset of the chunk's end.
    end: u64,
}

impl<V: Visitor> Step<'_, V> {
    /// The offset of the first byte of `rest`.
    fn at(&self, rest: &[u8]) -> u64 {
        self.end.saturating_sub(length(rest))
    }

    /// Reads at least one byte, or ends a number.
    fn read<'c>(&mut self, rest: &'c [u8]) -> Result<&'c [u8], Error> {
        let Some((&byte, tail)) = rest.split_first() else {
            return Ok(rest);
        };
        match self.walker.state {
            State::Text { text, escape } => self.text(text, escape, rest),
            State::Passed(nesting) => self.pass(nesting, rest),
            State::Number(number) => self.number(number, rest),
            State::Literal { rest: left, kind } => self.literal(left, kind, byte, tail),
            _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => Ok(tail),
            State::Value { closing } => self.value(closing, byte, rest, tail),
            State::Key { closing } => self.key(closing, byte, rest, tail),
            State::Colon if byte == b':' => {
                self.walker.state = State::Value { closing: false };
                Ok(tail)
            }
            State::Comma => self.comma(byte, rest, tail),
            State::Colon | State::End => Err(Error::Invalid),
        }
    }

    fn value<'c>(
        &mut self,
        closing: bool,
        byte: u8,
        rest: &'c [u8],
        tail: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        self.walker.start = self.at(rest);
        self.walker.state = match byte {
            b'"' => {
                self.keep();
                text_state(Text::Value)
            }
            b'{' => self.open(Container::Object)?,
            b'[' => self.open(Container::Array)?,
            b']' if closing => {
                self.close(rest, true)?;
                return Ok(tail);
            }
            b't' => literal(b"rue", ScalarKind::Bool(true)),
            b'f' => literal(b"alse", ScalarKind::Bool(false)),
            b'n' => literal(b"ull", ScalarKind::Null),
            _ => {
                let number = Number::start(byte).ok_or(Error::Invalid)?;
                if V::STRICT {
                    self.walker.taken.start(Some(usize::MAX));
                } else {
                    self.keep();
                }
                self.walker.taken.push(&[byte]);
                State::Number(number)
            }
        };
        Ok(tail)
    }

    fn key<'c>(
        &mut self,
        closing: bool,
        byte: u8,
        rest: &'c [u8],
        tail: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        match byte {
            b'"' => {
                let on_the_way = self.walker.stack.last().and_then(|frame| frame.node);
                let longest = on_the_way.map(|_| self.pointers.longest_key());
                self.walker.start = self.at(rest);
                self.walker.taken.start(longest.map(string::most_escaped));
                self.walker.state = text_state(Text::Key);
            }
            b'}' if closing => self.close(rest, true)?,
            _ => return Err(Error::Invalid),
        }
        Ok(tail)
    }

    fn comma<'c>(&mut self, byte: u8, rest: &'c [u8], tail: &'c [u8]) -> Result<&'c [u8], Error> {
        let at = self.at(rest);
        let frame = self.walker.stack.last_mut().ok_or(Error::Invalid)?;
        match (byte, frame.container) {
            (b',', container) => {
                if let Some(node) = frame.node {
                    self.visitor.comma(node, at);
                }
                frame.index = frame.index.saturating_add(1);
                let index = frame.index;
                let closing = false;
                self.walker.state = match container {
                    Container::Object => State::Key { closing },
                    Container::Array => {
                        self.walker.node = self.element(index);
                        State::Value { closing }
                    }
                };
            }
            (b'}', Container::Object) | (b']', Container::Array) => self.close(rest, false)?,
            _ => return Err(Error::Invalid),
        }
        Ok(tail)
    }

    fn text<'c>(
        &mut self,
        text: Text,
        mut escape: Escape,
        rest: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        let end = if V::STRICT {
            checked_text_end(rest, &mut escape)?
        } else {
            text_end(rest, &mut escape)
        };
        let inside = end.and_then(|end| rest.split_at_checked(end));
        let Some((inside, quote)) = inside else {
            self.walker.taken.push(rest);
            self.walker.state = State::Text { text, escape };
            return Ok(&[]);
        };
        let after = quote.split_first().map_or(quote, |(_, after)| after);
        let mut taken = mem::take(&mut self.walker.taken);
        self.end_text(text, taken.ended(inside), after)?;
        self.walker.taken = taken;
        Ok(after)
    }

    fn pass<'c>(&mut self, mut nesting: Nesting, rest: &'c [u8]) -> Result<&'c [u8], Error> {
        let end = nesting.end(rest)?;
        let Some(bracket) = end.and_then(|end| rest.get(end..)) else {
            self.walker.state = State::Passed(nesting);
            return Ok(&[]);
        };
        self.close(bracket, false)?;
        Ok(bracket.split_first().map_or(bracket, |(_, after)| after))
    }

    fn end_text(&mut self, text: Text, raw: Option<&[u8]>, after: &[u8]) -> Result<(), Error> {
        match text {
            Text::Key => {
                self.walker.node = self.member(raw, after)?;
                self.walker.state = State::Colon;
                Ok(())
            }
            Text::Value => self.scalar(ScalarKind::String, raw, after),
        }
    }

    fn literal<'c>(
        &mut self,
        left: &'static [u8],
        kind: ScalarKind,
        byte: u8,
        tail: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        match left.split_first() {
            Some((&next, [])) if next == byte => self.scalar(kind, None, tail)?,
            Some((&next, rest)) if next == byte => self.walker.state = literal(rest, kind),
            _ => return Err(Error::Invalid),
        }
        Ok(tail)
    }

    fn number<'c>(&mut self, number: Number, rest: &'c [u8]) -> Result<&'c [u8], Error> {
        let mut number = number;
        for (length, &byte) in rest.iter().enumerate() {
            if let Some(next) = number.next(byte) {
                number = next;
                continue;
            }
            let (read, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            self.walker.taken.push(read);
            self.end_number(number, after)?;
            return Ok(after);
        }
        self.walker.taken.push(rest);
        self.walker.state = State::Number(number);
        Ok(&[])
    }

    fn end_number(&mut self, number: Number, after: &[u8]) -> Result<(), Error> {
        if !number.complete() {
            return Err(Error::Invalid);
        }
        let taken = mem::take(&mut self.walker.taken);
        if V::STRICT && !taken.raw().is_some_and(number::finite) {
            return Err(Error::Invalid);
        }
        self.scalar(ScalarKind::Number, taken.raw(), after)?;
        self.walker.taken = taken;
        Ok(())
    }

    /// Ends the value that reaches to `after`.
    fn scalar(&mut self, kind: ScalarKind, raw: Option<&[u8]>, after: &[u8]) -> Result<(), Error> {
        if let Some(node) = self.walker.node {
            let span = self.walker.start..self.at(after);
            self.visitor.scalar(node, Scalar { kind, span, raw })?;
        }
        self.walker.end_value();
        Ok(())
    }

    fn open(&mut self, container: Container) -> Result<State, Error> {
        let node = self.walker.node;
        let levels = self.walker.depth.saturating_sub(self.walker.stack.len());
        if levels == 0 {
            return Err(Error::TooDeep);
        }
        if let Some(node) = node {
            self.visitor.open(node, container, self.walker.start);
        }
        self.walker.stack.push(Frame {
            container,
            node,
            index: 0,
        });
        let closing = true;
        let entered = node.and_then(|node| self.pointers.node(node));
        Ok(match container {
            _ if !V::STRICT && !entered.is_some_and(Node::leads_on) => {
                State::Passed(Nesting::new(container == Container::Object, levels))
            }
            Container::Object => State::Key { closing },
            Container::Array => {
                self.walker.node = self.element(0);
                State::Value { closing }
            }
        })
    }

    fn close(&mut self, rest: &[u8], empty: bool) -> Result<(), Error> {
        let frame = self.walker.stack.pop().ok_or(Error::Invalid)?;
        if let Some(node) = frame.node {
            let at = self.at(rest);
            self.visitor.close(node, frame.container, at, empty);
        }
        self.walker.end_value();
        Ok(())
    }

    /// Begins to keep the string or number being read, as far as the visitor asks for it.
    fn keep(&mut self) {
        let most = self.walker.node.and_then(|node| self.visitor.keeps(node));
        self.walker.taken.start(most);
    }

    /// Where the element of the innermost array leads.
    fn element(&self, index: usize) -> Option<NodeId> {
        let array = self.walker.stack.last()?.node?;
        self.pointers.node(array)?.element(index)
    }

    /// Where the key just read leads.
    fn member(&mut self, raw: Option<&[u8]>, after: &[u8]) -> Result<Option<NodeId>, Error> {
        let object = self.walker.stack.last().and_then(|frame| frame.node);
        let (Some(object), Some(raw)) = (object, raw) else {
            return Ok(None);
        };
        // A lenient parser could read `mo\del` as the key that is looked for.
        let name = string::decode(raw).map_err(|_| Error::Invalid)?;
        let node = self.pointers.node(object);
        let node = node.and_then(|object| object.member(&name));
        self.visitor.key(Key {
            object,
            name: &name,
            node,
            span: self.walker.start..self.at(after),
        });
        Ok(node)
    }
}

fn text_state(text: Text) -> State {
    let escape = Escape::None;
    State::Text { text, escape }
}

fn literal(rest: &'static [u8], kind: ScalarKind) -> State {
    State::Literal { rest, kind }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
