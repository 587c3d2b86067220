//! Content codings (RFC 9110 section 8.4.1), decoded as the bytes arrive and within bounds: a few
//! bytes can stand for gigabytes.

mod decoder;
mod layer;
#[cfg(test)]
mod tests;
mod windowed;
mod zstd;

pub use decoder::{Decoder, Use};

use crate::Limits;

/// The most codings that one body is decoded from: each takes memory of its own, and nobody has use
/// for more.
const LAYERS: usize = 3;

/// One coding.
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
}

/// How a body is encoded: by one coding, or by several on top of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codings(Layers);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layers {
    /// In the order they were applied.
    Known([Option<Coding>; LAYERS]),
    Unknown,
}

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not codings that are decoded.
    #[error("encoded in another way than gzip, deflate, br or zstd, or in more than three")]
    Unknown,
    /// The bytes are not what the coding says, or are cut off, or something follows them.
    #[error("not encoded as it is said to be")]
    Invalid,
    /// More than [`Limits::decoded_bytes`], [`Limits::decoded_ratio`] or [`Limits::passing_ratio`]
    /// allow.
    #[error("too long when it is decoded")]
    TooMuch,
}

impl Codings {
    /// What the values of a `content-encoding` say; `None` when the body is not encoded.
    pub fn named(values: &[&[u8]]) -> Option<Self> {
        let tokens = values.iter().flat_map(|value| value.split(|b| *b == b','));
        let tokens = tokens.map(<[u8]>::trim_ascii);
        let mut tokens = tokens.filter(|token| !is_plain(token)).peekable();
        tokens.peek()?;
        let mut layers = [None; LAYERS];
        for layer in &mut layers {
            let Some(token) = tokens.next() else {
                break;
            };
            *layer = Coding::named(token);
            if layer.is_none() {
                return Some(Self(Layers::Unknown));
            }
        }
        Some(Self(match tokens.next() {
            None => Layers::Known(layers),
            Some(_) => Layers::Unknown,
        }))
    }

    /// Whether a body can be decoded from them.
    pub fn are_known(&self) -> bool {
        matches!(self.0, Layers::Known(_))
    }

    /// The codings, the one that was applied last first.
    ///
    /// # Errors
    ///
    /// One is not known, or they are too many.
    fn outermost_first(&self) -> Result<impl Iterator<Item = Coding> + use<>, Error> {
        match self.0 {
            Layers::Known(layers) => Ok(layers.into_iter().rev().flatten()),
            Layers::Unknown => Err(Error::Unknown),
        }
    }
}

impl From<Coding> for Codings {
    fn from(coding: Coding) -> Self {
        let mut layers = [None; LAYERS];
        let [first, ..] = &mut layers;
        *first = Some(coding);
        Self(Layers::Known(layers))
    }
}

impl Coding {
    fn named(token: &[u8]) -> Option<Self> {
        Some(match token.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Coding::Gzip,
            b"deflate" => Coding::Deflate,
            b"br" => Coding::Brotli,
            b"zstd" => Coding::Zstd,
            _ => return None,
        })
    }
}

/// Whether a token names no coding. Some clients put a charset here, and servers take no notice.
fn is_plain(token: &[u8]) -> bool {
    let plain: [&[u8]; 4] = [b"", b"identity", b"utf-8", b"utf8"];
    plain.iter().any(|name| token.eq_ignore_ascii_case(name))
}

/// The whole of a body, decoded.
///
/// # Errors
///
/// It cannot be.
pub fn decoded(
    chunks: &[&[u8]],
    codings: impl Into<Codings>,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::new(codings, Use::Decides, limits)?;
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
