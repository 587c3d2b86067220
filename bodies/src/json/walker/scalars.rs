//! Values that are neither array nor object, and are not cut as texts are: literals and numbers.

use std::mem;

use super::{Error, Scalar, ScalarKind, State, Step, Visitor, within};
use crate::json::number::{self, Number};

impl<V: Visitor> Step<'_, V> {
    /// Reads a literal from its second byte on.
    pub(super) fn begin_literal<'c>(
        &mut self,
        left: &'static [u8],
        kind: ScalarKind,
        tail: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        if let Some(after) = tail.strip_prefix(left) {
            self.scalar(kind, None, after)?;
            return Ok(after);
        }
        self.walker.state = literal(left, kind);
        Ok(tail)
    }

    pub(super) fn literal<'c>(
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

    /// Reads a number that begins with `rest`, from its second byte on, as a text is read.
    #[inline(always)]
    pub(super) fn begin_number<'c>(
        &mut self,
        mut number: Number,
        room: Option<usize>,
        rest: &'c [u8],
        tail: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        let after = number.read(tail);
        if !after.is_empty() {
            let read = rest.len().saturating_sub(after.len());
            let raw = rest.get(..read).and_then(|read| within(room, read));
            self.end_number(number, raw, after)?;
            return Ok(after);
        }
        self.walker.taken.start(room);
        self.walker.taken.push(rest);
        self.walker.state = State::Number(number);
        Ok(&[])
    }

    /// Goes on with a number that was cut.
    pub(super) fn number<'c>(
        &mut self,
        mut number: Number,
        rest: &'c [u8],
    ) -> Result<&'c [u8], Error> {
        let after = number.read(rest);
        let read = rest.len().saturating_sub(after.len());
        self.walker.taken.push(rest.get(..read).unwrap_or(rest));
        if after.is_empty() {
            self.walker.state = State::Number(number);
        } else {
            self.end_taken_number(number, after)?;
        }
        Ok(after)
    }

    pub(super) fn end_taken_number(&mut self, number: Number, after: &[u8]) -> Result<(), Error> {
        let taken = mem::take(&mut self.walker.taken);
        self.end_number(number, taken.raw(), after)?;
        self.walker.taken = taken;
        Ok(())
    }

    #[inline(always)]
    fn end_number(
        &mut self,
        number: Number,
        raw: Option<&[u8]>,
        after: &[u8],
    ) -> Result<(), Error> {
        if !number.complete() || (V::STRICT && !raw.is_some_and(number::finite)) {
            return Err(Error::Invalid);
        }
        self.scalar(ScalarKind::Number, raw, after)
    }

    /// Ends the value that reaches to `after`.
    #[inline(always)]
    pub(super) fn scalar(
        &mut self,
        kind: ScalarKind,
        raw: Option<&[u8]>,
        after: &[u8],
    ) -> Result<(), Error> {
        if let Some(node) = self.walker.node {
            let span = self.walker.start..self.at(after);
            self.visitor.scalar(node, Scalar { kind, span, raw })?;
        }
        self.walker.end_value();
        Ok(())
    }
}

fn literal(rest: &'static [u8], kind: ScalarKind) -> State {
    State::Literal { rest, kind }
}
