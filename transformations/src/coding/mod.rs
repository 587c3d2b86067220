//! Content codings (RFC 9110 section 8.4.1), decoded as the bytes arrive and within bounds: a few
//! bytes can stand for gigabytes.

mod decoder;
#[cfg(test)]
mod tests;
mod windowed;
mod zstd;

pub(crate) use decoder::Decoder;

use crate::failure::Reason;
use crate::limits::Limits;
use crate::ops::{Direction, TransformationOps};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or without its frame, as some clients have it.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// Another one, or several.
    Unknown,
}

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// Not a coding that is decoded.
    Unknown,
    /// The bytes are not what the coding says, or are cut off, or something follows them.
    Invalid,
    /// A bound was reached.
    TooMuch,
}

impl Error {
    /// What happened, for debug logs.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Error::Unknown => {
                "the body is encoded in another way than gzip, deflate, br or zstd, or in several"
            }
            Error::Invalid => "the body is not encoded as its content-encoding says",
            Error::TooMuch => {
                "the body becomes too long decoded; see limits.decodedBytes and limits.decodedRatio"
            }
        }
    }
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown | Error::Invalid => Reason::ContentEncoding,
            Error::TooMuch => Reason::Limit,
        }
    }
}

impl Coding {
    /// That of a message; `None` when it is not encoded.
    pub(crate) fn of(ops: &dyn TransformationOps, direction: Direction) -> Option<Self> {
        const HEADER: &str = "content-encoding";
        ops.first_header_value(direction, HEADER)?; // as nearly always: there is none
        let values = ops.header_values(direction, HEADER);
        let tokens = values.iter().flat_map(|value| value.split(|b| *b == b','));
        let mut codings = tokens.filter_map(|token| Self::named(token.trim_ascii()));
        let coding = codings.next()?;
        Some(codings.next().map_or(coding, |_| Coding::Unknown))
    }

    fn named(token: &[u8]) -> Option<Self> {
        Some(match token.to_ascii_lowercase().as_slice() {
            // Some clients put a charset here, and servers take no notice.
            b"" | b"identity" | b"utf-8" | b"utf8" => return None,
            b"gzip" | b"x-gzip" => Coding::Gzip,
            b"deflate" => Coding::Deflate,
            b"br" => Coding::Brotli,
            b"zstd" => Coding::Zstd,
            _ => Coding::Unknown,
        })
    }
}

/// The whole of a body, decoded.
///
/// # Errors
///
/// It cannot be.
pub(crate) fn decoded(chunks: &[&[u8]], coding: Coding, limits: &Limits) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::new(coding, limits)?;
    let mut body = Vec::new();
    let mut take = |piece: &[u8]| {
        body.extend_from_slice(piece);
        Ok::<_, Error>(())
    };
    for chunk in chunks {
        decoder.feed(chunk, &mut take)?;
    }
    decoder.finish(&mut take)?;
    Ok(body)
}
