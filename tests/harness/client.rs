//! A client that chooses protocol, chunks, pauses and trailers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::{PACE, announce, fields, full, paced, unannounced};
use crate::outgoing::{OutgoingBody, Writer, written};
use crate::response::{PendingResponse, Response, ResponseStream};

/// How long the response headers, or the peer's reading of a chunk, may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 in plain text, with prior knowledge.
    Http2,
}

/// A request to send.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    protocol: Protocol,
    headers: Vec<(String, String)>,
    chunks: Vec<Bytes>,
    chunked: bool,
    announces_length: bool,
    ends_with_data: bool,
    trailers: Vec<(String, String)>,
}

impl Request {
    /// A request with this method and path.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            protocol: Protocol::Http1,
            headers: Vec::new(),
            chunks: Vec::new(),
            chunked: false,
            announces_length: true,
            ends_with_data: false,
            trailers: Vec::new(),
        }
    }

    /// A GET request.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST request.
    #[must_use]
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// Sends it by this protocol; HTTP/1.1 unless said.
    #[must_use]
    pub fn by(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Sends it by HTTP/2.
    #[must_use]
    pub fn http2(self) -> Self {
        self.by(Protocol::Http2)
    }

    /// Adds a header field. `host` replaces the authority.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A body in one piece, with a content-length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.chunks = vec![body.into()];
        self
    }

    /// A body in one piece, and no content-length. If it is empty, HTTP/2 headers end the request.
    #[must_use]
    pub fn body_without_length(mut self, body: impl Into<Bytes>) -> Self {
        self.chunks = vec![body.into()];
        self.announces_length = false;
        self
    }

    /// A JSON body in one piece, with its content type.
    #[must_use]
    pub fn json(self, value: &Value) -> Self {
        self.body(value.to_string())
            .header("content-type", "application/json")
    }

    /// A body of unstated length, each chunk in a write of its own and a little apart.
    #[must_use]
    pub fn chunks<C: Into<Bytes>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        self.chunks = chunks.into_iter().map(Into::into).collect();
        self.chunked = true;
        self
    }

    /// The same, and by HTTP/2 the last chunk's frame is the body's last, where an empty one would follow.
    #[must_use]
    pub fn ended_chunks<C: Into<Bytes>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        self.ends_with_data = true;
        self.chunks(chunks)
    }

    /// Adds a trailer field.
    #[must_use]
    pub fn trailer(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.trailers.push((name.into(), value.into()));
        self.chunked = true;
        self
    }

    /// Sends it over a new connection and reads the whole response.
    ///
    /// # Errors
    /// No connection, or the response is cut or late.
    pub async fn send(self, address: SocketAddr) -> Result<Response> {
        self.stream(address).await?.response().await
    }

    /// Sends it over a new connection and returns at the response headers.
    ///
    /// # Errors
    /// No connection, or the response is cut or late.
    pub async fn stream(self, address: SocketAddr) -> Result<ResponseStream> {
        Connection::open(address, self.protocol)
            .await?
            .stream(self)
            .await
    }

    /// Sends the headers over a new connection; the test then writes the body and asks for the response when it
    /// likes. Chunks and trailers set on the request are not sent.
    ///
    /// # Errors
    /// No connection.
    pub async fn open(self, address: SocketAddr) -> Result<(BodyWriter, PendingResponse)> {
        Connection::open(address, self.protocol).await?.begin(self)
    }

    fn head(
        &self,
        authority: &str,
        trailers: &[(String, String)],
        body: OutgoingBody,
    ) -> Result<hyper::Request<OutgoingBody>> {
        let mut headers = fields(&self.headers)?;
        let authority = match headers.remove(HOST) {
            Some(host) => host,
            None => HeaderValue::from_str(authority)?,
        };
        let mut uri = Uri::builder().path_and_query(self.path.as_str());
        match self.protocol {
            Protocol::Http1 => {
                headers.insert(HOST, authority);
                announce(&mut headers, &fields(trailers)?)?;
            }
            Protocol::Http2 => uri = uri.scheme("http").authority(authority.as_bytes()),
        }
        let uri = uri
            .build()
            .with_context(|| format!("path {:?}", self.path))?;
        let mut request = hyper::Request::new(body);
        *request.method_mut() = Method::from_bytes(self.method.as_bytes())?;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn into_request(self, authority: &str) -> Result<hyper::Request<OutgoingBody>> {
        if !self.chunked {
            let body = self.chunks.first().cloned().unwrap_or_default();
            let body = match self.announces_length {
                true => full(body),
                false => unannounced(body),
            };
            return self.head(authority, &[], body);
        }
        if self.ends_with_data && self.trailers.is_empty() {
            let body = paced(self.chunks.clone());
            return self.head(authority, &[], body);
        }
        let (mut sender, body) = written();
        let request = self.head(authority, &self.trailers, body)?;
        let trailers = fields(&self.trailers)?;
        tokio::spawn(async move {
            for chunk in self.chunks {
                if sender.send_data(chunk).await.is_err() {
                    return;
                }
                tokio::time::sleep(PACE).await;
            }
            if !trailers.is_empty() {
                let _unwanted = sender.send_trailers(trailers).await;
            }
        });
        Ok(request)
    }
}

