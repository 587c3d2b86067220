//! What a hook has Envoy do with a message, or with the whole stream.
//!
//! Answers, resets and resumption are values that hooks return: Envoy may run other hooks of the
//! stream or destroy its filter while it performs them, so nothing of the filter must be on the
//! stack. The types leave out what Envoy does not survive at a hook. What is rare is boxed, so that a
//! status is returned in registers.

use crate::abi::{RawModuleHeader, StreamResetReason};
use crate::{envoy_log_warn, header_syntax};

/// What a request hook has Envoy do; `S` is the status of the hook, which converts:
/// `RequestHeadersStatus::Continue.into()`.
#[derive(Debug)]
pub enum RequestFlow<S> {
    /// The request goes on or is held.
    Status(S),
    /// The request is answered. Nothing reaches the upstream that has not gone yet. Once response
    /// headers have left, the stream is cut instead.
    Reply(Box<LocalReply>),
    /// The filter answers bit by bit: see [`crate::EnvoyEvent::reply_stream`]. The request must not
    /// have gone on, nor the filter be in a cluster's chain; else the stream is reset.
    Stream(Box<StreamedReply>),
    /// The stream is reset.
    Reset(Box<Reset>),
}

/// What a response hook has Envoy do; `S` is the status of the hook, which converts:
/// `ResponseHeadersStatus::Continue.into()`.
#[derive(Debug)]
pub enum ResponseFlow<S> {
    /// The response goes on or is held.
    Status(S),
    /// The response is replaced. Once its headers have left, the stream is cut instead.
    Reply(Box<LocalReply>),
    /// The stream is reset.
    Reset(Box<Reset>),
}

/// What the hook of an event has Envoy do.
#[derive(Debug)]
pub enum EventFlow {
    /// Nothing: what is held stays so.
    Wait,
    /// The request goes on. Its body and trailers hooks that were held back run meanwhile. Nothing
    /// happens when another hook has let it go on since.
    ContinueRequest(HeldRequest),
    /// The response goes on. Its body and trailers hooks that were held back run meanwhile. Nothing
    /// happens when another hook has let it go on since.
    ContinueResponse(HeldResponse),
    /// The request is answered, or its response replaced. Once response headers have left, the
    /// stream is cut instead.
    Reply(Box<LocalReply>),
    /// See [`RequestFlow::Stream`].
    Stream(Box<StreamedReply>),
    /// The stream is reset.
    Reset(Box<Reset>),
}

/// Proof that the filter holds the request: [`crate::EnvoyEvent::held_request`] gives it.
#[derive(Debug)]
pub struct HeldRequest(pub(crate) ());

/// Proof that the filter holds the response: [`crate::EnvoyEvent::held_response`] gives it.
#[derive(Debug)]
pub struct HeldResponse(pub(crate) ());

impl<S> From<S> for RequestFlow<S> {
    fn from(status: S) -> Self {
        Self::Status(status)
    }
}

impl<S> From<S> for ResponseFlow<S> {
    fn from(status: S) -> Self {
        Self::Status(status)
    }
}

impl<S> RequestFlow<S> {
    /// Answers with `reply`.
    pub fn reply(reply: LocalReply) -> Self {
        Self::Reply(Box::new(reply))
    }

    /// Starts an answer.
    pub fn stream(reply: StreamedReply) -> Self {
        Self::Stream(Box::new(reply))
    }

    /// Resets the stream.
    pub fn reset(reset: Reset) -> Self {
        Self::Reset(Box::new(reset))
    }
}

impl<S> ResponseFlow<S> {
    /// Answers with `reply`.
    pub fn reply(reply: LocalReply) -> Self {
        Self::Reply(Box::new(reply))
    }

    /// Resets the stream.
    pub fn reset(reset: Reset) -> Self {
        Self::Reset(Box::new(reset))
    }
}

impl EventFlow {
    /// Answers with `reply`.
    pub fn reply(reply: LocalReply) -> Self {
        Self::Reply(Box::new(reply))
    }

