//! An upstream that answers in bytes, for what a proper server refuses to send.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What such an upstream does with a request.
#[derive(Clone, Debug)]
pub struct Script {
    bytes: Vec<u8>,
    end: Ending,
}

/// What follows the bytes.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Close,
    Reset,
    Next,
}

impl Script {
    /// Sends these bytes and closes the connection.
    #[must_use]
    pub fn close(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let end = Ending::Close;
        Self { bytes, end }
    }

    /// Sends these bytes and resets the connection.
    #[must_use]
    pub fn reset(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let end = Ending::Reset;
        Self { bytes, end }
    }

    /// Sends these bytes and waits for the next request.
    #[must_use]
    pub fn keep(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let end = Ending::Next;
        Self { bytes, end }
    }
}

type Write = dyn Fn(&str) -> Script + Send + Sync;

/// A running upstream. Stops when dropped.
#[derive(Debug)]
pub struct ScriptedUpstream {
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl ScriptedUpstream {
    /// An upstream that has the script of each request's path: what stands behind the method, without the query. The
    /// head and what has come with it is read; a body is not waited for.
    ///
    /// # Errors
    /// No free port.
    pub async fn start(script: impl Fn(&str) -> Script + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot bind an upstream")?;
        let address = listener.local_addr()?;
        let script: Arc<Write> = Arc::new(script);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&script);
                connections.spawn(async move { serve(stream, script).await.unwrap_or_default() });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            _server: server,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Plays the scripts of one connection. `None`: the peer has left.
async fn serve(mut stream: TcpStream, script: Arc<Write>) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8_lossy(&head);
        let path = head.split([' ', '?']).nth(1).unwrap_or_default();
        let Script { bytes, end } = script(path);
        stream.write_all(&bytes).await.ok()?;
        match end {
            Ending::Next => {}
            Ending::Close => return stream.shutdown().await.ok(),
            Ending::Reset => return stream.set_zero_linger().ok(),
        }
    }
}
