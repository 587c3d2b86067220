//! HTTP callouts.

use std::fmt;

use super::EnvoyClient;
use crate::abi::RawModuleHeader;
use crate::header_syntax;

/// Why a callout was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpCalloutInitError {
    /// `:method`, `:path` or `host` is missing.
    MissingRequiredHeaders,
    /// Envoy has no such cluster.
    ClusterNotFound,
    /// The id is in use.
    DuplicateCalloutId,
    /// The request cannot be made, for instance because the cluster has no healthy host.
    CannotCreateRequest,
    /// A header name or value is not valid in HTTP.
    InvalidHeader,
    /// The end of another callout is on the stack.
    InCalloutDone,
    /// The stream is gone.
    Unavailable,
    /// A result code that this crate does not know.
    Unknown(u32),
}

impl fmt::Display for HttpCalloutInitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::MissingRequiredHeaders => {
                "callout without a required header: give :method, :path and host"
            }
            Self::ClusterNotFound => "callout to an unknown cluster: define it in Envoy",
            Self::DuplicateCalloutId => "callout id is in use",
            Self::CannotCreateRequest => "callout failed: the cluster may have no healthy host",
            Self::InvalidHeader => {
                "callout with an invalid header: remove line breaks, NULs and spaces in names"
            }
            Self::InCalloutDone => {
                "callout within the end of another: commit an event, and call out in on_scheduled"
            }
            Self::Unavailable => "callout unavailable: the stream is gone",
            Self::Unknown(code) => {
                return write!(formatter, "callout refused with unknown code {code}");
            }
        };
        formatter.write_str(text)
    }
}

impl std::error::Error for HttpCalloutInitError {}

impl EnvoyClient {
    /// Sends an HTTP request to `cluster` on the stream's behalf and returns the id that
    /// [`crate::HttpFilter::on_http_callout_done`] will be called with. `headers` must hold
    /// `:method`, `:path` and `host`. Envoy waits `timeout_milliseconds` for the whole response.
    ///
    /// That hook may run before this returns, when the request fails at once.
    ///
    /// Response hooks have no callouts, and within [`crate::HttpFilter::on_http_callout_done`] none are
    /// made: both may run while Envoy gives up a connection, and a request to the same cluster is then
    /// the end of Envoy. Commit an event there, and call out in [`crate::HttpFilter::on_scheduled`].
    ///
    /// # Errors
    /// When the request was not made: a header is missing or not valid in HTTP, Envoy does not know
    /// the cluster or cannot reach it, the end of another callout is on the stack, or the stream is
    /// gone. The hook may have run all the same.
    pub fn send_http_callout(
        &mut self,
        cluster: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
        timeout_milliseconds: u64,
    ) -> Result<u64, HttpCalloutInitError> {
        let callbacks = self.callbacks().ok_or(HttpCalloutInitError::Unavailable)?;
        if self.instance.is_ending_callout() {
            return Err(HttpCalloutInitError::InCalloutDone);
        }
        if !headers
            .iter()
            .all(|(name, value)| header_syntax::is_valid(name, value))
        {
            return Err(HttpCalloutInitError::InvalidHeader);
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| RawModuleHeader::new(name.as_bytes(), value))
            .collect();
        let own_id = self.instance.next_callout();
        let (result, id) =
            callbacks.http_callout(own_id, cluster, &headers, body, timeout_milliseconds);
        match result {
            0 => Ok(id),
            1 => Err(HttpCalloutInitError::MissingRequiredHeaders),
            2 => Err(HttpCalloutInitError::ClusterNotFound),
            3 => Err(HttpCalloutInitError::DuplicateCalloutId),
            4 => Err(HttpCalloutInitError::CannotCreateRequest),
            other => Err(HttpCalloutInitError::Unknown(other)),
        }
    }
}
