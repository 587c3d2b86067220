//! An upstream that answers at length: each connection has a thread, so that writing may wait.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::body::{self, Kind};
use crate::processors::Processors;
use crate::wire::{self, Message};

/// The path of a stream that pauses behind its first event.
pub(super) const PAUSED: &str = "/paused";

/// How long it does.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// The path of a stream of so many bytes at least: they follow it.
pub(super) const ENDLESS: &str = "/endless/";

const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
    cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

/// Its answers, as they are written. Every event is a chunk, as servers send them.
struct Answers {
    first_event: Vec<u8>,
    more_events: Vec<u8>,
    /// `[DONE]`, and the end of the body.
    end: Vec<u8>,
    json: Vec<u8>,
}

/// The upstream, for as long as the process runs.
#[derive(Debug)]
pub(super) struct AnswerUpstream {
    pub(super) address: SocketAddr,
}

impl AnswerUpstream {
    pub(super) fn start(processors: Processors) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let answers = Arc::new(Answers::new());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                thread::spawn(move || {
                    // Whoever waits for an answer that does not come has a time limit.
                    if let Err(error) = processors.pin_load().and_then(|()| answers.serve(stream)) {
                        eprintln!("the upstream closes a connection: {error:#}");
                    }
                });
            }
        });
        Ok(Self { address })
    }
}

impl Answers {
    fn new() -> Self {
        let chunk = |event: &String| format!("{:x}\r\n{event}\r\n", event.len());
        let chunks: Vec<String> = body::events().iter().map(chunk).collect();
        let (events, done) = chunks.split_at(body::EVENTS);
        let (first, more) = events.split_at(1);
        let completion = body::completion();
        let json = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{completion}",
            completion.len()
        );
        Self {
            first_event: first.concat().into_bytes(),
            more_events: more.concat().into_bytes(),
            end: (done.concat() + "0\r\n\r\n").into_bytes(),
            json: json.into_bytes(),
        }
    }

    /// Answers until the peer closes.
    fn serve(&self, mut stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut request = Message::default();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            if request.feed(buffer.get(..read).unwrap_or_default())? {
                let head = request.head().unwrap_or_default();
                let path = wire::path(head).context("a request without a path")?;
                self.answer(path, &mut stream)?;
                request.clear();
            }
        }
    }

    fn answer(&self, path: &str, stream: &mut TcpStream) -> Result<()> {
        if path == Kind::Json.path() {
            stream.write_all(&self.json)?;
        } else if path == Kind::Stream.path() {
            let parts = [
                STREAM_HEAD.as_bytes(),
                &self.first_event,
                &self.more_events,
                &self.end,
            ];
            stream.write_all(&parts.concat())?;
        } else if path == PAUSED {
            stream.write_all(&[STREAM_HEAD.as_bytes(), &self.first_event].concat())?;
            thread::sleep(PAUSE);
            stream.write_all(&[self.more_events.as_slice(), &self.end].concat())?;
        } else if let Some(bytes) = path.strip_prefix(ENDLESS) {
            let bytes: u64 = bytes.parse().context("how many bytes?")?;
            let events = [self.first_event.as_slice(), &self.more_events].concat();
            stream.write_all(STREAM_HEAD.as_bytes())?;
            let mut sent = 0;
            while sent < bytes {
                stream.write_all(&events)?;
                sent += events.len() as u64;
            }
            stream.write_all(&self.end)?;
        } else {
            bail!("no answer for {path}");
        }
        Ok(())
    }
}
