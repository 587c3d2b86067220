//! Answers, resets and resumption, all deferred: they happen right after the hook has returned, in
//! the order they were asked for, still inside Envoy's call.
//!
//! A response or reset ends the stream for the module: whatever is asked for later is dropped.

use super::EnvoyHttpFilter;
use crate::abi::StreamResetReason;
use crate::deferred::{Action, OwnedHeaders};
use crate::{envoy_log_warn, header_syntax};

/// Copies the headers, leaving out those that are not valid in HTTP.
fn own(headers: &[(&str, &[u8])]) -> OwnedHeaders {
    headers
        .iter()
        .filter(|(name, value)| {
            let valid = header_syntax::is_valid(name, value);
            if !valid {
                envoy_log_warn!("header {name:?} was left out: it is not valid in HTTP");
            }
            valid
        })
        .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
        .collect()
}

impl EnvoyHttpFilter {
    /// Answers the request with `status`, in place of any response. Nothing reaches the upstream
    /// that has not gone yet, and the status that the hook returns does not matter. After response
    /// headers have left, the stream is cut instead.
    ///
    /// `details` become the response code details (on 1.36 they are always `dynamic_module`).
    /// Invalid headers are left out with a warning. The module's own response hooks do not run for
    /// this response.
    pub fn send_response(
        &mut self,
        status: u32,
        headers: &[(&str, &[u8])],
        body: &[u8],
        details: &str,
    ) {
        self.defer(Action::SendResponse {
            status,
            headers: own(headers),
            body: body.to_vec(),
            details: details.to_owned(),
        });
    }

    /// Starts a streamed response; `headers` must hold `:status`. Invalid headers are left out with
    /// a warning.
    ///
    /// Up to 1.38 what is streamed passes the module's own response hooks, from 1.39 on it does not.
    pub fn send_response_headers(&mut self, headers: &[(&str, &[u8])], end_of_stream: bool) {
        self.defer(Action::SendResponseHeaders {
            headers: own(headers),
            end_of_stream,
        });
    }

    /// Sends a part of a streamed response.
    pub fn send_response_data(&mut self, data: &[u8], end_of_stream: bool) {
        self.defer(Action::SendResponseData {
            data: data.to_vec(),
            end_of_stream,
        });
    }

    /// Ends a streamed response. Invalid trailers are left out with a warning.
    pub fn send_response_trailers(&mut self, trailers: &[(&str, &[u8])]) {
        self.defer(Action::SendResponseTrailers {
            trailers: own(trailers),
        });
    }

    /// Resets the stream. Before 1.38 there is no reset: the request is answered with 500, which
    /// cuts the stream once response headers have left.
    pub fn reset_stream(&mut self, reason: StreamResetReason, details: &str) {
        self.defer(Action::ResetStream {
            reason,
            details: details.to_owned(),
        });
    }

    /// Resumes a request that a hook held; for `on_scheduled` and `on_http_callout_done`. Body and
    /// trailers hooks that were held back run inside.
    pub fn continue_decoding(&mut self) {
        self.defer(Action::ContinueDecoding);
    }

    /// Resumes a response that a hook held; for `on_scheduled` and `on_http_callout_done`. Body and
    /// trailers hooks that were held back run inside.
    pub fn continue_encoding(&mut self) {
        self.defer(Action::ContinueEncoding);
    }

    fn defer(&self, action: Action) {
        if self.callbacks().is_some() {
            self.instance.defer(action);
        }
    }
}
