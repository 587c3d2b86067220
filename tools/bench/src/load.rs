//! Clients that send one request over and over, all in one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::processors::Processors;
use super::wire::{self, Message};

/// Connections kept open at once.
pub(super) const CONNECTIONS: usize = 8;

/// What is read at once: large answers take few reads.
const READ: usize = 64 * 1024;

/// The longest silence of Envoy: some filters take seconds for eight large bodies.
const PATIENCE: Duration = Duration::from_secs(60);

/// A POST of this body, as bytes.
pub(super) fn request(body: &str) -> Vec<u8> {
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n\
         authorization: Bearer sk-0123456789abcdef\r\nuser-agent: bench\r\naccept: */*\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A GET of this path, as bytes.
pub(super) fn get(path: &str) -> Vec<u8> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer sk-0123456789abcdef\r\n\
         user-agent: bench\r\naccept: */*\r\n\r\n"
    );
    head.into_bytes()
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// From each request's first byte to its response's last, in the order of the responses.
    pub(super) latencies: Vec<Duration>,
    /// Until the last response was there.
    pub(super) elapsed: Duration,
}

/// Clients that repeat one request, each on a connection of its own.
pub(super) struct Load {
    clients: Vec<Client>,
    poll: Poll,
    processors: Processors,
}

impl Load {
    pub(super) fn connect(address: SocketAddr, processors: Processors) -> Result<Self> {
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for token in 0..CONNECTIONS {
            let stream = std::net::TcpStream::connect(address).context("connecting to Envoy")?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(token), interest)?;
            clients.push(Client::new(stream));
        }
        Ok(Self {
            clients,
            poll,
            processors,
        })
    }

    /// Sends for this long, waits for what is under way, and returns what was served. Each client
    /// sends once at least.
    ///
    /// # Errors
    /// An answer other than 200, a connection closed, or silence.
    pub(super) fn run(&mut self, request: &[u8], time: Duration) -> Result<Served> {
        // A thread of its own, so that pinning ends with the run.
        thread::scope(|scope| {
            let run = scope.spawn(|| {
                self.processors.pin_load()?;
                self.repeat(request, time)
            });
            run.join().map_err(|_| anyhow!("the load panicked"))?
        })
    }

    fn repeat(&mut self, request: &[u8], time: Duration) -> Result<Served> {
        let mut events = Events::with_capacity(CONNECTIONS);
        let mut buffer = vec![0; READ];
        let mut served = Served::default();
        let start = Instant::now();
        let mut under_way = 0;
        for client in &mut self.clients {
            client.start(request)?;
            under_way += 1;
        }
        while under_way > 0 {
            match self.poll.poll(&mut events, Some(PATIENCE)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            ensure!(!events.is_empty(), "no answer for {PATIENCE:?}");
            for event in &events {
                let client = self.clients.get_mut(event.token().0);
                let client = client.context("an event of nobody")?;
                if event.is_writable() {
                    client.write(request)?;
                }
                if event.is_readable() && client.read(&mut buffer)? {
                    served.latencies.push(client.started.elapsed());
                    match start.elapsed() < time {
                        true => client.start(request)?,
                        false => under_way -= 1,
                    }
                }
            }
        }
        served.elapsed = start.elapsed();
        Ok(served)
    }
}

struct Client {
    stream: TcpStream,
    written: usize,
    started: Instant,
    answer: Message,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            written: usize::MAX,
            started: Instant::now(),
            answer: Message::default(),
        }
    }

    fn start(&mut self, request: &[u8]) -> Result<()> {
        self.written = 0;
        self.started = Instant::now();
        self.write(request)
    }

    fn write(&mut self, request: &[u8]) -> Result<()> {
        while let Some(rest) = request.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("sending a request"),
            }
        }
        Ok(())
    }

    /// Reads what there is; `true` once the answer is whole.
    fn read(&mut self, buffer: &mut [u8]) -> Result<bool> {
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => bail!("envoy closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("reading an answer"),
            };
            let whole = self.answer.feed(buffer.get(..read).unwrap_or_default())?;
            if let Some(head) = self.answer.head() {
                let status = wire::status(head);
                ensure!(status == Some(200), "envoy answered {status:?}, not 200");
            }
            if whole {
                self.answer.clear();
                return Ok(true);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Envoy ends right after; it may have closed first.
        let _closed = self.stream.shutdown(Shutdown::Both);
    }
}
