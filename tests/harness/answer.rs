//! What an upstream answers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRAILER};
use hyper::{Response, StatusCode};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, Sleep, sleep};

use crate::outgoing::{BodyError, OutgoingBody, Writer, written};
use crate::tunnel::Tunnel;

/// The time left between two chunks. Without it they may reach Envoy in one read and be merged there.
pub(crate) const PACE: Duration = Duration::from_millis(10);

/// An upstream's answer. Cheap to clone; clones of a streamed answer share its stream.
#[derive(Clone, Debug)]
pub struct Answer {
    delay: Duration,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<Piece>,
    trailers: Vec<(String, String)>,
    announces_length: bool,
    tunnel: Option<Tunnel>,
}

/// A part of a body.
#[derive(Clone, Debug)]
enum Piece {
    Data(Bytes),
    Pause(Duration),
    Stream(Arc<Mutex<mpsc::Receiver<Bytes>>>),
    Abort,
}

/// The test's end of [`Answer::stream`]. Dropping it ends the body.
#[derive(Debug)]
pub struct AnswerStream(mpsc::Sender<Bytes>);

impl AnswerStream {
    /// Sends one chunk.
    ///
    /// # Errors
    /// The body is no longer wanted.
    pub async fn send(&self, chunk: impl Into<Bytes>) -> Result<()> {
        self.0
            .send(chunk.into())
            .await
            .ok()
            .context("the streamed answer was dropped")
    }
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            delay: Duration::ZERO,
            status,
            headers: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            announces_length: true,
            tunnel: None,
        }
    }

    /// 200 with this body and a content-length.
    #[must_use]
    pub fn body(body: impl Into<Bytes>) -> Self {
        let mut answer = Self::status(200);
        answer.body.push(Piece::Data(body.into()));
        answer
    }

    /// 200 with this body in one piece, and no content-length.
    #[must_use]
    pub fn body_without_length(body: impl Into<Bytes>) -> Self {
        let mut answer = Self::body(body);
        answer.announces_length = false;
        answer
    }

    /// 200 with a JSON body.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        Self::body(value.to_string()).header("content-type", "application/json")
    }

    /// 200 whose body is sent chunk by chunk, a little apart, with no content-length.
    #[must_use]
    pub fn chunks<C: Into<Bytes>>(chunks: impl IntoIterator<Item = C>) -> Self {
        let chunks = chunks.into_iter();
        chunks.fold(Self::status(200), Self::chunk)
    }

    /// 200 whose body the test sends when it likes, for example server-sent events one by one.
    #[must_use]
    pub fn stream(content_type: &str) -> (AnswerStream, Self) {
        Self::status(200)
            .header("content-type", content_type)
            .streamed()
    }

    /// The same answer, and after what its body holds so far what the test sends when it likes.
    #[must_use]
    pub fn streamed(mut self) -> (AnswerStream, Self) {
        let (sender, receiver) = mpsc::channel(1);
        self.body
            .push(Piece::Stream(Arc::new(Mutex::new(receiver))));
        (AnswerStream(sender), self)
    }

    /// 101 to an HTTP/1.1 `Upgrade: websocket`; afterwards every byte comes back.
    #[must_use]
    pub fn websocket_echo() -> Self {
        let mut answer = Self::status(101)
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        answer.tunnel = Some(Tunnel::Echo);
        answer
    }

    /// The end of HTTP on an HTTP/1.1 connection: with 101 to an upgrade, or 2xx to CONNECT. What arrives then is
    /// recorded as chunks of the request. Once `expected` bytes have, or none came for half a second, sends these
    /// chunks and closes.
    #[must_use]
    pub fn tunnel(
        status: u16,
        expected: usize,
        chunks: impl IntoIterator<Item = impl Into<Bytes>>,
    ) -> Self {
        let chunks = chunks.into_iter().map(Into::into).collect();
        let mut answer = Self::status(status);
        answer.tunnel = Some(Tunnel::Reply { expected, chunks });
        answer
    }

    /// The same answer with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Waits before the first byte.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a trailer field. Over HTTP/1.1 they travel only if the request said `te: trailers`.
    #[must_use]
    pub fn trailer(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.trailers.push((name.into(), value.into()));
        self
    }

    /// Adds a chunk to the body, and a little time after it.
    #[must_use]
    pub fn chunk(mut self, chunk: impl Into<Bytes>) -> Self {
        self.body.push(Piece::Data(chunk.into()));
        self.pause(PACE)
    }

    /// Waits at this point of the body.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.body.push(Piece::Pause(pause));
        self
    }

    /// Cuts the stream after what the body holds so far.
    #[must_use]
    pub fn abort(mut self) -> Self {
        self.body.push(Piece::Abort);
        self
    }

    /// The same answer with this time between the chunks of its body.
    #[must_use]
    pub fn paced(mut self, time: Duration) -> Self {
        for piece in &mut self.body {
            if let Piece::Pause(pause) = piece {
                *pause = time;
            }
        }
        self
    }

    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    pub(crate) fn take_tunnel(&mut self) -> Option<Tunnel> {
        self.tunnel.take()
    }

    /// The answer as hyper sends it. `left` is called if the peer leaves before the end of a body in several pieces.
    ///
    /// # Errors
    /// A status, name or value that HTTP does not allow.
    pub(crate) fn into_response(
        self,
        left: impl FnOnce() + Send + 'static,
    ) -> Result<Response<OutgoingBody>> {
        let headers = fields(&self.headers)?;
        let trailers = fields(&self.trailers)?;
        let body = match self.body.as_slice() {
            [] if trailers.is_empty() => full(Bytes::new()),
            [Piece::Data(data)] if trailers.is_empty() && !self.announces_length => {
                unannounced(data.clone())
            }
            [Piece::Data(data)] if trailers.is_empty() => full(data.clone()),
            _ => {
                let (writer, body) = written();
                let sending = send(writer, self.body, trailers.clone());
                tokio::spawn(async move {
                    if sending.await.is_none() {
                        left();
                    }
                });
                body
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).context("answer status")?;
        *response.headers_mut() = headers;
        announce(response.headers_mut(), &trailers)?;
        Ok(response)
    }

    /// 200 with the body and content type of a request.
    pub(crate) fn echo_of(body: Bytes, content_type: Option<&str>) -> Self {
        Self::body(body).header(
            CONTENT_TYPE.as_str(),
            content_type.unwrap_or("application/octet-stream"),
        )
    }
}

