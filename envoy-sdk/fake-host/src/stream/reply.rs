//! Answers by Envoy itself, resets, and the end of a stream.

use envoy_proxy_dynamic_modules_rust_sdk::abi::RawEnvoyBuffer;
use envoy_proxy_dynamic_modules_rust_sdk::{HttpBody, LocalReplyStatus, hooks};

use super::{Side, Stream};
use crate::message::{HeaderMap, LocalReply, Message};

impl Stream {
    /// The module answers. Its own response hooks do not run.
    pub(crate) fn send_response(&self, reply: LocalReply) {
        if self.is_over() {
            return;
        }
        if self.announce(&reply) == LocalReplyStatus::ContinueAndResetStream {
            self.reset_stream(0, "local_reply".to_owned());
            return;
        }
        self.finished.set(true);
        {
            let mut response = self.response.borrow_mut();
            if response.headers_continued {
                *self.reset.borrow_mut() = Some((0, "response_started".to_owned()));
            } else {
                let mut headers = reply.headers.clone();
                headers.set(":status", reply.status.to_string().as_bytes());
                response.forwarded = Message {
                    headers: Some(headers),
                    chunks: vec![reply.body.clone()],
                    trailers: None,
                    ended: true,
                };
            }
        }
        self.local_replies.borrow_mut().push(reply);
        let in_request_hook = self.running.borrow().last() == Some(&Side::Request);
        if self.generation().destroys_early() && !in_request_hook {
            self.destroy();
        }
    }

    /// The module starts a response of its own.
    pub(crate) fn send_response_headers(&self, headers: HeaderMap, end: bool) {
        if self.generation().filters_own_stream() {
            self.headers(HttpBody::Response, headers, end);
        } else {
            let mut response = self.response.borrow_mut();
            response.headers = Some(headers);
            response.forward_headers(end);
        }
    }

    /// The module continues its response.
    pub(crate) fn send_response_data(&self, data: &[u8], end: bool) {
        if self.generation().filters_own_stream() {
            self.data(HttpBody::Response, data, end);
        } else {
            let mut response = self.response.borrow_mut();
            response.forward_data(vec![data.to_vec()], end);
        }
    }

    /// The module ends its response.
    pub(crate) fn send_response_trailers(&self, trailers: HeaderMap) {
        if self.generation().filters_own_stream() {
            self.trailers(HttpBody::Response, trailers);
        } else {
            let mut response = self.response.borrow_mut();
            response.trailers = Some(trailers);
            response.forward_trailers();
        }
    }

    /// The module resets the stream.
    pub(crate) fn reset_stream(&self, reason: u32, details: String) {
        if self.is_over() {
            return;
        }
        *self.reset.borrow_mut() = Some((reason, details));
        self.finished.set(true);
        self.destroy();
    }

    /// More is held than the limit allows: Envoy answers, and that answer passes the response
    /// hooks.
    pub(super) fn over_limit(&self, body: HttpBody) {
        let (status, details) = match body {
            HttpBody::Request => (413, "request_payload_too_large"),
            HttpBody::Response => (500, "response_payload_too_large"),
        };
        let reply = LocalReply {
            status,
            headers: HeaderMap::default(),
            body: details.as_bytes().to_vec(),
            details: details.to_owned(),
        };
        self.announce(&reply);
        self.local_replies.borrow_mut().push(reply);
        if body == HttpBody::Response {
            self.finished.set(true);
            return;
        }
        let status = status.to_string();
        self.headers(
            HttpBody::Response,
            HeaderMap::new(&[(":status", &status)]),
            false,
        );
        self.data(HttpBody::Response, details.as_bytes(), true);
        self.finished.set(true);
    }

    /// Runs the local-reply hook, where there is one.
    fn announce(&self, reply: &LocalReply) -> LocalReplyStatus {
        if !self.generation().has_local_reply_hook() {
            return LocalReplyStatus::Continue;
        }
        let details = RawEnvoyBuffer {
            ptr: reply.details.as_ptr(),
            length: reply.details.len(),
        };
        self.hook(HttpBody::Response, |envoy, module| {
            // SAFETY: both objects and the buffer are alive.
            unsafe {
                hooks::envoy_dynamic_module_on_http_filter_local_reply(
                    envoy,
                    module,
                    reply.status,
                    details,
                    false,
                )
            }
        })
    }

    /// The stream is over: the last hook, then the module's filter goes.
    pub(crate) fn destroy(&self) {
        if self.destroyed.get() {
            return;
        }
        self.hook(HttpBody::Response, |envoy, module| {
            // SAFETY: both objects are alive.
            unsafe { hooks::envoy_dynamic_module_on_http_filter_stream_complete(envoy, module) }
        });
        self.destroyed.set(true);
        let module = self.module.replace(std::ptr::null());
        // SAFETY: what the module returned, given back once.
        unsafe { hooks::envoy_dynamic_module_on_http_filter_destroy(module) }
    }
}
