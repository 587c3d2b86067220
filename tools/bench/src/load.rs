//! Clients that send one request over and over, all in one thread: each when its last is answered, or all at a rate.

mod rate;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::processors::Processors;
use super::wire::{self, Message};
use rate::Schedule;

/// Connections kept open at once, where each sends its next request when its last is answered.
pub(super) const CONNECTIONS: usize = 8;

/// The same, where requests are sent at a rate: enough that one is free when a request is due.
const CONNECTIONS_AT_A_RATE: usize = 64;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// On each connection when its last request is answered: as many as Envoy can serve.
    Saturated,
    /// So many in a second, whether answers come or not.
    PerSecond(u32),
}

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
    /// To the last byte of each response, from the first of its request, or from when that was due.
    pub(super) latencies: Vec<Duration>,
    /// Requests that were due and found no free connection until the end.
    pub(super) missed: usize,
    /// Until the last response was there.
    pub(super) elapsed: Duration,
}

/// Clients that repeat one request, each on a connection of its own.
pub(super) struct Load {
    clients: Vec<Client>,
    poll: Poll,
    processors: Processors,
    pace: Pace,
}

impl Pace {
    fn connections(self) -> usize {
        match self {
            Self::Saturated => CONNECTIONS,
            Self::PerSecond(_) => CONNECTIONS_AT_A_RATE,
        }
    }
}

impl Load {
    pub(super) fn connect(address: SocketAddr, processors: Processors, pace: Pace) -> Result<Self> {
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for token in 0..pace.connections() {
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
            pace,
        })
    }

    /// Sends for this long, waits for what is under way, and returns what was served: at least a request of each client,
    /// or one at a rate.
    ///
    /// # Errors
    /// An answer other than 200, a connection closed, or silence.
    pub(super) fn run(&mut self, request: &[u8], time: Duration) -> Result<Served> {
        // A thread of its own, so that pinning ends with the run.
        thread::scope(|scope| {
            let run = scope.spawn(|| {
                self.processors.pin_load()?;
                match self.pace {
                    Pace::Saturated => self.repeat(request, time),
                    Pace::PerSecond(rate) => self.keep_to(Schedule::new(rate, time), request),
                }
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
            client.start(request, Instant::now())?;
            under_way += 1;
        }
        while under_way > 0 {
            self.wait(&mut events)?;
            for event in &events {
                let client = self.clients.get_mut(event.token().0);
                let client = client.context("an event of nobody")?;
                if event.is_writable() {
                    client.write(request)?;
                }
                if event.is_readable() && client.read(&mut buffer)? {
                    served.latencies.push(client.started.elapsed());
                    match start.elapsed() < time {
                        true => client.start(request, Instant::now())?,
                        false => under_way -= 1,
                    }
                }
            }
        }
        served.elapsed = start.elapsed();
        Ok(served)
    }

    fn wait(&mut self, events: &mut Events) -> Result<()> {
        match self.poll.poll(events, Some(PATIENCE)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        ensure!(!events.is_empty(), "no answer for {PATIENCE:?}");
        Ok(())
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

    /// Sends it, and counts its time from then.
    fn start(&mut self, request: &[u8], from: Instant) -> Result<()> {
        self.written = 0;
        self.started = from;
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
