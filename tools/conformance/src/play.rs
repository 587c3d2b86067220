//! Plays one case: a client, the gateway, an upstream of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cases::verdict::Arrival;
use harness::{Answer, Connection, End, Protocol, Response, ResponseStream, Upstream};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixSocket};
use tokio::time::{sleep, timeout};

use super::gateway::{Decision, Files, Gateway, unix_socket};
use super::observation::{Message, Observation};
use super::steps::{self, Steps};
use super::take::{Take, chunks};
use super::tunnel;
use super::wire::{Source, Wire};

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the end of a request may take after its response.
const SETTLING: Duration = Duration::from_millis(500);

/// The least time between two pieces, so that they arrive as two.
const PACE: Duration = Duration::from_millis(10);

/// How long a request that breaks off has to get as far as it can.
const BEFORE_BREAKING_OFF: Duration = Duration::from_millis(100);

const POLL: Duration = Duration::from_millis(5);

/// One case on its stage.
pub(crate) struct Scene<'a> {
    pub(crate) case: &'a Take,
    pub(crate) wire: &'a Wire,
    pub(crate) listener: &'a str,
    pub(crate) upstream: &'a CaseUpstream,
    pub(crate) gateway: &'a Gateway,
    pub(crate) files: &'a Files,
    /// Whether the access log is looked at.
    pub(crate) logged: bool,
}

/// The upstream of one case, whose answer can be replaced.
pub(crate) struct CaseUpstream {
    pub(crate) upstream: Upstream,
    answer: Arc<Mutex<Answer>>,
}

impl CaseUpstream {
    /// # Errors
    /// No free port.
    pub(crate) async fn start(case: &Take, wire: &Wire) -> Result<Self> {
        let answer = Arc::new(Mutex::new(wire.answer(case)));
        let given = Arc::clone(&answer);
        let respond = move |_: &_| given.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A request that never ends, or goes on in a tunnel, is answered too.
        let upstream = if wire.tunnel || wire.contradictory {
            Upstream::start_on_headers(respond).await?
        } else {
            Upstream::start(respond).await?
        };
        Ok(Self { upstream, answer })
    }

    pub(crate) fn answer_with(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

impl Scene<'_> {
    /// Sends the case's request and gathers what is seen.
    ///
    /// # Errors
    /// The stage itself fails; what the filter does wrong is in the observation.
    pub(crate) async fn play(&self) -> Result<Observation> {
        let before = self.counters().await?;
        let exchange = timeout(PATIENCE, self.exchange()).await;
        let exchange = exchange
            .context("no response in five seconds")
            .and_then(|exchange| exchange);
        self.settle(exchange.is_ok()).await;
        let recorded = self.upstream.upstream.requests();
        let recorded = recorded.first();
        let after = self.counters().await?;
        let rises = after.into_iter().map(|(name, after)| {
            let before = before.get(&name).copied().flatten().unwrap_or(0);
            (name, after.map(|after| after.saturating_sub(before)))
        });
        let log = match self.logged {
            true => self.gateway.log_line(self.listener).await?,
            false => None,
        };
        let in_steps = steps::are_expected(&self.case.case.expect);
        let steps = match in_steps && self.gateway.is_alive() {
            false => Steps::default(),
            true => steps::probe(self).await.context("step by step")?,
        };
        let (arrival, response_cut_off) = match &exchange {
            Ok(exchange) => (exchange.arrival, exchange.cut_off),
            Err(_) => (Arrival::Never, true),
        };
        Ok(Observation {
            request: recorded.map(Message::from),
            request_end: match recorded.map(|request| &request.end) {
                None | Some(End::Complete) => Ok(()),
                Some(End::Open) => Err("it did not end".to_owned()),
                Some(End::Broken(reason)) => Err(reason.clone()),
            },
            response: exchange
                .map(|exchange| exchange.response)
                .map_err(|error| format!("{error:#}")),
            response_cut_off,
            arrival,
            counters: rises.collect(),
            steps,
            log,
        })
    }

    async fn exchange(&self) -> Result<Exchange> {
        if self.wire.tunnel {
            let mut stream = TcpStream::connect(self.address()?).await?;
            self.introduce(&mut stream).await?;
            let response = tunnel::exchange(stream, self.wire, self.case).await?;
            return Ok(Exchange {
                response,
                arrival: Arrival::Unseen,
                cut_off: false,
            });
        }
        let mut connection = self.connect().await?;
        let message = &self.case.case.request.0;
        let sent = Instant::now();
        let stream = match message.broken_off || message.body.pauses() {
            false => connection.stream(self.wire.request(self.case)).await?,
            true => self.send_in_time(connection).await?,
        };
        Exchange::read(stream, sent).await
    }

    /// Sends the pieces when their time has come, and cuts a request off that breaks off.
    async fn send_in_time(&self, connection: Connection) -> Result<ResponseStream> {
        let message = &self.case.case.request.0;
        let (mut writer, response) = connection.begin(self.wire.head(self.case))?;
        let begun = Instant::now();
        let times = message.body.times();
        for (chunk, time) in chunks(&message.body).into_iter().zip(times) {
            sleep(time.saturating_sub(begun.elapsed()).max(PACE)).await;
            writer.send(chunk).await?;
        }
        if message.broken_off {
            sleep(BEFORE_BREAKING_OFF).await;
            writer.abort();
        } else {
            let trailers = self.case.request_trailers();
            let trailers = trailers.iter();
            let trailers: Vec<(&str, &str)> = trailers
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            match trailers.is_empty() {
                true => writer.finish(),
                false => writer.finish_with(&trailers).await?,
            }
        }
        response.stream().await
    }

    /// A connection from where the case says.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let protocol = Protocol::Http2;
        let name = match &self.wire.source {
            Source::Any | Source::Proxied(_) => {
                let mut stream = TcpStream::connect(self.address()?).await?;
                stream.set_nodelay(true)?;
                self.introduce(&mut stream).await?;
                return Connection::over(stream, protocol, &self.wire.authority).await;
            }
            Source::Unix(name) => name,
        };
        let socket = UnixSocket::new_stream()?;
        if let Some(name) = name {
            socket.bind(name).with_context(|| {
                format!("cannot be a Unix socket called {name:?} in this directory")
            })?;
        }
        let stream = socket.connect(unix_socket(self.files, self.listener)).await;
        if let Some(name) = name {
            // The connection keeps its name.
            std::fs::remove_file(name)?;
        }
        Connection::over(stream?, protocol, &self.wire.authority).await
    }

