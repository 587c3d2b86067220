//! A bare TCP client, for what a proper HTTP client refuses to send.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a read may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A TCP connection to Envoy.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl RawConnection {
    /// Connects.
    ///
    /// # Errors
    /// The connection is refused.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    /// Connects and has a GET of `path` upgrade the connection to `protocol`; returns the head of the answer too.
    ///
    /// # Errors
    /// The connection is refused, or the answer is not 101.
    pub async fn upgrade(
        address: SocketAddr,
        path: &str,
        protocol: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Self, String)> {
        let mut connection = Self::open(address).await?;
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n"
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        connection.send(request + "\r\n").await?;
        let head = connection.read_until("\r\n\r\n").await?;
        ensure!(head.starts_with("HTTP/1.1 101 "), "no upgrade: {head}");
        Ok((connection, head))
    }

    /// Sends a text that ends in a full stop, and has no other, and reads it back.
    ///
    /// # Errors
    /// Something else comes back.
    pub async fn echo(&mut self, text: &str) -> Result<()> {
        self.send(text).await?;
        let echoed = self.read_until(".").await?;
        ensure!(echoed == text, "{text:?} came back as {echoed:?}");
        Ok(())
    }

    /// Sends these bytes at once.
    ///
    /// # Errors
    /// The peer has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .context("cannot send")
    }

    /// Says that nothing more will be sent; reading goes on.
    ///
    /// # Errors
    /// The peer has closed.
    pub async fn finish(&mut self) -> Result<()> {
        self.stream.shutdown().await.context("cannot finish")
    }

    /// Resets the connection instead of closing it.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn reset(self) -> Result<()> {
        self.stream
            .set_zero_linger()
            .context("cannot set the linger time")
    }

    /// Reads up to and including the first `end`.
    ///
    /// # Errors
    /// The peer closes or ten seconds pass before that.
    pub async fn read_until(&mut self, end: &str) -> Result<String> {
        loop {
            let found = self
                .unread
                .windows(end.len())
                .position(|window| window == end.as_bytes());
            if let Some(position) = found {
                let rest = self.unread.split_off(position + end.len());
                let head = std::mem::replace(&mut self.unread, rest);
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            let count = self.read_more().await?;
            ensure!(
                count > 0,
                "closed before {end:?}, after {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        }
    }

    /// Reads until the peer closes. A reset counts as a close.
    ///
    /// # Errors
    /// Ten seconds pass without a byte.
    pub async fn read_to_end(&mut self) -> Result<String> {
        while self.read_more().await? > 0 {}
        Ok(String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned())
    }

    async fn read_more(&mut self) -> Result<usize> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        let read = read.with_context(|| {
            format!(
                "nothing to read after {:?}",
                String::from_utf8_lossy(&self.unread)
            )
        })?;
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(0),
            other => other.context("cannot read"),
        }
    }
}
