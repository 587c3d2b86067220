//! Walks a JSON document in its bytes as they arrive, cut anywhere, and tells a visitor what stands
//! where pointers lead, and at which bytes.
//!
//! No tree is built and nothing is copied but the keys on the way and the text that the visitor
//! asks for. Of arrays and objects that no pointer leads into it is checked that brackets match,
//! strings end and the depth is kept; of those on the way all but the inside of values that are
//! strings, and of keys too long to be looked for. A strict visitor has everything checked.

mod scalars;
mod visitor;

use std::mem;

use json_blocks::{Escape, Fault, InvalidText, Nesting, checked_text_end, short_text, text_end};
use smallvec::SmallVec;

pub(crate) use self::visitor::{Container, Key, Scalar, ScalarKind, Visitor};
use super::number::Number;
use super::pointer::{Node, NodeId, Pointers, ROOT};
use super::string;
use super::taken::Taken;
use crate::is_space;

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

/// Walks one document. The pointers are given with every chunk, and must be the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Walker {
    depth: usize,
    state: State,
    stack: Stack,
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

/// The open arrays and objects. The innermost is at hand.
#[derive(Clone, Debug, Default)]
struct Stack {
    innermost: Option<Frame>,
    /// Those around it. Few pointers lead deeper than this: no allocation.
    around: SmallVec<[Frame; 4]>,
}

impl Stack {
    fn is_empty(&self) -> bool {
        self.innermost.is_none()
    }

    fn len(&self) -> usize {
        self.around
            .len()
            .saturating_add(self.innermost.iter().len())
    }

    fn push(&mut self, frame: Frame) {
        self.around.extend(self.innermost.replace(frame));
    }

