//! A body being decoded.

use std::fmt;

use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliDecoder, DecodeV2, DeflateDecoder, GzipDecoder, ZlibDecoder};

use super::windowed::Windowed;
use super::zstd::ZstdDecoder;
use super::{Coding, Error};
use crate::Limits;

/// How much is decoded at once, in bytes.
const PIECE: usize = 16 << 10;

/// What may be decoded of few bytes whatever the ratio: a short text of spaces is no attack.
const ALWAYS: usize = 256 << 10;

/// Decodes one body.
pub struct Decoder {
    algorithm: Algorithm,
    ended: bool,
    taken: usize,
    given: usize,
    /// What it means that the decoder stumbles.
    fault: Error,
    limits: Limits,
}

enum Algorithm {
    /// With or without a frame: the first byte tells.
    Deflate,
    /// What has arrived, as long as it may not stand for as much as the decoder would keep.
    Waiting(Windowed, Vec<u8>),
    Stream(Box<dyn DecodeV2 + Send>),
    Zstd(Box<ZstdDecoder>),
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, given) = (self.taken, self.given);
        let waiting = match self.algorithm {
            Algorithm::Waiting(..) => ", waiting",
            _ => "",
        };
        write!(f, "Decoder({given} bytes of {taken}{waiting})")
    }
}

impl Decoder {
    /// Decodes a body of this coding.
    ///
    /// # Errors
    ///
    /// It is not known.
    pub fn new(coding: Coding, limits: &Limits) -> Result<Self, Error> {
        Ok(Self {
            algorithm: match coding {
                Coding::Gzip => Algorithm::Stream(Box::new(GzipDecoder::new())),
                Coding::Deflate => Algorithm::Deflate,
                Coding::Brotli => Algorithm::Waiting(Windowed::Brotli, Vec::new()),
                Coding::Zstd => Algorithm::Waiting(Windowed::Zstd, Vec::new()),
                Coding::Unknown => return Err(Error::Unknown),
            },
            ended: false,
            taken: 0,
            given: 0,
            fault: Error::Invalid,
            limits: *limits,
        })
    }

    /// Decodes the next bytes, and gives what they stand for to `take`, piece by piece.
    ///
    /// # Errors
    ///
    /// They cannot be decoded, or `take` fails. The decoder must not be used after that.
    pub fn feed<E: From<Error>>(
        &mut self,
        bytes: &[u8],
        take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.taken = self.taken.saturating_add(bytes.len());
        let most = self.most();
        let Algorithm::Waiting(coding, arrived) = &mut self.algorithm else {
            return self.decode(bytes, take);
        };
        arrived.extend_from_slice(bytes);
        let window = coding.window(arrived)?;
        let is_enough = |window: usize| window.min(self.limits.decoded_bytes) <= most;
        if window.is_some_and(is_enough) {
            return self.begin(take);
        }
        Ok(())
    }

    /// Ends the body, and gives what is left of it to `take`.
    ///
    /// # Errors
    ///
    /// It is cut off, or as [`feed`](Self::feed).
    pub fn finish<E: From<Error>>(
        mut self,
        take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.begin(take)?;
        let mut nothing = [];
        let ended = match &mut self.algorithm {
            _ if self.ended => true,
            // It may have given all before it came to know that it was.
            Algorithm::Stream(decoder) => {
                let mut output = WriteBuffer::new_initialized(&mut nothing);
                decoder.finish(&mut output).unwrap_or(false)
            }
            Algorithm::Deflate | Algorithm::Waiting(..) | Algorithm::Zstd(_) => false,
        };
        if ended {
            Ok(())
        } else {
            Err(Error::Invalid.into())
        }
    }

    /// Decodes what has been waited with.
    fn begin<E: From<Error>>(&mut self, take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let most = self.most();
        let Algorithm::Waiting(coding, arrived) = &mut self.algorithm else {
            return Ok(());
        };
        let (coding, mut arrived) = (*coding, std::mem::take(arrived));
        if coding.window(&arrived)?.is_some_and(|window| window > most) {
            coding.shorten(&mut arrived, most)?;
            // It may refer to what lies further back than it may be long.
            self.fault = Error::TooMuch;
        }
        self.algorithm = match coding {
            Windowed::Brotli => Algorithm::Stream(Box::new(BrotliDecoder::new())),
            Windowed::Zstd => Algorithm::Zstd(Box::new(ZstdDecoder::new(self.fault))),
        };
        self.decode(&arrived, take)
    }

    fn decode<E: From<Error>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(first) = bytes.first() else {
            return Ok(());
        };
        if self.ended {
            // Some readers would go on with another body, and some would not.
            return Err(Error::Invalid.into());
        }
        let most = self.most();
        if let Algorithm::Deflate = self.algorithm {
            // RFC 1950 section 2.2: a frame says that its method is 8, deflate.
            self.algorithm = Algorithm::Stream(if first & 0x0f == 8 {
                Box::new(ZlibDecoder::new())
            } else {
                Box::new(DeflateDecoder::new())
            });
        }
        let given = &mut self.given;
        let mut bounded = |piece: &[u8]| {
            *given = given.saturating_add(piece.len());
            if *given > most {
                return Err(E::from(Error::TooMuch));
            }
            take(piece)
        };
        match &mut self.algorithm {
            Algorithm::Deflate | Algorithm::Waiting(..) => {}
            Algorithm::Zstd(decoder) => self.ended = decoder.feed(bytes, &mut bounded)?,
            Algorithm::Stream(decoder) => {
                let ended = &mut self.ended;
                stream(&mut **decoder, ended, bytes, self.fault, &mut bounded)?;
            }
        }
        Ok(())
    }

    /// The most bytes that what was taken may stand for.
    fn most(&self) -> usize {
        let by_ratio = self.taken.saturating_mul(self.limits.decoded_ratio);
        by_ratio.max(ALWAYS).min(self.limits.decoded_bytes)
    }
}

fn stream<E: From<Error>>(
    decoder: &mut dyn DecodeV2,
    ended: &mut bool,
    bytes: &[u8],
    fault: Error,
    take: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut input = PartialBuffer::new(bytes);
    let mut piece = [0; PIECE];
    while !input.unwritten().is_empty() {
        if *ended {
            return Err(Error::Invalid.into());
        }
        let before = input.written_len();
        let mut output = WriteBuffer::new_initialized(&mut piece);
        *ended = decoder.decode(&mut input, &mut output).map_err(|_| fault)?;
        let stuck = input.written_len() == before && output.written_len() == 0;
        take(output.written())?;
        if stuck && !*ended {
            return Err(Error::Invalid.into());
        }
    }
    if *ended {
        return Ok(());
    }
    // What it has taken in may stand for more than it has given.
    loop {
        let mut output = WriteBuffer::new_initialized(&mut piece);
        decoder.flush(&mut output).map_err(|_| Error::Invalid)?;
        if output.written_len() == 0 {
            return Ok(());
        }
        take(output.written())?;
    }
}
