//! Floods beside the clients: none of their requests is ever complete, so the mocks get nothing of them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{END_HEADERS, FrameConnection, FrameType, RawConnection, fields, frame};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Streams of one connection that are reset while the filter holds them; Envoy gives up at 500.
const RESETS: u32 = 600;

/// Clients that begin a body and do not go on.
const SLOW: usize = 200;

/// The time between two floods of one kind.
const PAUSE: Duration = Duration::from_millis(500);

/// A request of a chat whose body does not end. Without a model it is held, also where bodies stream.
const BEGUN: &str = "{\"messages\":[";

const HEAD: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/v1/chat/completions"),
    (":authority", "x"),
];

/// Attacks until it is dropped.
pub(super) struct Attack(JoinSet<Result<()>>);

impl Attack {
    /// Begins: resets, headers without end and slow bodies at each address.
    pub(super) fn begin(addresses: &[SocketAddr]) -> Self {
        let mut floods = JoinSet::new();
        for &address in addresses {
            floods.spawn(async move { repeat(address, resets()).await });
            floods.spawn(async move { repeat(address, headers()).await });
            floods.spawn(slow_bodies(address));
        }
        Self(floods)
    }

    /// Whether each of them goes on.
    ///
    /// # Errors
    /// One has ended: nobody was attacked by it.
    pub(super) fn goes_on(&mut self) -> Result<()> {
        let ended = self.0.try_join_next();
        ensure!(ended.is_none(), "a flood has ended: {ended:?}");
        Ok(())
    }
}

/// Sends these frames on one connection after the other. Envoy ends each stream, or the connection.
async fn repeat(address: SocketAddr, frames: Vec<u8>) -> Result<()> {
    loop {
        let mut connection = FrameConnection::open(address).await?;
        let _cut = connection.write(&frames).await;
        connection.end_of(1).await?;
        sleep(PAUSE).await;
    }
}

fn resets() -> Vec<u8> {
    let request = |number: u32| {
        let stream = 2 * number + 1;
        let head = frame(FrameType::Headers, END_HEADERS, stream, &fields(&HEAD));
        let data = frame(FrameType::Data, 0, stream, BEGUN.as_bytes());
        [
            head,
            data,
            frame(FrameType::Reset, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    };
    (0..RESETS).flat_map(request).collect()
}

fn headers() -> Vec<u8> {
    let long = "a".repeat(8000);
    let piece = frame(FrameType::Continuation, 0, 1, &fields(&[("x", &long)]));
    let head = frame(FrameType::Headers, 0, 1, &fields(&HEAD));
    [head, piece.repeat(100)].concat()
}

/// Keeps them all open, a byte each from time to time.
async fn slow_bodies(address: SocketAddr) -> Result<()> {
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    let mut clients = Vec::with_capacity(SLOW);
    for _ in 0..SLOW {
        let mut client = RawConnection::open(address).await?;
        client.send(format!("{head}{BEGUN}")).await?;
        clients.push(client);
    }
    loop {
        sleep(PAUSE).await;
        for client in &mut clients {
            client.send(" ").await?;
        }
    }
}