    fn pop(&mut self) -> Option<Frame> {
        mem::replace(&mut self.innermost, self.around.pop())
    }
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
            stack: Stack::default(),
            node: Some(ROOT),
            start: 0,
            passed: 0,
            taken: Taken::default(),
        }
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        self.state = State::Value { closing: false };
        self.stack = Stack::default();
        self.node = Some(ROOT);
        self.passed = 0;
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
            step.end_taken_number(number, &[])?;
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
            _ if is_space(byte) => Ok(tail),
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

    #[inline(always)]
    fn value<'c>(
        &mut self,
        closing: bool,
        byte: u8,
        rest: &'c [u8],
        tail: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        self.walker.start = self.at(rest);
        match byte {
            b'"' => {
                let (room, mut escape) = (self.room(), Escape::None);
                match Self::text_end(tail, &mut escape)? {
                    Some((inside, after)) => {
                        self.scalar(ScalarKind::String, within(room, inside), after)?;
                        Ok(after)
                    }
                    None => Ok(self.cut(Text::Value, escape, room, tail)),
                }
            }
            b'{' => self.open(Container::Object, tail),
            b'[' => self.open(Container::Array, tail),
            b']' if closing => {
                self.close(rest, true)?;
                Ok(tail)
            }
            b't' => self.begin_literal(b"rue", ScalarKind::Bool(true), tail),
            b'f' => self.begin_literal(b"alse", ScalarKind::Bool(false), tail),
            b'n' => self.begin_literal(b"ull", ScalarKind::Null, tail),
            _ => {
                let number = Number::start(byte).ok_or(Error::Invalid)?;
                let room = if V::STRICT {
                    Some(usize::MAX)
                } else {
                    self.room()
                };
                self.begin_number(number, room, rest, tail)
            }
        }
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
                let object = self.object();
                self.walker.start = self.at(rest);
                let Some((name, after)) = short_text(tail) else {
                    return self.key_text(object, tail);
                };
                let object = object.filter(|_| name.len() <= self.pointers.longest_key());
                self.walker.node = object.and_then(|object| self.named(object, name, after));
                self.after_key(after)
            }
            b'}' if closing => {
                self.close(rest, true)?;
                Ok(tail)
            }
            _ => Err(Error::Invalid),
        }
    }

    /// Reads a key that is long, cut, or not plain.
    #[inline(never)]
    fn key_text<'c>(&mut self, object: Option<NodeId>, tail: &'c [u8]) -> Result<&'c [u8], Error> {
        let room = object.map(|_| self.pointers.longest_key());
        let mut escape = Escape::None;
        match Self::text_end(tail, &mut escape)? {
            Some((inside, after)) => {
                self.walker.node = self.member(object, within(room, inside), after)?;
                self.walker.state = State::Colon;
                Ok(after)
            }
            None => Ok(self.cut(Text::Key, escape, room, tail)),
        }
    }

    fn comma<'c>(&mut self, byte: u8, rest: &'c [u8], tail: &'c [u8]) -> Result<&'c [u8], Error> {
        let at = self.at(rest);
        let frame = self.walker.stack.innermost.as_mut().ok_or(Error::Invalid)?;
        match (byte, frame.container) {
            (b',', container) => {
                if let Some(node) = frame.node {
                    self.visitor.comma(node, at);
                }
                frame.index = frame.index.saturating_add(1);
                let index = frame.index;
                let closing = false;
                self.walker.state = match container {
                    Container::Object => {
                        // As nearly always.
                        if let Some((&quote @ b'"', inside)) = tail.split_first() {
                            return self.key(closing, quote, tail, inside);
                        }
                        State::Key { closing }
                    }
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

    /// Remembers the beginning of a string whose end is not there, of which to keep this many bytes
    /// at most.
    #[cold]
    fn cut<'c>(
        &mut self,
        text: Text,
        escape: Escape,
        room: Option<usize>,
        inside: &'c [u8],
    ) -> &'c [u8] {
        self.walker.taken.start(room);
        self.walker.taken.push(inside);
        self.walker.state = State::Text { text, escape };
        &[]
    }

    /// Goes on with a string that was cut.
    fn text<'c>(
        &mut self,
        text: Text,
        mut escape: Escape,
        rest: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        let Some((inside, after)) = Self::text_end(rest, &mut escape)? else {
            self.walker.taken.push(rest);
            self.walker.state = State::Text { text, escape };
            return Ok(&[]);
        };
        let mut taken = mem::take(&mut self.walker.taken);
        let raw = taken.ended(inside);
        match text {
            Text::Key => self.walker.node = self.member(self.object(), raw, after)?,
            Text::Value => self.scalar(ScalarKind::String, raw, after)?,
        }
        self.walker.taken = taken;
        match text {
            Text::Key => self.after_key(after),
            Text::Value => Ok(after),
        }
    }

    /// What of `rest` is inside the string, and what follows its quote.
    #[inline(always)]
    fn text_end<'c>(rest: &'c [u8], escape: &mut Escape) -> Result<Option<Parts<'c>>, Error> {
        let end = if V::STRICT {
            checked_text_end(rest, escape)?
        } else {
            text_end(rest, escape)
        };
        Ok(end.and_then(|end| split(rest, end)))
    }

    /// Passes over an array or object from behind its bracket on. Nearly always its end is there too.
    fn begin_pass<'c>(
        &mut self,
        frame: Frame,
        levels: usize,
        rest: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        let mut nesting = Nesting::new(frame.container == Container::Object, levels);
        let satisfied = self.visitor.satisfied();
        let end = if satisfied { None } else { nesting.end(rest)? };
        if let Some(bracket) = end.and_then(|end| rest.get(end..)) {
            self.closed(frame, bracket, false);
            return Ok(bracket.split_first().map_or(bracket, |(_, after)| after));
        }
        self.walker.stack.push(frame);
        self.walker.state = State::Passed(nesting);
        Ok(if satisfied { rest } else { &[] })
    }

    /// Goes on with an array or object that was cut.
    fn pass<'c>(&mut self, mut nesting: Nesting, rest: &'c [u8]) -> Result<&'c [u8], Error> {
        let end = nesting.end(rest)?;
        let Some(bracket) = end.and_then(|end| rest.get(end..)) else {
            self.walker.state = State::Passed(nesting);
            return Ok(&[]);
        };
        self.close(bracket, false)?;
        Ok(bracket.split_first().map_or(bracket, |(_, after)| after))
    }

    /// Goes on behind a key: nearly always its colon and its value follow at once.
    #[inline(always)]
    fn after_key<'c>(&mut self, after: &'c [u8]) -> Result<&'c [u8], Error> {
        let Some((b':', rest)) = after.split_first() else {
            self.walker.state = State::Colon;
            return Ok(after);
        };
        let closing = false;
        match rest.split_first() {
            Some((&byte, tail)) if !is_space(byte) => self.value(closing, byte, rest, tail),
            _ => {
                self.walker.state = State::Value { closing };
                Ok(rest)
            }
        }
    }

    fn open<'c>(&mut self, container: Container, tail: &'c [u8]) -> Result<&'c [u8], Error> {
        let node = self.walker.node;
        let levels = self.walker.depth.saturating_sub(self.walker.stack.len());
        if levels == 0 {
            return Err(Error::TooDeep);
        }
        if let Some(node) = node {
            self.visitor.open(node, container, self.walker.start);
        }
        let frame = Frame {
            container,
            node,
            index: 0,
        };
        let entered = node.and_then(|node| self.pointers.node(node));
        if !V::STRICT && !entered.is_some_and(Node::leads_on) {
            return self.begin_pass(frame, levels, tail);
        }
        self.walker.stack.push(frame);
        let closing = true;
        self.walker.state = match container {
            Container::Object => State::Key { closing },
            Container::Array => {
                self.walker.node = self.element(0);
                State::Value { closing }
            }
        };
        Ok(tail)
    }

    fn close(&mut self, rest: &[u8], empty: bool) -> Result<(), Error> {
        let frame = self.walker.stack.pop().ok_or(Error::Invalid)?;
        self.closed(frame, rest, empty);
        Ok(())
    }

    fn closed(&mut self, frame: Frame, rest: &[u8], empty: bool) {
        if let Some(node) = frame.node {
            let at = self.at(rest);
            self.visitor.close(node, frame.container, at, empty);
        }
        self.walker.end_value();
    }

    /// How much to keep of the string or number being read.
    fn room(&self) -> Option<usize> {
        self.walker.node.and_then(|node| self.visitor.keeps(node))
    }

    /// Where the element of the innermost array leads.
    fn element(&self, index: usize) -> Option<NodeId> {
        let array = self.walker.stack.innermost?.node?;
        self.pointers.node(array)?.element(index)
    }

    /// The innermost object, if a pointer leads to or through it.
    fn object(&self) -> Option<NodeId> {
        self.walker.stack.innermost.and_then(|frame| frame.node)
    }

    /// Where the key just read leads.
    #[inline(always)]
    fn member(
        &mut self,
        object: Option<NodeId>,
        raw: Option<&[u8]>,
        after: &[u8],
    ) -> Result<Option<NodeId>, Error> {
        let (Some(object), Some(raw)) = (object, raw) else {
            return Ok(None);
        };
        // A lenient parser could read `mo\del` as the key that is looked for.
        let name = string::decode(raw).map_err(|_| Error::Invalid)?;
        Ok(self.named(object, &name, after))
    }

    /// Where the key of this name leads.
    #[inline(always)]
    fn named(&mut self, object: NodeId, name: &str, after: &[u8]) -> Option<NodeId> {
        let node = self.pointers.node(object);
        let node = node.and_then(|object| object.member(name));
        self.visitor.key(Key {
            object,
            name,
            node,
            span: self.walker.start..self.at(after),
        });
        node
    }
}

/// These bytes, if there is room for them.
fn within(room: Option<usize>, bytes: &[u8]) -> Option<&[u8]> {
    room.filter(|&room| bytes.len() <= room).map(|_| bytes)
}

/// What stands before a byte, and what after it.
type Parts<'c> = (&'c [u8], &'c [u8]);

/// The parts around the byte at `place`.
fn split(bytes: &[u8], place: usize) -> Option<Parts<'_>> {
    let (before, from) = bytes.split_at_checked(place)?;
    from.split_first().map(|(_, after)| (before, after))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