    /// Tells Envoy by the PROXY protocol where the connection comes from.
    async fn introduce(&self, stream: &mut TcpStream) -> Result<()> {
        if let Source::Proxied(source) = self.wire.source {
            let (family, destination) = match source.is_ipv4() {
                true => ("TCP4", "127.0.0.1"),
                false => ("TCP6", "::1"),
            };
            let (ip, port) = (source.ip(), source.port());
            let line = format!("PROXY {family} {ip} {destination} {port} 80\r\n");
            stream.write_all(line.as_bytes()).await?;
        }
        Ok(())
    }

    fn address(&self) -> Result<std::net::SocketAddr> {
        match self.gateway.decision(self.listener)? {
            Decision::Accepted(Some(address)) => Ok(address),
            other => bail!("cannot connect to {}: {other:?}", self.listener),
        }
    }

    async fn counters(&self) -> Result<BTreeMap<String, Option<u64>>> {
        let mut counters = BTreeMap::new();
        for name in self.case.case.expect.counters.keys() {
            counters.insert(name.clone(), self.gateway.counter(name).await?);
        }
        Ok(counters)
    }

    /// Waits until the upstream has seen the end of a request it saw the beginning of.
    async fn settle(&self, answered: bool) {
        let expected = self.case.case.expect.upstream_reached == Some(true) && answered;
        let deadline = Instant::now() + SETTLING;
        loop {
            let requests = self.upstream.upstream.requests();
            let settled = match requests.first() {
                None if self.case.case.request.0.broken_off => true,
                None => !expected || self.case.is_answered_locally(),
                Some(request) => request.end != End::Open,
            };
            if settled || Instant::now() > deadline {
                return;
            }
            sleep(POLL).await;
        }
    }
}

/// What the client saw.
struct Exchange {
    response: Message,
    arrival: Arrival,
    cut_off: bool,
}

impl Exchange {
    /// Reads a response to its end, or to where it is cut off.
    async fn read(mut stream: ResponseStream, sent: Instant) -> Result<Self> {
        let (status, headers) = (stream.status, stream.headers.clone());
        let mut chunks = Vec::new();
        let cut_off = loop {
            match stream.next().await {
                Ok(Some(chunk)) => chunks.push(chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let first = chunks.iter().find(|chunk| !chunk.data.is_empty());
        let arrival = first.map_or(Arrival::Never, |chunk| {
            Arrival::After(chunk.at.duration_since(sent))
        });
        let response = Response {
            status,
            headers,
            chunks,
            trailers: stream.trailers,
        };
        Ok(Self {
            response: Message::from(&response),
            arrival,
            cut_off,
        })
    }
}
