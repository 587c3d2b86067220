//! What an upstream does with a connection that no longer speaks HTTP.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::PACE;
use crate::incoming::Chunk;

/// How long it waits for the next expected bytes.
const PATIENCE: Duration = Duration::from_millis(500);

/// What happens in a tunnel.
#[derive(Clone, Debug)]
pub(crate) enum Tunnel {
    /// Every byte comes back.
    Echo,
    /// These chunks are sent once `expected` bytes have arrived, or none came for a while.
    Reply {
        /// How many bytes are waited for.
        expected: usize,
        /// What is sent then.
        chunks: Vec<Bytes>,
    },
}

impl Tunnel {
    /// Whether what arrives belongs to the request, which then ends with the tunnel.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self, Self::Reply { .. })
    }

    /// Runs it to its end. `record` gets every chunk of the request.
    pub(crate) async fn run(
        self,
        stream: impl AsyncRead + AsyncWrite,
        mut record: impl FnMut(Chunk),
    ) {
        let (mut read, mut write) = tokio::io::split(stream);
        let (expected, chunks) = match self {
            Self::Echo => {
                // However it ends, the test sees it at its own side.
                let _ended = tokio::io::copy(&mut read, &mut write).await;
                return;
            }
            Self::Reply { expected, chunks } => (expected, chunks),
        };
        let (arrived, mut arrivals) = watch::channel(0);
        let reader = async {
            let mut data = BytesMut::new();
            while let Ok(1..) = read.read_buf(&mut data).await {
                let data = data.split().freeze();
                arrived.send_modify(|sum| *sum += data.len());
                let at = Instant::now();
                record(Chunk { data, at });
            }
        };
        let writer = async {
            while *arrivals.borrow_and_update() < expected {
                if !matches!(timeout(PATIENCE, arrivals.changed()).await, Ok(Ok(()))) {
                    break;
                }
            }
            for chunk in chunks {
                if write.write_all(&chunk).await.is_err() {
                    return;
                }
                tokio::time::sleep(PACE).await;
            }
            let _ended = write.shutdown().await;
        };
        tokio::join!(reader, writer);
    }
}
