//! HTTP/2 frame by frame, for what a proper client refuses to send.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long the end of a stream may take.
const PATIENCE: Duration = Duration::from_secs(10);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The type of a frame, as RFC 9113 section 6 numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameType {
    /// A piece of a body.
    Data = 0,
    /// Header or trailer fields.
    Headers = 1,
    /// The end of a stream, by an error.
    Reset = 3,
    /// Settings of the connection.
    Settings = 4,
    /// A question whether the peer is there.
    Ping = 6,
    /// The end of the connection.
    GoAway = 7,
    /// More fields of a `Headers`.
    Continuation = 9,
}

/// Flag of `Data` and `Headers`: nothing of the stream follows.
pub const END_STREAM: u8 = 1;

/// Flag of `Headers` and `Continuation`: no more fields follow.
pub const END_HEADERS: u8 = 4;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// With an answer of status 200.
    Served,
    /// With an answer of another status.
    Refused,
    /// By a reset, or with its connection.
    Cut,
}

/// A frame of the peer.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Bytes,
}

/// A connection whose frames a test writes itself. What arrives is read all the time.
#[derive(Debug)]
pub struct FrameConnection {
    writer: OwnedWriteHalf,
    frames: mpsc::UnboundedReceiver<Frame>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} bytes on {}",
            self.kind,
            self.payload.len(),
            self.stream
        )
    }
}

impl FrameConnection {
    /// Connects, and begins with the settings that stand without a word.
    ///
    /// # Errors
    /// The connection is refused.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (mut reader, writer) = stream.into_split();
        let (sender, frames) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut unread = BytesMut::new();
            // However the connection ends, there are no more frames.
            while reader
                .read_buf(&mut unread)
                .await
                .is_ok_and(|read| read > 0)
            {
                while let Some(frame) = take(&mut unread) {
                    if sender.send(frame).is_err() {
                        return;
                    }
                }
            }
        });
        let mut connection = Self { writer, frames };
        let begin = [PREFACE, &frame(FrameType::Settings, 0, 0, b"")].concat();
        connection.write(&begin).await?;
        Ok(connection)
    }

    /// Sends bytes, such as many of [`frame`].
    ///
    /// # Errors
    /// The peer has closed.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = timeout(PATIENCE, self.writer.write_all(bytes)).await;
        written
            .context("the peer does not read")?
            .context("cannot send")
    }

    /// How a stream has ended, once it has.
    ///
    /// # Errors
    /// It has not within ten seconds.
    pub async fn end_of(&mut self, stream: u32) -> Result<StreamEnd> {
        let mut served = StreamEnd::Refused;
        loop {
            let next = timeout(PATIENCE, self.frames.recv()).await;
            let Some(frame) = next.with_context(|| format!("stream {stream} does not end"))? else {
                return Ok(StreamEnd::Cut);
            };
            let of_it = frame.stream == stream;
            match frame.kind {
                kind if kind == FrameType::GoAway as u8 => {
                    let code = frame.payload.get(4..8).map(|mut code| code.get_u32());
                    if code != Some(0) {
                        return Ok(StreamEnd::Cut);
                    }
                }
                kind if kind == FrameType::Reset as u8 && of_it => return Ok(StreamEnd::Cut),
                // 0x88 is HPACK's word for `:status: 200`, which comes first.
                kind if kind == FrameType::Headers as u8
                    && of_it
                    && frame.payload.first() == Some(&0x88) =>
                {
                    served = StreamEnd::Served;
                }
                _ => {}
            }
            let ends = [FrameType::Headers as u8, FrameType::Data as u8].contains(&frame.kind);
            if of_it && ends && frame.flags & END_STREAM != 0 {
                return Ok(served);
            }
        }
    }

    /// Waits until the peer closes.
    ///
    /// # Errors
    /// It has not within ten seconds.
    pub async fn closed(&mut self) -> Result<()> {
        let closed = async { while self.frames.recv().await.is_some() {} };
        if timeout(PATIENCE, closed).await.is_err() {
            bail!("the peer keeps the connection");
        }
        Ok(())
    }
}

/// The first frame of what has arrived, if it is whole.
fn take(unread: &mut BytesMut) -> Option<Frame> {
    let mut head = unread.get(..9)?;
    let length = usize::try_from(head.get_uint(3)).ok()?;
    let (kind, flags, stream) = (head.get_u8(), head.get_u8(), head.get_u32());
    if unread.len() < 9 + length {
        return None;
    }
    unread.advance(9);
    let payload = unread.split_to(length).freeze();
    Some(Frame {
        kind,
        flags,
        stream,
        payload,
    })
}

/// A frame. A payload over 16 KiB is more than a peer has to take.
#[must_use]
pub fn frame(kind: FrameType, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(9 + payload.len());
    frame.put_uint(payload.len() as u64, 3);
    frame.put_u8(kind as u8);
    frame.put_u8(flags);
    frame.put_u32(stream);
    frame.put_slice(payload);
    frame
}

/// Fields as HPACK, each spelled out.
#[must_use]
pub fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.put_u8(0x10); // never indexed, a new name
        for text in [name, value] {
            length(&mut block, text.len());
            block.put_slice(text.as_bytes());
        }
    }
    block
}

/// A length with a prefix of seven bits (RFC 7541 section 5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        block.put_u8(length.to_le_bytes()[0]);
        return;
    };
    block.put_u8(127);
    while rest >= 128 {
        block.put_u8(rest.to_le_bytes()[0] | 128);
        rest >>= 7;
    }
    block.put_u8(rest.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::{FrameType, fields, frame};

    #[test]
    fn a_frame_has_its_length_type_flags_and_stream() {
        let frame = frame(FrameType::Headers, 5, 3, b"ab");
        assert_eq!(frame, [0, 0, 2, 1, 5, 0, 0, 0, 3, b'a', b'b']);
    }

    /// The example of RFC 7541 section C.1.2, with seven bits: 1337 is 127, and 1210 in two bytes.
    #[test]
    fn a_long_value_has_its_length_in_several_bytes() {
        let block = fields(&[("a", &"b".repeat(1337))]);
        assert_eq!(block.get(..6), Some(&[0x10, 1, b'a', 127, 0xba, 9][..]));
        assert_eq!(block.len(), 6 + 1337);
    }
}
