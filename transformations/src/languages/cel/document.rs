//! JSON text to values, of which only the wanted part is made.

use std::borrow::Cow;

use bodies::json::{self, Number, decode};
use indexmap::map::Entry;

use super::budget::Budget;
use super::compare;
use super::error::Error;
use super::map::{Map, TWICE};
use super::number;
use super::value::{Key, Text, Value};

/// One part of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Element(usize),
}

/// The value at `path`; `None` when nothing is there.
///
/// Of what is not wanted only the structure is checked. Text is borrowed where nothing in it is
/// escaped.
///
/// # Errors
///
/// `bytes` are not one JSON document, have more than `depth` levels, or hold a key twice with
/// different values on the way or in what is wanted. On the way a key in another case is the same.
pub(crate) fn read<'v>(
    bytes: &'v [u8],
    path: &[Step],
    depth: usize,
    budget: &Budget,
) -> Result<Option<Value<'v>>, Error> {
    // White space and digits cost no less than what they stand between.
    budget.read(bytes.len())?;
    let mut reader = Reader {
        rest: bytes,
        depth,
        budget,
    };
    let found = reader.find(path)?;
    reader.space();
    match reader.rest {
        [] => Ok(found),
        _ => invalid(),
    }
}

fn invalid<T>() -> Result<T, Error> {
    Error::failed("not a JSON document")
}

struct Reader<'v, 'b> {
    rest: &'v [u8],
    /// How many more arrays and objects may be open.
    depth: usize,
    budget: &'b Budget,
}