    /// Starts an answer.
    pub fn stream(reply: StreamedReply) -> Self {
        Self::Stream(Box::new(reply))
    }

    /// Resets the stream.
    pub fn reset(reset: Reset) -> Self {
        Self::Reset(Box::new(reset))
    }
}

/// A whole answer of the filter's own: Envoy's local reply. The filter's own response hooks do not
/// run for it.
#[derive(Debug)]
pub struct LocalReply {
    pub(crate) status: u16,
    pub(crate) headers: OwnedHeaders,
    pub(crate) body: Vec<u8>,
    pub(crate) details: String,
}

impl LocalReply {
    /// An answer without headers and body. A status outside 200 to 599 becomes 500, with a warning.
    pub fn new(status: u16) -> Self {
        Self {
            status: final_status(status),
            headers: OwnedHeaders::default(),
            body: Vec::new(),
            details: String::new(),
        }
    }

    /// Adds a header. One that is not valid in HTTP, and a pseudo-header, is left out with a warning. An answer to a
    /// request of gRPC has the `grpc-status` that gRPC maps its status to, unless one is added here.
    #[must_use]
    pub fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the response code details for the access log. Envoy 1.36 always has `dynamic_module`.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }
}

/// The beginning of an answer that the filter sends bit by bit. The filter's own response hooks do
/// not run for it.
#[derive(Debug)]
pub struct StreamedReply {
    pub(crate) headers: OwnedHeaders,
    pub(crate) data: Vec<u8>,
}

impl StreamedReply {
    /// An answer that has begun. A status outside 200 to 599 becomes 500, with a warning.
    pub fn new(status: u16) -> Self {
        Self {
            headers: OwnedHeaders::with_status(final_status(status)),
            data: Vec::new(),
        }
    }

    /// Adds a header. One that is not valid in HTTP, and a pseudo-header, is left out with a warning.
    #[must_use]
    pub fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Sends `data` behind the headers.
    #[must_use]
    pub fn data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }
}

/// Why and how a stream is reset.
#[derive(Debug)]
pub struct Reset {
    pub(crate) reason: StreamResetReason,
    pub(crate) details: String,
}

impl Reset {
    /// A reset; `details` become the response code details. Before Envoy 1.38 there is none: the
    /// request is answered with 500, which cuts the stream once response headers have left.
    /// [`StreamResetReason::LocalRefusedStreamReset`] becomes an ordinary reset once a host was chosen,
    /// as always in a cluster's chain: the request may be under way.
    pub fn new(reason: StreamResetReason, details: impl Into<String>) -> Self {
        Self {
            reason,
            details: details.into(),
        }
    }
}

/// Envoy does not survive an answer without a final status.
fn final_status(status: u16) -> u16 {
    if (200..=599).contains(&status) {
        return status;
    }
    envoy_log_warn!("{status} is not the status of an answer; 500 is sent, use 200 to 599");
    500
}

/// Headers that Envoy may be given: each is valid in HTTP.
#[derive(Debug, Default)]
pub(crate) struct OwnedHeaders(Vec<(String, Vec<u8>)>);

impl OwnedHeaders {
    /// The headers of an answer that begins with `status`.
    fn with_status(status: u16) -> Self {
        Self(vec![(
            ":status".to_owned(),
            status.to_string().into_bytes(),
        )])
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        if name.starts_with(':') || !header_syntax::is_valid(name, value) {
            envoy_log_warn!("header {name:?} is left out of an answer: it is not valid there");
            return;
        }
        self.0.push((name.to_owned(), value.to_vec()));
    }

    /// Headers of the author's, each checked.
    pub(crate) fn checked(headers: &[(&str, &[u8])]) -> Self {
        let mut owned = Self::default();
        for (name, value) in headers {
            owned.add(name, value);
        }
        owned
    }

    /// Whether there is one of this name, in lower case.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// The headers as Envoy takes them, valid as long as these.
    pub(crate) fn lend(&self) -> Vec<RawModuleHeader> {
        self.0
            .iter()
            .map(|(name, value)| RawModuleHeader::new(name.as_bytes(), value))
            .collect()
    }
}
