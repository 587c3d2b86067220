//! Responses as they arrive.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::headers::Headers;
use crate::incoming::{Chunk, IncomingBody, Part, join};

/// How long the next part of a body may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A response not yet here.
#[derive(Debug)]
pub struct PendingResponse(JoinHandle<Result<ResponseStream>>);

impl PendingResponse {
    pub(crate) fn new(response: JoinHandle<Result<ResponseStream>>) -> Self {
        Self(response)
    }

    /// Waits for the response headers.
    ///
    /// # Errors
    /// The response is cut or late.
    pub async fn stream(self) -> Result<ResponseStream> {
        self.0.await?
    }

    /// Waits for the whole response.
    ///
    /// # Errors
    /// The response is cut or late.
    pub async fn response(self) -> Result<Response> {
        self.stream().await?.response().await
    }
}

/// A response whose headers have arrived.
#[derive(Debug)]
pub struct ResponseStream {
    /// Such as 200.
    pub status: u16,
    /// Its header fields.
    pub headers: Headers,
    /// Its trailer fields, known once [`next`](Self::next) has returned `None`.
    pub trailers: Headers,
    body: IncomingBody,
}

impl ResponseStream {
    pub(crate) fn new(response: hyper::Response<Incoming>) -> Self {
        let version = response.version();
        Self {
            status: response.status().as_u16(),
            headers: Headers::from(response.headers()),
            trailers: Headers::default(),
            body: IncomingBody::new(response.into_body(), version),
        }
    }

    /// The next part of the body as it arrives, or `None` at the end.
    ///
    /// # Errors
    /// The body is cut, or nothing comes for fifteen seconds.
    pub async fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            let part = timeout(PATIENCE, self.body.next()).await;
            match part.context("the response body stalled")?? {
                Some(Part::Chunk(chunk)) => return Ok(Some(chunk)),
                Some(Part::Trailers(trailers)) => self.trailers = trailers,
                None => return Ok(None),
            }
        }
    }

    /// Reads the rest.
    ///
    /// # Errors
    /// The body is cut or stalls.
    pub async fn response(mut self) -> Result<Response> {
        let mut chunks = Vec::new();
        while let Some(chunk) = self.next().await? {
            chunks.push(chunk);
        }
        Ok(Response {
            status: self.status,
            headers: self.headers,
            chunks,
            trailers: self.trailers,
        })
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Its header fields.
    pub headers: Headers,
    /// Its body as it arrived.
    pub chunks: Vec<Chunk>,
    /// Its trailer fields.
    pub trailers: Headers,
}

impl Response {
    /// The body.
    #[must_use]
    pub fn body(&self) -> Bytes {
        join(&self.chunks)
    }

    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// The JSON of each event of the body; OpenAI's last, `[DONE]`, has none.
    ///
    /// # Errors
    /// An event is not JSON.
    pub fn events(&self) -> Result<Vec<Value>> {
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let data = data.filter(|data| *data != "[DONE]");
        let events = data.map(|data| serde_json::from_str(data).with_context(|| text.clone()));
        events.collect()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        let parsed = serde_json::from_slice(&self.body());
        parsed.with_context(|| {
            format!(
                "status {}, body is not JSON: {:?}",
                self.status,
                self.text()
            )
        })
    }

    /// The response itself if it has this status.
    ///
    /// # Errors
    /// It has another; the error shows the body.
    pub fn expect_status(self, status: u16) -> Result<Self> {
        ensure!(
            self.status == status,
            "status {} instead of {status}: {:?}",
            self.status,
            self.text()
        );
        Ok(self)
    }
}
