//! Messages of gRPC in the data of an HTTP/2 stream.

use anyhow::{Result, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// What gRPC puts before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// The messages of one stream, however they are cut.
#[derive(Debug, Default)]
pub(super) struct Frames {
    arrived: BytesMut,
}

impl Frames {
    pub(super) fn feed(&mut self, data: &[u8]) {
        self.arrived.extend_from_slice(data);
    }

    /// The next message, once it is whole.
    ///
    /// # Errors
    /// It is compressed.
    pub(super) fn next_message(&mut self) -> Result<Option<Bytes>> {
        let Some(mut prefix) = self.arrived.get(..PREFIX) else {
            return Ok(None);
        };
        ensure!(prefix.get_u8() == 0, "a compressed message");
        let length = usize::try_from(prefix.get_u32())?;
        if self.arrived.len() - PREFIX < length {
            // Large bodies come in many pieces: they are copied once.
            self.arrived.reserve(PREFIX + length - self.arrived.len());
            return Ok(None);
        }
        self.arrived.advance(PREFIX);
        Ok(Some(self.arrived.split_to(length).freeze()))
    }
}

/// A message with its prefix, or how it begins where so many more bytes follow.
pub(super) fn framed(message: &[u8], followed_by: usize) -> Bytes {
    let length = message.len() + followed_by;
    let mut bytes = BytesMut::with_capacity(PREFIX + message.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_however_they_are_cut() {
        let sent = [
            framed(b"one", 0),
            framed(b"", 0),
            framed(b"th", 3),
            Bytes::from_static(b"ree"),
        ]
        .concat();
        for size in 1..=sent.len() {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in sent.chunks(size) {
                frames.feed(piece);
                while let Some(message) = frames.next_message().unwrap() {
                    found.push(message);
                }
            }
            assert_eq!(found, ["one", "", "three"], "cut after {size} bytes");
        }
    }

    #[test]
    fn a_compressed_message_is_an_error() {
        let mut frames = Frames::default();
        frames.feed(&[1, 0, 0, 0, 0]);
        frames.next_message().unwrap_err();
    }
}
