//! The bytes of a multipart body as they arrive, told apart into headers and contents of parts.

use std::borrow::Cow;

use memchr::memmem;

use super::Error;
use crate::PART_HEADER_BYTES;
use crate::content::ContentType;
use crate::is_space;

/// What stands between two parts at the beginning of a line: two hyphens and the boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimiter(pub(super) Vec<u8>);

/// What ends the line before a delimiter, and belongs to it.
pub(super) const LINE_BREAK: &[u8] = b"\r\n";

impl Delimiter {
    /// That of a body with this `content-type`, which says `multipart/form-data`.
    ///
    /// # Errors
    ///
    /// It has no boundary, or one that RFC 2046 does not allow.
    pub fn of(content_type: &ContentType) -> Result<Self, Error> {
        let parameters = content_type.parameters().map_err(|_| Error::Invalid)?;
        // RFC 2231 has other ways to say it, `boundary*` and `boundary*0`, that some know.
        let mut names = parameters.names_and_values().map(|(name, _)| name);
        if names.any(|name| name.starts_with("boundary*")) {
            return Err(Error::Invalid);
        }
        let boundary = parameters.get("boundary").ok_or(Error::Invalid)?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        if !(1..=70).contains(&boundary.len())
            || boundary.ends_with(' ')
            || !boundary.bytes().all(allowed)
        {
            return Err(Error::Invalid);
        }
        Ok(Self([b"--", boundary.as_bytes()].concat()))
    }

    /// The delimiter, which is ASCII.
    pub(super) fn as_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether it stands in the content of a part.
    pub(super) fn stands_in(&self, content: &str) -> bool {
        content.contains(&*self.as_text())
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
#[derive(Clone, Debug, Default)]
pub(super) struct Scanner {
    at: At,
    /// The end of what has passed of the content: a delimiter may begin there.
    held: Vec<u8>,
    /// Whether all that has passed of the content is held.
    all_held: bool,
    headers: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// At the beginning of the body.
    #[default]
    Beginning,
    /// Before the first part.
    Preamble,
    Headers,
    Content,
    /// Right after a delimiter.
    Delimited,
    /// After a delimiter and one hyphen.
    Closing,
    /// After a delimiter and a carriage return.
    LineEnd,
    /// After the last part.
    Epilogue,
}

impl Scanner {
    /// Whether no part can follow.
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
            At::Beginning => {
                self.begin(At::Preamble);
                return Ok(bytes);
            }
            At::Preamble | At::Content | At::Epilogue => {
                return self.content(delimiter, visitor, bytes);
            }
            At::Headers => self.header(*first, visitor)?,
            At::Delimited | At::Closing | At::LineEnd => self.delimited(*first)?,
        }
        Ok(rest)
    }

    /// Begins to read what ends with a delimiter.
    fn begin(&mut self, at: At) {
        self.at = at;
        self.held.clear();
        self.all_held = true;
    }

    /// Reads the bytes up to the next delimiter; returns those after it.
    fn content<'b>(
        &mut self,
        delimiter: &Delimiter,
        visitor: &mut impl Visitor,
        bytes: &'b [u8],
    ) -> Result<&'b [u8], Error> {
        let Delimiter(needle) = delimiter;
        // A delimiter and the line break before it, but for the last byte.
        let most_held = LINE_BREAK
            .len()
            .saturating_add(needle.len())
            .saturating_sub(1);
        let held = self.held.len();
        if held > 0 {
            let edge = bytes.get(..most_held).unwrap_or(bytes);
            self.held.extend_from_slice(edge);
            let joined = std::mem::take(&mut self.held);
            if let Some(at) = memmem::find(&joined, needle) {
                self.delimiter(joined.get(..at).unwrap_or_default(), visitor)?;
                let after = at.saturating_add(needle.len()).saturating_sub(held);
                return Ok(bytes.get(after..).unwrap_or_default());
            }
            if edge.len() == bytes.len() {
                self.pass(&joined, most_held, visitor)?;
                return Ok(&[]);
            }
            // None begins in what was held.
            self.tell(joined.get(..held).unwrap_or_default(), visitor)?;
        }
        if let Some(at) = memmem::find(bytes, needle) {
            self.delimiter(bytes.get(..at).unwrap_or_default(), visitor)?;
            let after = at.saturating_add(needle.len());
            return Ok(bytes.get(after..).unwrap_or_default());
        }
        self.pass(bytes, most_held, visitor)?;
        Ok(&[])
    }

    /// Has bytes without a delimiter pass, but for the last.
    fn pass(
        &mut self,
        bytes: &[u8],
        most_held: usize,
        visitor: &mut impl Visitor,
    ) -> Result<(), Error> {
        let passed = bytes.len().saturating_sub(most_held);
        let (passed, held) = bytes.split_at_checked(passed).unwrap_or_default();
        self.tell(passed, visitor)?;
        self.held = held.to_vec();
        Ok(())
    }

    fn tell(&mut self, bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), Error> {
        self.all_held &= bytes.is_empty();
        match self.at {
            // A server that takes no notice of the content-type reads a JSON document there.
            At::Preamble if !bytes.iter().all(|byte| is_space(*byte)) => Err(Error::Invalid),
            At::Content => {
                visitor.content(bytes);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A delimiter has come after `before`, and what was told before that. Where it does not begin a
    /// line, or stands after the last part, it is one to some readers and none to others.
    fn delimiter(&mut self, before: &[u8], visitor: &mut impl Visitor) -> Result<(), Error> {
        let begins = before.is_empty() && self.all_held;
        let content = if begins {
            Some(before)
        } else {
            before.strip_suffix(LINE_BREAK)
        };
        let content = content
            .filter(|_| self.at != At::Epilogue)
            .ok_or(Error::Invalid)?;
        self.tell(content, visitor)?;
        if self.at == At::Content {
            visitor.end()?;
        }
        self.at = At::Delimited;
        Ok(())
    }

    fn header(&mut self, byte: u8, visitor: &mut impl Visitor) -> Result<(), Error> {
        if self.headers.len() >= PART_HEADER_BYTES {
            return Err(Error::TooLong);
        }
        self.headers.push(byte);
        let ended = self.headers.ends_with(b"\r\n\r\n") || self.headers == b"\r\n";
        if ended {
            let lines = self.headers.len().saturating_sub(LINE_BREAK.len());
            visitor.part(self.headers.get(..lines).unwrap_or_default())?;
            self.headers.clear();
            self.begin(At::Content);
        }
        Ok(())
    }

    /// After a delimiter: the end of its line, or of the last part. Nothing else may follow, for
    /// the boundary of some is then part of the content of others.
    fn delimited(&mut self, byte: u8) -> Result<(), Error> {
        match (self.at, byte) {
            (At::Delimited, b'-') => self.at = At::Closing,
            (At::Closing, b'-') => self.begin(At::Epilogue),
            (At::Delimited, b'\r') => self.at = At::LineEnd,
            (At::LineEnd, b'\n') => self.at = At::Headers,
            _ => return Err(Error::Invalid),
        }
        Ok(())
    }
}
