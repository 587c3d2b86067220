//! The memory of an Envoy through which a stream passes without end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::upstream::ENDLESS;
use crate::load;
use crate::sample::mebibytes;
use crate::stage::Running;
use crate::wire::{self, Message};

/// How often the memory is looked at.
const LOOKS: u64 = 16;

/// What is read at once.
const READ: usize = 256 * 1024;

/// Resident memory, in MiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// When a sixteenth had passed.
    pub(super) early: f64,
    /// The most from then on.
    pub(super) most: f64,
}

/// Lets so many bytes pass.
///
/// # Errors
/// Envoy closes the connection, or answers otherwise than 200.
pub(super) fn measure(running: &Running<'_>, bytes: u64) -> Result<Memory> {
    let mut stream = TcpStream::connect(running.address()?)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(&load::get(&format!("{ENDLESS}{bytes}")))?;
    let mut buffer = vec![0; READ];
    let mut answer = Message::default();
    let (mut arrived, mut next_look) = (0_u64, bytes / LOOKS);
    let mut memory: Option<Memory> = None;
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "envoy closed the connection");
        let whole = answer.feed(buffer.get(..read).unwrap_or_default())?;
        arrived = arrived.saturating_add(read as u64);
        if arrived >= next_look || whole {
            next_look = next_look.saturating_add(bytes / LOOKS);
            let now = mebibytes(running.envoy.memory()?);
            let seen = memory.get_or_insert(Memory {
                early: now,
                most: now,
            });
            seen.most = seen.most.max(now);
        }
        if whole {
            let status = answer.head().and_then(wire::status);
            ensure!(status == Some(200), "envoy answered {status:?}, not 200");
            return memory.context("nothing passed");
        }
    }
}