impl<'v> Reader<'v, '_> {
    fn space(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    /// The next byte after white space.
    fn next(&mut self) -> Result<u8, Error> {
        self.space();
        let Some((byte, rest)) = self.rest.split_first() else {
            return invalid();
        };
        self.rest = rest;
        Ok(*byte)
    }

    /// Whether the next byte after white space is this one, which is then read.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.next()? == byte {
            Ok(())
        } else {
            invalid()
        }
    }

    /// Whether another item follows: `,`, or the end of the array or object.
    fn more(&mut self, end: u8) -> Result<bool, Error> {
        match self.next()? {
            b',' => Ok(true),
            byte if byte == end => Ok(false),
            _ => invalid(),
        }
    }

    fn enter(&mut self) -> Result<(), Error> {
        match self.depth.checked_sub(1) {
            Some(depth) => self.depth = depth,
            None => return Err(Error::Limit("the document is nested too deep")),
        }
        self.budget.step()
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    fn find(&mut self, path: &[Step]) -> Result<Option<Value<'v>>, Error> {
        let Some((step, path)) = path.split_first() else {
            return self.value().map(Some);
        };
        self.space();
        match (self.rest.first(), step) {
            (Some(b'{'), Step::Member(wanted)) => self.member(wanted, path),
            (Some(b'['), Step::Element(wanted)) => self.element(*wanted, path),
            _ => self.skip().map(|()| None),
        }
    }

    fn member(&mut self, wanted: &str, path: &[Step]) -> Result<Option<Value<'v>>, Error> {
        self.expect(b'{')?;
        self.enter()?;
        let mut found: Option<Option<Value<'v>>> = None;
        let mut in_other_case = false;
        if !self.next_is(b'}') {
            loop {
                let key = self.key()?;
                if *key != *wanted {
                    in_other_case |= json::in_other_case(wanted, &key);
                    self.skip()?;
                } else {
                    let again = self.find(path)?;
                    if let Some(first) = &found {
                        self.same(first.as_ref(), again.as_ref())?;
                    }
                    found = Some(again);
                }
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        self.leave();
        match found.flatten() {
            Some(_) if in_other_case => Error::failed(TWICE),
            found => Ok(found),
        }
    }

    fn same(&self, first: Option<&Value<'v>>, again: Option<&Value<'v>>) -> Result<(), Error> {
        let same = match (first, again) {
            (Some(first), Some(again)) => compare::equal(first, again, self.budget)?,
            (None, None) => true,
            _ => false,
        };
        if same {
            return Ok(());
        }
        Error::failed(TWICE)
    }

    fn element(&mut self, wanted: usize, path: &[Step]) -> Result<Option<Value<'v>>, Error> {
        self.expect(b'[')?;
        self.enter()?;
        let mut found = None;
        if !self.next_is(b']') {
            for index in 0_usize.. {
                if index == wanted {
                    found = self.find(path)?;
                } else {
                    self.skip()?;
                }
                if !self.more(b']')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(found)
    }

    fn key(&mut self) -> Result<Text<'v>, Error> {
        self.expect(b'"')?;
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    fn value(&mut self) -> Result<Value<'v>, Error> {
        self.budget.make(size_of::<Value<'_>>())?;
        self.budget.step()?;
        let start = self.rest;
        Ok(match self.next()? {
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'"' => Value::String(self.string()?),
            b't' => self.word(b"rue", Value::Bool(true))?,
            b'f' => self.word(b"alse", Value::Bool(false))?,
            b'n' => self.word(b"ull", Value::Null)?,
            _ => {
                self.rest = start;
                self.number()?
            }
        })
    }

    fn object(&mut self) -> Result<Value<'v>, Error> {
        self.enter()?;
        let mut map = Map::of_document();
        if !self.next_is(b'}') {
            loop {
                let key = Key::String(self.key()?);
                self.budget.make(size_of::<(Key<'_>, u64)>())?;
                let value = self.value()?;
                match map.entry(key) {
                    Entry::Occupied(first) => self.same(Some(first.get()), Some(&value))?,
                    Entry::Vacant(place) => {
                        place.insert(value);
                    }
                }
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(Value::Map(map.into()))
    }

    fn array(&mut self) -> Result<Value<'v>, Error> {
        self.enter()?;
        let mut items = Vec::new();
        if !self.next_is(b']') {
            loop {
                items.push(self.value()?);
                if !self.more(b']')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(Value::List(items.into()))
    }

    fn word<T>(&mut self, rest: &[u8], value: T) -> Result<T, Error> {
        match self.rest.strip_prefix(rest) {
            Some(rest) => {
                self.rest = rest;
                Ok(value)
            }
            None => invalid(),
        }
    }

    fn number(&mut self) -> Result<Value<'v>, Error> {
        self.space();
        let start = self.rest;
        self.skip_number()?;
        let length = start.len().saturating_sub(self.rest.len());
        let spelling = start.get(..length).map(std::str::from_utf8);
        match spelling {
            Some(Ok(spelling)) => Ok(number::from_json(Text::Borrowed(spelling))),
            _ => invalid(),
        }
    }

    fn skip_number(&mut self) -> Result<(), Error> {
        let Some(mut number) = Number::start(self.next()?) else {
            return invalid();
        };
        while let Some((byte, rest)) = self.rest.split_first() {
            let Some(next) = number.next(*byte) else {
                break;
            };
            number = next;
            self.rest = rest;
        }
        if number.complete() { Ok(()) } else { invalid() }
    }

    /// The inside of a string, and what is behind its closing quote.
    fn quoted(&mut self) -> Result<(&'v [u8], bool), Error> {
        let start = self.rest;
        let mut escapes = false;
        loop {
            let at = memchr::memchr2(b'"', b'\\', self.rest);
            let Some((_, from)) = at.and_then(|at| self.rest.split_at_checked(at)) else {
                return invalid();
            };
            match from {
                [b'"', rest @ ..] => {
                    let length = start.len().saturating_sub(from.len());
                    self.rest = rest;
                    return Ok((start.get(..length).unwrap_or_default(), escapes));
                }
                [_, _, rest @ ..] => {
                    escapes = true;
                    self.rest = rest;
                }
                _ => return invalid(),
            }
        }
    }

    /// The rest of a string whose opening quote has been read.
    fn string(&mut self) -> Result<Text<'v>, Error> {
        let (raw, escapes) = self.quoted()?;
        if escapes {
            self.budget.make(raw.len())?;
        }
        match decode(raw) {
            Ok(Cow::Borrowed(text)) => Ok(Text::Borrowed(text)),
            Ok(Cow::Owned(text)) => Ok(Text::Shared(text.into())),
            Err(_) => invalid(),
        }
    }

    /// Reads over one value.
    fn skip(&mut self) -> Result<(), Error> {
        let start = self.rest;
        match self.next()? {
            b'{' => {
                self.enter()?;
                if !self.next_is(b'}') {
                    loop {
                        self.expect(b'"')?;
                        self.quoted()?;
                        self.expect(b':')?;
                        self.skip()?;
                        if !self.more(b'}')? {
                            break;
                        }
                    }
                }
                self.leave();
                Ok(())
            }
            b'[' => {
                self.enter()?;
                if !self.next_is(b']') {
                    loop {
                        self.skip()?;
                        if !self.more(b']')? {
                            break;
                        }
                    }
                }
                self.leave();
                Ok(())
            }
            b'"' => self.quoted().map(|_| ()),
            b't' => self.word(b"rue", ()),
            b'f' => self.word(b"alse", ()),
            b'n' => self.word(b"ull", ()),
            _ => {
                self.rest = start;
                self.budget.step()?;
                self.skip_number()
            }
        }
    }
}
