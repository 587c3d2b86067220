//! The fields of an `application/x-www-form-urlencoded` body (WHATWG URL, section 5), found in its
//! bytes as they arrive.
//!
//! Names are compared decoded. What is taken has to be percent-encoded UTF-8, where the standard
//! would put up with anything: what is read in two ways must not be routed on. Nor may a semicolon
//! stand beside it, where some readers take one pair to end and the next to begin.

use std::borrow::Cow;

use memchr::{memchr2, memchr3};
use percent_encoding::percent_decode;

use crate::{Finding, Found, begins_as_json};

#[cfg(test)]
mod tests;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is not percent-encoded UTF-8.
    #[error("a value is not percent-encoded UTF-8")]
    Encoding,
    /// A semicolon begins or ends a value: some readers take it for the end of the pair.
    #[error("a value is beside a semicolon")]
    Semicolon,
    /// A value stands in a body that begins as JSON does: a server may read it as that.
    #[error("a value is in a body that begins as JSON does")]
    Json,
}

/// Searches one body for the values of names.
#[derive(Clone, Debug)]
pub struct FormFinder {
    value_bytes: usize,
    /// The longest name that can be one of those looked for, encoded.
    name_bytes: usize,
    fields: Vec<Finding>,
    /// The name or the value being read, as far as it is wanted.
    kept: Vec<u8>,
    at: At,
    /// Whether a semicolon stands before the pair.
    after_semicolon: bool,
    /// Whether the body begins as JSON does; `None` while it has shown white space alone.
    begins_as_json: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In a name that may be one of those looked for.
    Name,
    /// In the value of the field with this number.
    Value(usize),
    /// In a value that is longer than one may be.
    LongValue(usize),
    /// Where nothing matters until the next pair.
    Elsewhere,
}

/// A byte takes up to three when it is encoded.
const ENCODED: usize = 3;

impl FormFinder {
    /// Searches for the values of `names`, of at most `value_bytes` each.
    pub fn new(names: &[String], value_bytes: usize) -> Self {
        let longest = names.iter().map(String::len).max().unwrap_or_default();
        Self {
            value_bytes,
            name_bytes: longest.saturating_mul(ENCODED),
            fields: vec![Finding::default(); names.len()],
            kept: Vec::new(),
            at: At::Name,
            after_semicolon: false,
            begins_as_json: None,
        }
    }

    /// Reads the next bytes of the body. `names` are those the finder was made for.
    ///
    /// # Errors
    ///
    /// A value that is looked for is not percent-encoded UTF-8, stands beside a semicolon, or in a
    /// body that may be JSON. The finder must not be used after that.
    pub fn feed(&mut self, names: &[String], mut bytes: &[u8]) -> Result<(), Error> {
        if self.begins_as_json.is_none() {
            self.begins_as_json = begins_as_json(bytes);
        }
        while !bytes.is_empty() {
            let end = match self.at {
                At::Name => memchr3(b'=', b'&', b';', bytes),
                At::Value(_) | At::LongValue(_) | At::Elsewhere => memchr2(b'&', b';', bytes),
            };
            let (piece, rest) = match end.and_then(|end| bytes.split_at_checked(end)) {
                Some((piece, rest)) => (piece, rest),
                None => (bytes, &[][..]),
            };
            self.keep(piece);
            let Some((end, rest)) = rest.split_first() else {
                return Ok(());
            };
            match end {
                b'=' if self.at == At::Name => self.name_ended(names)?,
                // After a name that is too long to be one of those looked for.
                b'=' => {}
                end => self.pair_ended(names, *end == b';')?,
            }
            bytes = rest;
        }
        Ok(())
    }

    /// The fields as far as they are known, in the order of the names.
    pub fn fields(&self) -> &[Finding] {
        &self.fields
    }

    /// The body has ended: [`fields`](Self::fields) has them all. The finder must not be fed after that.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    pub fn end(&mut self, names: &[String]) -> Result<(), Error> {
        self.pair_ended(names, false)
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = match self.at {
            At::Name => self.name_bytes,
            At::Value(_) => self.value_bytes.saturating_mul(ENCODED),
            At::LongValue(_) | At::Elsewhere => return,
        };
        if self.kept.len().saturating_add(piece.len()) <= room {
            self.kept.extend_from_slice(piece);
            return;
        }
        self.kept.clear();
        self.at = match self.at {
            At::Value(number) => At::LongValue(number),
            _ => At::Elsewhere,
        };
    }

    fn name_ended(&mut self, names: &[String]) -> Result<(), Error> {
        let name = decoded(&self.kept);
        let number = names.iter().position(|wanted| wanted.as_bytes() == &*name);
        if number.is_some() && self.after_semicolon {
            return Err(Error::Semicolon);
        }
        self.at = number.map_or(At::Elsewhere, At::Value);
        self.kept.clear();
        Ok(())
    }

    fn pair_ended(&mut self, names: &[String], by_semicolon: bool) -> Result<(), Error> {
        // A name without `=` has an empty value.
        if self.at == At::Name {
            self.name_ended(names)?;
        }
        if by_semicolon && matches!(self.at, At::Value(_) | At::LongValue(_)) {
            return Err(Error::Semicolon);
        }
        self.after_semicolon = by_semicolon;
        let is_wanted = matches!(self.at, At::Value(_) | At::LongValue(_));
        if is_wanted && self.begins_as_json == Some(true) {
            return Err(Error::Json);
        }
        let found = match self.at {
            At::Value(number) => Some((number, self.value()?)),
            At::LongValue(number) => Some((number, Found::TooLong)),
            At::Name | At::Elsewhere => None,
        };
        if let Some((number, found)) = found
            && let Some(field) = self.fields.get_mut(number)
        {
            field.record(found);
        }
        self.kept.clear();
        self.at = At::Name;
        Ok(())
    }

    fn value(&self) -> Result<Found, Error> {
        let mut escapes = self.kept.split(|byte| *byte == b'%').skip(1);
        let hexadecimal = |escape: &[u8]| {
            let digits = escape.get(..2);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        if !escapes.all(hexadecimal) {
            return Err(Error::Encoding);
        }
        let value =
            String::from_utf8(decoded(&self.kept).into_owned()).map_err(|_| Error::Encoding)?;
        Ok(if value.len() > self.value_bytes {
            Found::TooLong
        } else {
            Found::String(value)
        })
    }
}

/// A name or value, decoded: `+` is a space, and what is no escape stands for itself.
fn decoded(encoded: &[u8]) -> Cow<'_, [u8]> {
    if !encoded.iter().any(|byte| [b'+', b'%'].contains(byte)) {
        return Cow::Borrowed(encoded);
    }
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Cow::Owned(percent_decode(&spaced).collect())
}
