//! Answers, resets and resumption of a stream. Any of these may run other hooks of the same stream
//! or destroy its filter before it returns; only the deferred queue calls them.

use super::{FilterCallbacks, Generation};
use crate::abi::{HttpHeaderType, RawModuleBuffer, RawModuleHeader, StreamResetReason};
use crate::buffer::EnvoyBuffer;
use crate::grpc;

impl FilterCallbacks {
    /// Sends a local reply. 1.36 ignores `details`.
    pub(crate) fn send_response(
        self,
        status: u32,
        headers: &[RawModuleHeader],
        body: &[u8],
        details: &str,
    ) {
        let body = RawModuleBuffer::new(body);
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy copies the arguments.
            Generation::V1_36(table) => unsafe {
                (table.http_send_response)(
                    self.filter,
                    status,
                    headers.as_ptr(),
                    headers.len(),
                    body.ptr,
                    body.length,
                );
            },
            Generation::V1_37(table) => {
                let details = RawModuleBuffer::new(details.as_bytes());
                // SAFETY: as above.
                unsafe {
                    (table.http_send_response)(
                        self.filter,
                        status,
                        headers.as_ptr(),
                        headers.len(),
                        body,
                        details,
                    );
                }
            }
        }
    }

    /// The `grpc-status` of a reply with this status, if the request is one of gRPC. Without it every release sends 0,
    /// which stands for success.
    pub(crate) fn grpc_status(self, status: u32) -> Option<RawModuleHeader> {
        let status = grpc::status_of(status)?;
        let header = || RawModuleHeader::new(b"grpc-status", status.as_bytes());
        self.is_grpc_request().then(header)
    }

    fn is_grpc_request(self) -> bool {
        let Some((raw, _)) = self.header(HttpHeaderType::RequestHeader, b"content-type", 0) else {
            return false;
        };
        // SAFETY: Envoy gave the value, and no call changes it before it is looked at.
        let content_type = unsafe { EnvoyBuffer::from_raw(raw) };
        grpc::is_grpc(content_type.as_slice())
    }

    /// Starts a response of the module's own.
    pub(crate) fn send_response_headers(self, headers: &[RawModuleHeader], end_of_stream: bool) {
        let send = self.callbacks.shared.http_send_response_headers;
        // SAFETY: the filter is live; Envoy copies the headers.
        unsafe { send(self.filter, headers.as_ptr(), headers.len(), end_of_stream) }
    }

    /// Continues a response of the module's own.
    pub(crate) fn send_response_data(self, data: &[u8], end_of_stream: bool) {
        let data = RawModuleBuffer::new(data);
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy copies the data.
            Generation::V1_36(table) => unsafe {
                (table.http_send_response_data)(self.filter, data.ptr, data.length, end_of_stream);
            },
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_send_response_data)(self.filter, data, end_of_stream);
            },
        }
    }

    /// Ends a response of the module's own.
    pub(crate) fn send_response_trailers(self, trailers: &[RawModuleHeader]) {
        let send = self.callbacks.shared.http_send_response_trailers;
        // SAFETY: the filter is live; Envoy copies the trailers.
        unsafe { send(self.filter, trailers.as_ptr(), trailers.len()) }
    }

    /// Resets the stream; false before 1.38.
    pub(crate) fn reset_stream(self, reason: StreamResetReason, details: &str) -> bool {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return false;
        };
        let Some(reset) = table.http_filter_reset_stream else {
            return false;
        };
        let details = RawModuleBuffer::new(details.as_bytes());
        // SAFETY: the filter is live; Envoy copies the details.
        unsafe { reset(self.filter, reason as u32, details) };
        true
    }

    /// Resumes a held request.
    pub(crate) fn continue_decoding(self) {
        // SAFETY: the filter is live.
        unsafe { (self.callbacks.shared.http_filter_continue_decoding)(self.filter) }
    }

    /// Resumes a held response.
    pub(crate) fn continue_encoding(self) {
        // SAFETY: the filter is live.
        unsafe { (self.callbacks.shared.http_filter_continue_encoding)(self.filter) }
    }
}
