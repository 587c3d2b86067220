//! One coding of a body, taken off.

use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliDecoder, DecodeV2, DeflateDecoder, GzipDecoder, ZlibDecoder};

use super::windowed::Windowed;
use super::zstd::ZstdDecoder;
use super::{Coding, Error};

/// How much is decoded at once, in bytes.
const PIECE: usize = 16 << 10;

/// Where the flags of a gzip member stand, and those that have to be zero (RFC 1952 section 2.3.1).
const FLAGS: usize = 3;
const RESERVED: u8 = 0b1110_0000;

/// Takes one coding off a body.
pub(super) struct Layer {
    algorithm: Algorithm,
    /// How many bytes of a gzip member still come before its flags. `None`: they have come, or it is another coding.
    before_flags: Option<usize>,
    ended: bool,
    given: usize,
    /// What it means that the decoder stumbles.
    fault: Error,
}

/// What a layer may give in all, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Of what has arrived of the body.
    pub(super) now: usize,
    /// Of that, what a decoder may keep while more is to come.
    pub(super) window: usize,
    /// Of a body of any length.
    pub(super) ever: usize,
}

enum Algorithm {
    /// With or without a frame: the first byte tells.
    Deflate,
    /// What has arrived, as long as it may not stand for as much as the decoder would keep.
    Waiting(Windowed, Vec<u8>),
    Stream(Box<dyn DecodeV2 + Send>),
    Zstd(Box<ZstdDecoder>),
}

impl Layer {
    pub(super) fn new(coding: Coding) -> Self {
        Self {
            algorithm: match coding {
                Coding::Gzip => Algorithm::Stream(Box::new(GzipDecoder::new())),
                Coding::Deflate => Algorithm::Deflate,
                Coding::Brotli => Algorithm::Waiting(Windowed::Brotli, Vec::new()),
                Coding::Zstd => Algorithm::Waiting(Windowed::Zstd, Vec::new()),
            },
            before_flags: (coding == Coding::Gzip).then_some(FLAGS),
            ended: false,
            given: 0,
            fault: Error::Invalid,
        }
    }

    /// Whether more has to arrive before anything is decoded.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.algorithm, Algorithm::Waiting(..))
    }

    /// How many bytes it has given.
    pub(super) fn given(&self) -> usize {
        self.given
    }

    /// Decodes the next bytes.
    ///
    /// # Errors
    ///
    /// They cannot be decoded, stand for more than there is room for, or `take` fails.
    pub(super) fn feed<E: From<Error>>(
        &mut self,
        bytes: &[u8],
        room: Room,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Algorithm::Waiting(coding, arrived) = &mut self.algorithm else {
            return self.decode(bytes, room, take);
        };
        arrived.extend_from_slice(bytes);
        let window = coding.window(arrived)?;
        if window.is_some_and(|window| window.min(room.ever) <= room.window) {
            return self.begin(room.window, room, take);
        }
        Ok(())
    }

    /// Decodes what is left: nothing more comes.
    ///
    /// # Errors
    ///
    /// The body is cut off, or as [`feed`](Self::feed).
    pub(super) fn finish<E: From<Error>>(
        &mut self,
        room: Room,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.begin(room.now, room, take)?;
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

    /// Decodes what has been waited with. The decoder keeps at most `most` bytes.
    fn begin<E: From<Error>>(
        &mut self,
        most: usize,
        room: Room,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
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
        self.decode(&arrived, room, take)
    }

    fn decode<E: From<Error>>(
        &mut self,
        bytes: &[u8],
        room: Room,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(first) = bytes.first() else {
            return Ok(());
        };
        if self.ended {
            // Some readers would go on with another body, and some would not.
            return Err(Error::Invalid.into());
        }
        if let Some(before) = self.before_flags {
            if bytes.get(before).is_some_and(|flags| flags & RESERVED > 0) {
                return Err(Error::Invalid.into());
            }
            self.before_flags = before.checked_sub(bytes.len());
        }
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
            if *given > room.now {
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