/// hyper sends only those HTTP/1.1 trailers that the `trailer` header names.
pub(crate) fn announce(headers: &mut HeaderMap, trailers: &HeaderMap) -> Result<()> {
    if !trailers.is_empty() {
        let names: Vec<&str> = trailers.keys().map(HeaderName::as_str).collect();
        headers.insert(TRAILER, HeaderValue::from_str(&names.join(", "))?);
    }
    Ok(())
}

pub(crate) fn fields(fields: &[(String, String)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let field = HeaderName::from_bytes(name.as_bytes())
            .with_context(|| format!("header name {name:?}"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .with_context(|| format!("value of header {name}"))?;
        map.append(field, value);
    }
    Ok(map)
}

pub(crate) fn full(body: impl Into<Bytes>) -> OutgoingBody {
    Full::new(body.into())
        .map_err(|never| match never {})
        .boxed()
}

/// A body in one piece, its length kept from hyper.
pub(crate) fn unannounced(body: Bytes) -> OutgoingBody {
    Unannounced(Full::new(body)).boxed()
}

struct Unannounced(Full<Bytes>);

impl Body for Unannounced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.0).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

/// Chunks a little apart, the end known with the last: HTTP/2 then ends in its frame, not in an empty one behind it.
pub(crate) fn paced(chunks: impl IntoIterator<Item = Bytes>) -> OutgoingBody {
    Paced {
        chunks: chunks.into_iter().collect(),
        pause: Box::pin(sleep(Duration::ZERO)),
    }
    .boxed()
}

struct Paced {
    chunks: VecDeque<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        task::ready!(self.pause.as_mut().poll(context));
        self.pause.as_mut().reset(Instant::now() + PACE);
        let chunk = self.chunks.pop_front();
        task::Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// Sends the pieces. `None`: the peer left before the end.
async fn send(mut sender: Writer, pieces: Vec<Piece>, trailers: HeaderMap) -> Option<()> {
    for piece in pieces {
        match piece {
            Piece::Data(data) => sender.send_data(data).await.ok()?,
            Piece::Pause(pause) => sleep(pause).await,
            Piece::Stream(stream) => {
                let mut stream = stream.lock().await;
                while let Some(data) = stream.recv().await {
                    sender.send_data(data).await.ok()?;
                }
            }
            Piece::Abort => {
                sender.abort("aborted by the test".into());
                return Some(());
            }
        }
    }
    if !trailers.is_empty() {
        sender.send_trailers(trailers).await.ok()?;
    }
    Some(())
}
