//! Zstandard (RFC 8878): one frame, block by block.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Error;

/// RFC 9659: the largest window that a message may ask for.
const WINDOW: u64 = 8 << 20;

/// The most bytes of one block.
const BLOCK: usize = 128 << 10;

/// Decodes one frame.
///
/// The last bytes of it, as many as its window, come out at its end.
#[derive(Default)]
pub(super) struct ZstdDecoder {
    frame: Option<Frame>,
    /// What has arrived of the next header or block.
    pending: Vec<u8>,
}

struct Frame {
    decoder: FrameDecoder,
    has_checksum: bool,
}

impl ZstdDecoder {
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
            let descriptor = self.pending.get(4).copied().unwrap_or_default();
            self.frame = Some(Frame {
                decoder,
                has_checksum: descriptor & 4 != 0,
            });
            return Ok(false);
        };
        let one = BlockDecodingStrategy::UptoBlocks(1);
        let decoded = frame.decoder.decode_blocks(self.pending.as_slice(), one);
        let ended = decoded.map_err(|_| Error::Invalid)?;
        let mut piece = [0; 16 << 10];
        loop {
            let read = frame.decoder.read(&mut piece).map_err(|_| Error::Invalid)?;
            let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else {
                return Ok(ended);
            };
            take(read)?;
        }
    }
}

/// The length of a frame's header: RFC 8878 section 3.1.1.1.
fn header_bytes(begun: &[u8]) -> usize {
    const MAGIC_AND_DESCRIPTOR: usize = 5;
    let Some(descriptor) = begun.get(4) else {
        return MAGIC_AND_DESCRIPTOR;
    };
    let is_single = descriptor & 0x20 != 0;
    let content_size: usize = match descriptor >> 6 {
        0 if is_single => 1,
        0 => 0,
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let dictionary: usize = match descriptor & 3 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 4,
    };
    let window = usize::from(!is_single);
    [content_size, dictionary, window]
        .into_iter()
        .fold(MAGIC_AND_DESCRIPTOR, usize::saturating_add)
}
