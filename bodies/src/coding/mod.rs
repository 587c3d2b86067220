//! Content codings (RFC 9110 section 8.4.1), decoded as the bytes arrive and within bounds: a few
//! bytes can stand for gigabytes.

mod decoder;
#[cfg(test)]
mod tests;
mod windowed;
mod zstd;

pub use decoder::Decoder;

use crate::Limits;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a coding that is decoded.
    #[error("encoded in another way than gzip, deflate, br or zstd, or in several")]
    Unknown,
    /// The bytes are not what the coding says, or are cut off, or something follows them.
    #[error("not encoded as it is said to be")]
    Invalid,
    /// More than [`Limits::decoded_bytes`] or [`Limits::decoded_ratio`] allow.
    #[error("too long when it is decoded")]
    TooMuch,
}

impl Coding {
    /// What the values of a `content-encoding` say; `None` when the body is not encoded.
    pub fn named(values: &[&[u8]]) -> Option<Self> {
        let tokens = values.iter().flat_map(|value| value.split(|b| *b == b','));
        let mut codings = tokens.filter_map(|token| Self::of_token(token.trim_ascii()));
        let coding = codings.next()?;
        Some(codings.next().map_or(coding, |_| Coding::Unknown))
    }

    fn of_token(token: &[u8]) -> Option<Self> {
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
pub fn decoded(chunks: &[&[u8]], coding: Coding, limits: &Limits) -> Result<Vec<u8>, Error> {
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
