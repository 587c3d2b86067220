//! The bytes of a multipart body as they arrive, told apart into headers and contents of parts.

use std::borrow::Cow;

use memchr::{memmem, memrchr};

use super::{Error, Parameters};
use crate::limits::PART_HEADER_BYTES;

/// What stands between two parts: a line break, two hyphens and the boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delimiter(pub(super) Vec<u8>);

/// The line break of a delimiter.
const LINE_BREAK: usize = 2;

impl Delimiter {
    /// That of a body with this `content-type`, if it says `multipart/form-data`.
    ///
    /// # Errors
    ///
    /// It has no boundary, or one that RFC 2046 does not allow.
    pub(crate) fn of(content_type: &Parameters) -> Result<Self, Error> {
        let boundary = content_type.get("boundary").ok_or(Error::Invalid)?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        if !(1..=70).contains(&boundary.len())
            || boundary.ends_with(' ')
            || !boundary.bytes().all(allowed)
        {
            return Err(Error::Invalid);
        }
        Ok(Self([b"\r\n--", boundary.as_bytes()].concat()))
    }

    /// The delimiter, which is ASCII.
    pub(super) fn as_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether it stands in the content of a part, from the beginning of its first line on.
    pub(super) fn stands_in(&self, content: &str) -> bool {
        format!("\r\n{content}").contains(&*self.as_text())
    }
}

/// Is told what a body consists of.
pub(super) trait Visitor {
    /// A part begins: its headers, each with its line break.
    fn part(&mut self, headers: &[u8]) -> Result<(), Error>;

    /// Bytes of the content of the part.
    fn content(&mut self, bytes: &[u8]);

    /// The part has ended.
    fn end(&mut self) -> Result<(), Error>;
}

/// Reads one body.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    at: At,
    /// How many bytes of the delimiter have passed, or of the line break after headers.
    matched: usize,
    /// Whether the first two of them have not: where a line has just begun, a delimiter needs no
    /// line break of its own.
    line_begun: bool,
    headers: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first part.
    Preamble,
    Headers,
    Content,
    /// Right after a delimiter.
    Delimited,
    /// After a delimiter and one hyphen.
    Closing,
    /// After a delimiter and white space.
    Padding,
    /// After a delimiter and a carriage return.
    LineEnd,
    /// After the last part.
    Epilogue,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            at: At::Preamble,
            matched: LINE_BREAK,
            line_begun: true,
            headers: Vec::new(),
        }
    }
}

impl Scanner {
    /// Whether nothing that follows matters.
    pub(super) fn ended(&self) -> bool {
        self.at == At::Epilogue
    }

    /// Whether what was read last is a delimiter.
    pub(super) fn is_at_delimiter(&self) -> bool {
        self.at == At::Delimited
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    ///
    /// The body is not what its delimiter says.
    pub(super) fn feed(
        &mut self,
        delimiter: &Delimiter,
        visitor: &mut impl Visitor,
        mut bytes: &[u8],
    ) -> Result<(), Error> {
        while !bytes.is_empty() {
            bytes = self.step(delimiter, visitor, bytes)?;
        }
        Ok(())
    }

    /// Reads on to the next place where something begins or ends; returns the bytes after it.
    ///
    /// # Errors
    ///
    /// The body is not what its delimiter says.
    pub(super) fn step<'b>(
        &mut self,
        delimiter: &Delimiter,
        visitor: &mut impl Visitor,
        bytes: &'b [u8],
    ) -> Result<&'b [u8], Error> {
        let Some((first, rest)) = bytes.split_first() else {
            return Ok(bytes);
        };
        match self.at {
            At::Epilogue => return Ok(&[]),
            At::Preamble | At::Content => return self.content(delimiter, visitor, bytes),
            At::Headers => self.header(*first, visitor)?,
            At::Delimited | At::Closing | At::Padding | At::LineEnd => self.delimited(*first)?,
        }
        Ok(rest)
    }

    /// Reads the bytes up to the next delimiter; returns those after it.
    fn content<'b>(
        &mut self,
        Delimiter(delimiter): &Delimiter,
        visitor: &mut impl Visitor,
        bytes: &'b [u8],
    ) -> Result<&'b [u8], Error> {
        let mut tell = |at: At, bytes: &[u8]| {
            if at == At::Content {
                visitor.content(bytes);
            }
        };
        let at = self.at;
        if self.matched > 0 {
            let (passed, wanted) = delimiter.split_at_checked(self.matched).unwrap_or_default();
            let alike = bytes.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            let rest = bytes.get(alike..).unwrap_or_default();
            if alike == wanted.len() {
                self.matched = 0;
                self.line_begun = false;
                self.at = At::Delimited;
                if at == At::Content {
                    visitor.end()?;
                }
                return Ok(rest);
            }
            if rest.is_empty() {
                self.matched = self.matched.saturating_add(alike);
                return Ok(rest);
            }
            // It was none, and the only line break of a delimiter is its first: no other one can
            // have begun inside.
            let real = if self.line_begun { LINE_BREAK } else { 0 };
            tell(at, passed.get(real..).unwrap_or_default());
            self.matched = 0;
            self.line_begun = false;
            // What was alike is content too, and is passed over by the search that follows.
        }
        if let Some((before, found)) =
            memmem::find(bytes, delimiter).and_then(|found| bytes.split_at_checked(found))
        {
            tell(at, before);
            self.at = At::Delimited;
            if at == At::Content {
                visitor.end()?;
            }
            return Ok(found.get(delimiter.len()..).unwrap_or_default());
        }
        // The beginning of one at the end?
        let (before, begun) = memrchr(b'\r', bytes)
            .and_then(|at| bytes.split_at_checked(at))
            .filter(|(_, begun)| delimiter.starts_with(begun))
            .unwrap_or((bytes, &[]));
        tell(at, before);
        self.matched = begun.len();
        Ok(&[])
    }

    fn header(&mut self, byte: u8, visitor: &mut impl Visitor) -> Result<(), Error> {
        if self.headers.len() >= PART_HEADER_BYTES {
            return Err(Error::TooLong);
        }
        self.headers.push(byte);
        let ended = self.headers.ends_with(b"\r\n\r\n") || self.headers == b"\r\n";
        if ended {
            let lines = self.headers.len().saturating_sub(LINE_BREAK);
            visitor.part(self.headers.get(..lines).unwrap_or_default())?;
            self.headers.clear();
            self.at = At::Content;
            self.matched = LINE_BREAK;
            self.line_begun = true;
        }
        Ok(())
    }

    /// After a delimiter: the end of its line, or of the last part. Nothing else may follow, for
    /// the boundary of some is then part of the content of others.
    fn delimited(&mut self, byte: u8) -> Result<(), Error> {
        self.at = match (self.at, byte) {
            (At::Delimited, b'-') => At::Closing,
            (At::Closing, b'-') => At::Epilogue,
            (At::Delimited | At::Padding, b' ' | b'\t') => At::Padding,
            (At::Delimited | At::Padding, b'\r') => At::LineEnd,
            (At::LineEnd, b'\n') => At::Headers,
            _ => return Err(Error::Invalid),
        };
        Ok(())
    }
}
