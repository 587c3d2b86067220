//! An upstream that throws bodies away and always answers the same.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::processors::Processors;
use super::wire::{self, Message};

/// An answer without a meaning.
pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

const LISTENER: Token = Token(0);

/// What is read at once.
const READ: usize = 256 * 1024;

/// The last request that came in whole.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    head: Vec<u8>,
    /// When the first byte of its body was there, if it has one.
    pub(super) body_began: Option<Instant>,
}

impl Arrival {
    /// The path.
    pub(super) fn path(&self) -> Option<&str> {
        wire::path(&self.head)
    }

    /// The value of a header.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        wire::field(&self.head, name)
    }
}

/// The upstream, served by a thread of its own for as long as the process runs.
#[derive(Debug)]
pub(super) struct Upstream {
    address: SocketAddr,
    last: Arc<Mutex<Option<Arrival>>>,
}

impl Upstream {
    /// Answers with these bytes, whatever comes.
    pub(super) fn start(processors: Processors, answer: &'static [u8]) -> Result<Self> {
        let mut listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let last = Arc::default();
        let mut served = Served {
            poll,
            listener,
            connections: HashMap::new(),
            accepted: 0,
            answer,
            last: Arc::clone(&last),
        };
        thread::spawn(move || {
            // Whoever waits for an answer that does not come has a time limit.
            if let Err(error) = processors.pin_load().and_then(|()| served.forever()) {
                eprintln!("the upstream failed: {error:#}");
            }
        });
        Ok(Self { address, last })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The last request that came in whole.
    pub(super) fn last(&self) -> Option<Arrival> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

struct Served {
    poll: Poll,
    listener: TcpListener,
    connections: HashMap<Token, Connection>,
    accepted: usize,
    answer: &'static [u8],
    last: Arc<Mutex<Option<Arrival>>>,
}

impl Served {
    fn forever(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(64);
        let mut buffer = vec![0; READ];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                } else if let Some(connection) = self.connections.get_mut(&event.token()) {
                    let open = connection.serve(&mut buffer, event.is_read_closed(), &self.last);
                    // Envoys come and go; what they leave half said is no failure of the upstream.
                    if !open.unwrap_or_else(|error| {
                        eprintln!("the upstream closes a connection: {error:#}");
                        false
                    }) {
                        self.connections.remove(&event.token());
                    }
                }
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            self.accepted += 1;
            let token = Token(self.accepted);
            self.poll
                .registry()
                .register(&mut stream, token, Interest::READABLE)?;
            let connection = Connection::new(stream, self.answer);
            self.connections.insert(token, connection);
        }
    }
}

struct Connection {
    stream: TcpStream,
    answer: &'static [u8],
    message: Message,
    body_began: Option<Instant>,
}

impl Connection {
    fn new(stream: TcpStream, answer: &'static [u8]) -> Self {
        Self {
            stream,
            answer,
            message: Message::default(),
            body_began: None,
        }
    }

    /// Reads what there is and answers a whole request; `false` at the connection's end.
    fn serve(
        &mut self,
        buffer: &mut [u8],
        closing: bool,
        last: &Mutex<Option<Arrival>>,
    ) -> Result<bool> {
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let whole = self.message.feed(buffer.get(..read).unwrap_or_default())?;
            if self.message.body_has_begun() {
                self.body_began.get_or_insert_with(Instant::now);
            }
            if whole {
                let head = self.message.head().unwrap_or_default();
                record(last, head, self.body_began.take());
                self.message.clear();
                let written = self.stream.write(self.answer).context("answering")?;
                ensure!(written == self.answer.len(), "an answer cut short");
            }
            // A read that leaves room has emptied the socket: epoll tells when there is more.
            if read < buffer.len() && !closing {
                return Ok(true);
            }
        }
    }
}

fn record(last: &Mutex<Option<Arrival>>, head: &[u8], body_began: Option<Instant>) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let arrival = last.get_or_insert_with(|| Arrival {
        head: Vec::new(),
        body_began,
    });
    arrival.head.clear();
    arrival.head.extend_from_slice(head);
    arrival.body_began = body_began;
}