/// Sends a JSON body by HTTP/1.1 and reads the whole response.
///
/// # Errors
/// No connection, or the response is cut or late.
pub async fn post_json(address: SocketAddr, path: &str, body: &Value) -> Result<Response> {
    Request::post(path).json(body).send(address).await
}

/// A connection that takes one request after another.
#[derive(Debug)]
pub struct Connection {
    authority: String,
    sender: RequestSender,
}

#[derive(Debug)]
enum RequestSender {
    Http1(http1::SendRequest<OutgoingBody>),
    Http2(http2::SendRequest<OutgoingBody>),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The connection is refused, or the handshake fails.
    pub async fn open(address: SocketAddr, protocol: Protocol) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Self::over(stream, protocol, &address.to_string()).await
    }

    /// Speaks HTTP over a connection the test has made itself, such as a Unix socket. `authority` is for requests
    /// without a `host`.
    ///
    /// # Errors
    /// The handshake fails.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        protocol: Protocol,
        authority: &str,
    ) -> Result<Self> {
        let stream = TokioIo::new(stream);
        // The drivers end with their connection; how it ended shows in the response.
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, driver) = http1::handshake(stream).await?;
                tokio::spawn(driver);
                RequestSender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, driver) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(driver);
                RequestSender::Http2(sender)
            }
        };
        let authority = authority.to_owned();
        Ok(Self { authority, sender })
    }

    /// Sends a request, whatever its own protocol, and reads the whole response.
    ///
    /// # Errors
    /// The response is cut or late.
    pub async fn send(&mut self, request: Request) -> Result<Response> {
        self.stream(request).await?.response().await
    }

    /// Sends a request and returns at the response headers.
    ///
    /// # Errors
    /// The response is cut or late.
    pub async fn stream(&mut self, mut request: Request) -> Result<ResponseStream> {
        request.protocol = self.protocol();
        let request = request.into_request(&self.authority)?;
        self.exchange(request).await
    }

    /// Sends the headers of a request, whatever its own protocol; see [`Request::open`].
    ///
    /// # Errors
    /// The request cannot be expressed in HTTP.
    pub fn begin(mut self, mut request: Request) -> Result<(BodyWriter, PendingResponse)> {
        request.protocol = self.protocol();
        let (sender, body) = written();
        let request = request.head(&self.authority, &request.trailers, body)?;
        let response = tokio::spawn(async move { self.exchange(request).await });
        Ok((BodyWriter(sender), PendingResponse::new(response)))
    }

    /// Whether it takes another request; false once the peer has closed it, or has said that it will.
    pub async fn is_ready(&mut self) -> bool {
        match &mut self.sender {
            RequestSender::Http1(sender) => sender.ready().await.is_ok(),
            RequestSender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    fn protocol(&self) -> Protocol {
        match self.sender {
            RequestSender::Http1(_) => Protocol::Http1,
            RequestSender::Http2(_) => Protocol::Http2,
        }
    }

    async fn exchange(&mut self, request: hyper::Request<OutgoingBody>) -> Result<ResponseStream> {
        let exchange = async {
            match &mut self.sender {
                RequestSender::Http1(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
                RequestSender::Http2(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
            }
        };
        let response = timeout(PATIENCE, exchange)
            .await
            .context("no response headers")?
            .context("no response")?;
        Ok(ResponseStream::new(response))
    }
}

/// The body of a request that the test writes itself. Dropping it ends the body.
#[derive(Debug)]
pub struct BodyWriter(Writer);

impl BodyWriter {
    /// Sends one chunk.
    ///
    /// # Errors
    /// The peer no longer wants it.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<()> {
        let sent = timeout(PATIENCE, self.0.send_data(chunk.into())).await;
        sent.context("the peer does not read the body")?
            .ok()
            .context("the peer no longer wants the body")
    }

    /// Ends the body.
    pub fn finish(self) {}

    /// Ends the body with trailers. HTTP/1.1 sends those the request announced with [`Request::trailer`].
    ///
    /// # Errors
    /// The peer no longer wants them.
    pub async fn finish_with(mut self, trailers: &[(&str, &str)]) -> Result<()> {
        let trailers: Vec<_> = trailers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let sent = self.0.send_trailers(fields(&trailers)?).await;
        sent.ok().context("the peer no longer wants the trailers")
    }

    /// Cuts the body: resets the HTTP/2 stream or closes the HTTP/1.1 connection.
    pub fn abort(self) {
        self.0.abort("aborted by the test".into());
    }
}
