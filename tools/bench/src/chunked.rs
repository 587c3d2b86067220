//! Bodies in HTTP/1.1's chunks, counted as they arrive (RFC 9112, section 7.1).

use anyhow::{Context, Result, bail};

/// What of a chunked body is next.
#[derive(Debug)]
pub(super) enum Chunked {
    /// More of the line that holds a chunk's size; what has been read of it.
    Size(Option<usize>),
    /// The rest of that line, behind the size.
    Extension(usize),
    /// So many bytes of a chunk, and the end of its line.
    Data(usize),
    /// A line behind the last chunk; whether it is empty so far.
    Trailer { empty: bool },
    /// Nothing.
    End,
}

/// The end of a chunk's line.
const LINE_END: usize = 2;

impl Chunked {
    /// A body of which nothing has arrived.
    pub(super) fn begin() -> Self {
        Self::Size(None)
    }

    /// Takes what has arrived; `true` once the body is whole.
    ///
    /// # Errors
    /// A size that is no hexadecimal number, or bytes after the end.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<bool> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if let Self::Data(left) = self {
                let taken = (*left).min(bytes.len());
                *left -= taken;
                bytes = bytes.get(taken..).unwrap_or_default();
                if *left == 0 {
                    *self = Self::Size(None);
                }
                continue;
            }
            self.take(byte)?;
            bytes = rest;
        }
        Ok(matches!(self, Self::End))
    }

    fn take(&mut self, byte: u8) -> Result<()> {
        *self = match *self {
            Self::Size(size) => match char::from(byte).to_digit(16) {
                Some(digit) => Self::Size(Some(with_digit(size.unwrap_or(0), digit)?)),
                None => Self::extension(size.context("a chunk without a size")?, byte),
            },
            Self::Extension(size) => Self::extension(size, byte),
            Self::Trailer { empty: true } if byte == b'\n' => Self::End,
            Self::Trailer { empty } => Self::Trailer {
                empty: byte == b'\n' || (empty && byte == b'\r'),
            },
            Self::Data(_) | Self::End => bail!("more bytes than the message has"),
        };
        Ok(())
    }

    /// What a byte behind a size leads to.
    fn extension(size: usize, byte: u8) -> Self {
        match (byte, size) {
            (b'\n', 0) => Self::Trailer { empty: true },
            (b'\n', size) => Self::Data(size.saturating_add(LINE_END)),
            _ => Self::Extension(size),
        }
    }
}

fn with_digit(size: usize, digit: u32) -> Result<usize> {
    let larger = size.checked_mul(16).context("a chunk larger than memory")?;
    Ok(larger + usize::try_from(digit)?)
}

#[cfg(test)]
mod tests {
    use super::Chunked;

    const BODY: &[u8] = b"5\r\nhello\r\n1F; name=value\r\n0123456789012345678901234567890\r\n0\r\nx-after: 1\r\n\r\n";

    #[test]
    fn a_body_is_whole_however_it_is_cut() {
        for cut in 0..BODY.len() {
            let (start, rest) = BODY.split_at(cut);
            let mut body = Chunked::begin();
            assert!(!body.feed(start).unwrap(), "whole after {cut} bytes");
            assert!(body.feed(rest).unwrap(), "not whole, cut at {cut}");
        }
    }

    #[test]
    fn without_trailers_it_ends_too() {
        assert!(Chunked::begin().feed(b"0\r\n\r\n").unwrap());
        Chunked::begin().feed(b"0\r\n\r\nmore").unwrap_err();
        Chunked::begin().feed(b"many\r\n").unwrap_err();
    }
}
