//! How soon the upstream sees a request whose client is slow.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::body::{self, Position};
use super::load;
use super::peers::Peer;
use super::progress;
use super::results::FirstByte;
use super::spread::Spread;
use super::stage::Stage;
use super::wire::{self, Message};

/// The request's body.
pub(super) const BODY: usize = 1 << 20;

/// The pieces the client sends it in.
pub(super) const PIECES: usize = 16;

/// The time between them.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn measure(
    stage: &Stage,
    positions: &[Position],
    rounds: usize,
    peers: &[Peer],
) -> Result<Vec<FirstByte>> {
    let mut found = Vec::new();
    for &model in positions {
        let request = load::request(&body::chat(BODY, model));
        for peer in peers {
            progress::show(format_args!("first byte, model {model}, {}", peer.name));
            let running = stage.envoy(peer)?;
            let (mut first, mut whole) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                let start = Instant::now();
                send_slowly(running.address()?, &request)
                    .with_context(|| format!("first byte with {}", peer.name))?;
                whole.push(start.elapsed().as_secs_f64() * 1e3);
                let began = stage.upstream.last().and_then(|last| last.body_began);
                let began = began.context("the upstream saw no body")?;
                first.push(began.saturating_duration_since(start).as_secs_f64() * 1e3);
            }
            found.push(FirstByte {
                peer: peer.name.to_owned(),
                model,
                milliseconds: Spread::of(first),
                whole_milliseconds: Spread::of(whole),
            });
        }
    }
    progress::show(format_args!(""));
    Ok(found)
}

fn send_slowly(address: SocketAddr, request: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    for (piece, bytes) in request.chunks(request.len().div_ceil(PIECES)).enumerate() {
        if piece > 0 {
            thread::sleep(PAUSE);
        }
        stream.write_all(bytes)?;
    }
    let mut answer = Message::default();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "envoy closed the connection");
        if answer.feed(buffer.get(..read).unwrap_or_default())? {
            let status = answer.head().and_then(wire::status);
            ensure!(status == Some(200), "envoy answered {status:?}, not 200");
            return Ok(());
        }
    }
}
