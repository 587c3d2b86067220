//! Zstandard (RFC 8878): one frame, block by block.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Error;

/// RFC 9659: the largest window that a message may ask for.
const WINDOW: u64 = crate::ZSTD_WINDOW_BYTES as u64;

/// The most bytes of one block.
const BLOCK: usize = 128 << 10;

/// Decodes one frame.
///
/// The last bytes of it, as many as its window, come out at its end.
pub(super) struct ZstdDecoder {
    /// What it means that a block cannot be decoded.
    fault: Error,
    frame: Option<Frame>,
    /// What has arrived of the next header or block.
    pending: Vec<u8>,
}

struct Frame {
    decoder: FrameDecoder,
    has_checksum: bool,
    /// How long its content is, as it says itself.
    said: Option<u64>,
    /// How much of that has been given.
    given: u64,
}

impl ZstdDecoder {
    /// A decoder, and what it means that a block cannot be decoded.
    pub(super) fn new(fault: Error) -> Self {
        Self {
            fault,
            frame: None,
            pending: Vec::new(),
        }
    }

    /// Decodes the next bytes; whether the frame has ended.
    ///
    /// # Errors
    ///
    /// They cannot be decoded, or `take` fails.
    pub(super) fn feed<E: From<Error>>(
        &mut self,
        mut bytes: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        loop {
            let wanted = self.wanted()?;
            let missing = wanted.saturating_sub(self.pending.len());
            let (next, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.pending.extend_from_slice(next);
            bytes = rest;
            if self.pending.len() < wanted {
                return Ok(false);
            }
            // The length of what follows may only be known now.
            if self.wanted()? > wanted {
                continue;
            }
            let ended = self.decode(take)?;
            self.pending.clear();
            if ended {
                // Some readers would go on with another frame, and some would not.
                return if bytes.is_empty() {
                    Ok(true)
                } else {
                    Err(Error::Invalid.into())
                };
            }
        }
    }

    /// How many bytes the next header or block has, as far as it can be said.
    fn wanted(&self) -> Result<usize, Error> {
        let Some(frame) = &self.frame else {
            return Ok(header_bytes(&self.pending));
        };
        let Some(&[a, b, c]) = self.pending.first_chunk() else {
            return Ok(3);
        };
        // RFC 8878 section 3.1.1.2.
        let header = u32::from_le_bytes([a, b, c, 0]);
        let is_last = header & 1 == 1;
        let repeats = (header >> 1) & 3 == 1;
        let size = usize::try_from(header >> 3).map_err(|_| Error::Invalid)?;
        if size > BLOCK {
            return Err(Error::Invalid);
        }
        let content = if repeats { 1 } else { size };
        let checksum = if is_last && frame.has_checksum { 4 } else { 0 };
        Ok(content.saturating_add(3).saturating_add(checksum))
    }

    /// Decodes the header or block that has arrived; whether the frame has ended.
    fn decode<E: From<Error>>(
        &mut self,
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Some(frame) = &mut self.frame else {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(WINDOW);
            let begun = decoder.init(self.pending.as_slice());
            begun.map_err(|_| Error::Invalid)?;
            let descriptor = self.pending.get(MAGIC.len()).copied().unwrap_or_default();
            let says = content_size_bytes(descriptor) > 0;
            self.frame = Some(Frame {
                said: says.then(|| decoder.content_size()),
                given: 0,
                decoder,
                has_checksum: descriptor & 4 != 0,
            });
            return Ok(false);
        };
        let one = BlockDecodingStrategy::UptoBlocks(1);
        let decoded = frame.decoder.decode_blocks(self.pending.as_slice(), one);
        let ended = decoded.map_err(|_| self.fault)?;
        let mut piece = [0; 16 << 10];
        loop {
            let read = frame.decoder.read(&mut piece).map_err(|_| Error::Invalid)?;
            let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else {
                let is_short = ended && frame.said.is_some_and(|said| said != frame.given);
                return if is_short {
                    Err(Error::Invalid.into())
                } else {
                    Ok(ended)
                };
            };
            let length = u64::try_from(read.len()).unwrap_or(u64::MAX);
            frame.given = frame.given.saturating_add(length);
            if frame.said.is_some_and(|said| said < frame.given) {
                return Err(Error::Invalid.into());
            }
            take(read)?;
        }
    }
}

/// How many bytes the decoder of a frame that begins so keeps; `None` when more has to arrive.
///
/// # Errors
///
/// It is no frame, or they are more than a message may ask for.
pub(super) fn window(begun: &[u8]) -> Result<Option<usize>, Error> {
    if begun.get(..MAGIC.len()).is_some_and(|magic| magic != MAGIC) {
        return Err(Error::Invalid);
    }
    let (Some(descriptor), Some(header)) = (
        begun.get(MAGIC.len()).copied(),
        begun.get(..header_bytes(begun)),
    ) else {
        return Ok(None);
    };
    if descriptor & RESERVED > 0 {
        return Err(Error::Invalid);
    }
    let window = if is_single(descriptor) {
        let bytes = content_size_bytes(descriptor);
        let (_, size) = header
            .split_at_checked(header.len().saturating_sub(bytes))
            .unwrap_or_default();
        let size = size
            .iter()
            .rev()
            .fold(0, |size: u64, byte| size << 8 | u64::from(*byte));
        if bytes == 2 {
            size.saturating_add(256)
        } else {
            size
        }
    } else {
        let said = header.get(WINDOW_BYTE).copied().unwrap_or_default();
        let base = 1_u64 << u32::from(said >> 3).saturating_add(10);
        base.saturating_add((base >> 3).saturating_mul(u64::from(said & 7)))
    };
    if window > WINDOW {
        return Err(Error::Invalid);
    }
    usize::try_from(window)
        .map(Some)
        .map_err(|_| Error::Invalid)
}

/// Has the decoder of a frame that begins so keep less, but all that a body of at most `most` bytes
/// can refer to.
///
/// # Errors
///
/// The frame says that it stands for more than that.
pub(super) fn shorten(begun: &mut [u8], most: usize) -> Result<(), Error> {
    let descriptor = begun.get(MAGIC.len()).copied().unwrap_or_default();
    if is_single(descriptor) {
        return Err(Error::TooMuch);
    }
    // A block may be as long as the window, and is at most this long.
    let most = most.max(BLOCK);
    let exponent = (0..=u8::MAX >> 3)
        .find(|exponent| 1_usize << u32::from(*exponent).saturating_add(10) >= most);
    if let (Some(said), Some(exponent)) = (begun.get_mut(WINDOW_BYTE), exponent) {
        *said = exponent << 3;
    }
    Ok(())
}

/// What a frame begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The bit of the descriptor that has to be zero (RFC 8878 section 3.1.1.1.1.4).
const RESERVED: u8 = 8;

/// Where a frame says how long its window is, if it does.
const WINDOW_BYTE: usize = 5;

/// Whether the window is as long as the frame's content, and has no byte of its own.
fn is_single(descriptor: u8) -> bool {
    descriptor & 0x20 != 0
}

/// In how many bytes a frame says the length of its content.
fn content_size_bytes(descriptor: u8) -> usize {
    match descriptor >> 6 {
        0 if is_single(descriptor) => 1,
        0 => 0,
        1 => 2,
        2 => 4,
        _ => 8,
    }
}

/// The length of a frame's header: RFC 8878 section 3.1.1.1.
fn header_bytes(begun: &[u8]) -> usize {
    const MAGIC_AND_DESCRIPTOR: usize = 5;
    let Some(descriptor) = begun.get(4).copied() else {
        return MAGIC_AND_DESCRIPTOR;
    };
    let dictionary: usize = match descriptor & 3 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 4,
    };
    let window = usize::from(!is_single(descriptor));
    [content_size_bytes(descriptor), dictionary, window]
        .into_iter()
        .fold(MAGIC_AND_DESCRIPTOR, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(rest: &[u8]) -> Vec<u8> {
        [&MAGIC, rest].concat()
    }

    #[test]
    fn windows() {
        for (rest, expected) in [
            (&[][..], Ok(None)),
            (&[0], Ok(None)),
            (&[0, 0], Ok(Some(1 << 10))),
            (&[0, 11 << 3 | 3], Ok(Some((2 << 20) + (3 << 18)))),
            (&[0, 13 << 3], Ok(Some(8 << 20))),
            (&[0, 13 << 3 | 1], Err(Error::Invalid)),
            (&[RESERVED, 0], Err(Error::Invalid)),
            (&[0, 31 << 3 | 7], Err(Error::Invalid)),
            // As long as the content.
            (&[0x20, 200], Ok(Some(200))),
            (&[0x60, 1], Ok(None)),
            (&[0x60, 1, 2], Ok(Some(256 + 0x201))),
            (&[0xa0, 0, 0, 0x80, 0], Ok(Some(8 << 20))),
            (&[0xa0, 1, 0, 0x80, 0], Err(Error::Invalid)),
            (&[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80], Err(Error::Invalid)),
            // Behind a dictionary's number.
            (&[0x61, 9, 1, 2], Ok(Some(256 + 0x201))),
            (&[0x62, 9, 9, 1, 2], Ok(Some(256 + 0x201))),
            (&[0x63, 9, 9, 9, 9, 1, 2], Ok(Some(256 + 0x201))),
        ] {
            assert_eq!(window(&begun(rest)), expected, "{rest:x?}");
        }
        assert_eq!(window(b"{\"mo"), Err(Error::Invalid));
        assert_eq!(window(b"{\"m"), Ok(None));
    }

    #[test]
    fn shorter_windows() {
        for (most, expected) in [
            (0, 128 << 10),
            (1 << 18, 1 << 18),
            ((1 << 18) + 1, 1 << 19),
            (8 << 20, 8 << 20),
        ] {
            let mut frame = begun(&[0, 13 << 3 | 1]);
            shorten(&mut frame, most).unwrap();
            assert_eq!(window(&frame), Ok(Some(expected)), "{most}");
        }
        let mut single = begun(&[0xa0, 0, 0, 0x80, 0]);
        assert_eq!(shorten(&mut single, 1), Err(Error::TooMuch));
    }
}
