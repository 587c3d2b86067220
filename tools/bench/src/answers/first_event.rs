//! How soon the client sees the first event of a stream that goes on later.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::upstream::PAUSED;
use crate::load;
use crate::spread::Spread;
use crate::stage::Running;
use crate::wire::{self, Message};

/// Requests for each round.
const REQUESTS: usize = 10;

/// Microseconds from the request to the first byte of the body.
///
/// # Errors
/// Envoy closes the connection, or answers otherwise than 200.
pub(super) fn measure(running: &Running<'_>, rounds: usize) -> Result<Spread> {
    let mut stream = TcpStream::connect(running.address()?)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // The first is for connections and caches to settle.
    one(&mut stream)?;
    let measured: Result<Vec<f64>> = (0..rounds.saturating_mul(REQUESTS))
        .map(|_| one(&mut stream))
        .collect();
    Ok(Spread::of(measured?))
}

fn one(stream: &mut TcpStream) -> Result<f64> {
    let start = Instant::now();
    stream.write_all(&load::get(PAUSED))?;
    let mut buffer = [0; 4096];
    let mut answer = Message::default();
    let mut first = None;
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "envoy closed the connection");
        let whole = answer.feed(buffer.get(..read).unwrap_or_default())?;
        if answer.body_has_begun() {
            first.get_or_insert_with(|| start.elapsed());
        }
        if whole {
            let status = answer.head().and_then(wire::status);
            ensure!(status == Some(200), "envoy answered {status:?}, not 200");
            return Ok(first.unwrap_or_default().as_secs_f64() * 1e6);
        }
    }
}
