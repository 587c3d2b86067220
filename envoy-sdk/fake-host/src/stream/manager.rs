//! Envoy's filter manager, for one filter: what is passed on, and when.

use envoy_proxy_dynamic_modules_rust_sdk::{HttpBody, hooks};

use super::half::Iteration;
use super::{Received, Side, Stream};
use crate::message::HeaderMap;

/// Header and body statuses, the same numbers in both directions.
const CONTINUE: u32 = 0;
const CONTINUE_AND_DONT_END_STREAM: u32 = 2;
const STOP_ALL_AND_BUFFER: u32 = 3;
const STOP_ALL_AND_WATERMARK: u32 = 4;
const STOP_AND_BUFFER: u32 = 1;
const STOP_AND_WATERMARK: u32 = 2;

impl Stream {
    /// Headers arrive.
    pub(super) fn headers(&self, body: HttpBody, headers: HeaderMap, end: bool) {
        if self.is_over() {
            return;
        }
        {
            let mut half = self.half(body).borrow_mut();
            half.headers = Some(headers);
            half.ended = end;
        }
        let status = self.hook(body, |envoy, module| {
            // SAFETY: both objects are alive.
            unsafe {
                match body {
                    HttpBody::Request => {
                        hooks::envoy_dynamic_module_on_http_filter_request_headers(
                            envoy, module, end,
                        ) as u32
                    }
                    HttpBody::Response => {
                        hooks::envoy_dynamic_module_on_http_filter_response_headers(
                            envoy, module, end,
                        ) as u32
                    }
                }
            }
        });
        if self.is_over() {
            return;
        }
        let mut half = self.half(body).borrow_mut();
        match status {
            CONTINUE | CONTINUE_AND_DONT_END_STREAM => {
                let end = end && status == CONTINUE;
                // A body that the hook added follows the headers.
                match half.buffered.take() {
                    Some(added) => {
                        half.forward_headers(false);
                        half.forward_data(added, end);
                    }
                    None => half.forward_headers(end),
                }
            }
            STOP_ALL_AND_BUFFER | STOP_ALL_AND_WATERMARK => half.iteration = Iteration::StopAll,
            _ => half.iteration = Iteration::StopSingle,
        }
    }

    /// A frame of body arrives.
    pub(super) fn data(&self, body: HttpBody, chunk: &[u8], end: bool) {
        if self.is_over() {
            return;
        }
        {
            let mut half = self.half(body).borrow_mut();
            half.ended |= end;
            if half.iteration == Iteration::StopAll {
                half.buffer(vec![chunk.to_vec()]);
                return;
            }
            let mut chunks = vec![chunk.to_vec()];
            chunks.retain(|chunk| !chunk.is_empty());
            half.received = Received::Own(chunks);
        }
        self.data_hook(body, end);
    }

    /// Runs the body hook on what is in "received" and does what it says.
    fn data_hook(&self, body: HttpBody, end: bool) {
        if end && self.loses_last_frame.get() {
            let mut half = self.half(body).borrow_mut();
            if half.buffered.is_some()
                && let Received::Own(chunks) = &mut half.received
            {
                let chunks = std::mem::take(chunks);
                half.buffer(chunks);
            }
        }
        let status = self.hook(body, |envoy, module| {
            // SAFETY: both objects are alive.
            unsafe {
                match body {
                    HttpBody::Request => {
                        hooks::envoy_dynamic_module_on_http_filter_request_body(envoy, module, end)
                            as u32
                    }
                    HttpBody::Response => {
                        hooks::envoy_dynamic_module_on_http_filter_response_body(envoy, module, end)
                            as u32
                    }
                }
            }
        });
        let mut half = self.half(body).borrow_mut();
        let received = std::mem::take(&mut half.received);
        if self.is_over() {
            return;
        }
        match status {
            CONTINUE => match received {
                Received::Own(chunks) if half.iteration == Iteration::Continue => {
                    half.forward_data(chunks, end);
                }
                Received::Own(chunks) => {
                    half.buffer(chunks);
                    drop(half);
                    self.resume(body, false);
                }
                // The held body itself, on its way out.
                Received::Buffered | Received::None => {
                    let chunks = half.buffered.replace(Vec::new()).unwrap_or_default();
                    half.forward_data(chunks, end);
                }
            },
            STOP_AND_BUFFER | STOP_AND_WATERMARK => {
                half.iteration = Iteration::StopSingle;
                if let Received::Own(chunks) = received {
                    half.buffer(chunks);
                }
                let over = half.buffered_size() > self.buffer_limit.get();
                drop(half);
                if status == STOP_AND_BUFFER && over {
                    self.over_limit(body);
                }
            }
            _ => {
                half.iteration = Iteration::StopSingle;
                if matches!(received, Received::Buffered) {
                    half.buffered = Some(Vec::new());
                }
                if end && half.trailers.is_none() {
                    half.buffered.get_or_insert_default();
                }
            }
        }
    }

    /// Trailers arrive, and with them the end.
    pub(super) fn trailers(&self, body: HttpBody, trailers: HeaderMap) {
        if self.is_over() {
            return;
        }
        {
            let mut half = self.half(body).borrow_mut();
            half.trailers = Some(trailers);
            half.ended = true;
            if half.iteration == Iteration::StopAll {
                return;
            }
        }
        self.trailers_hook(body);
    }

    fn trailers_hook(&self, body: HttpBody) {
        self.half(body).borrow_mut().in_trailers = true;
        let status = self.hook(body, |envoy, module| {
            // SAFETY: both objects are alive.
            unsafe {
                match body {
                    HttpBody::Request => {
                        hooks::envoy_dynamic_module_on_http_filter_request_trailers(envoy, module)
                            as u32
                    }
                    HttpBody::Response => {
                        hooks::envoy_dynamic_module_on_http_filter_response_trailers(envoy, module)
                            as u32
                    }
                }
            }
        });
        let mut half = self.half(body).borrow_mut();
        half.in_trailers = false;
        if self.is_over() {
            return;
        }
        if status != CONTINUE {
            half.iteration = Iteration::StopSingle;
        } else if half.iteration == Iteration::Continue {
            half.forward_trailers();
        } else {
            drop(half);
            self.resume(body, false);
        }
    }

    /// Passes on what is held. After a stop of all iteration the filter sees it first: then its
    /// body hook gets the held body as "received".
    pub(crate) fn resume(&self, body: HttpBody, by_module: bool) {
        if by_module {
            self.continued.borrow_mut().push(body);
        }
        if self.is_over() {
            return;
        }
        let (from_filter, end_with_data, has_trailers) = {
            let mut half = self.half(body).borrow_mut();
            if half.iteration == Iteration::Continue {
                return;
            }
            let from_filter = half.iteration == Iteration::StopAll;
            half.iteration = Iteration::Continue;
            let has_trailers = half.trailers.is_some();
            let end_with_data = half.ended && !has_trailers;
            if !half.headers_continued {
                let end = end_with_data && half.buffered.is_none();
                half.forward_headers(end);
            }
            if half.buffered.is_some() {
                if from_filter {
                    half.received = Received::Buffered;
                } else {
                    let chunks = half.buffered.replace(Vec::new()).unwrap_or_default();
                    half.forward_data(chunks, end_with_data);
                }
            }
            (from_filter, end_with_data, has_trailers)
        };
        if !from_filter {
            if has_trailers {
                self.half(body).borrow_mut().forward_trailers();
            }
            return;
        }
        if matches!(self.half(body).borrow().received, Received::Buffered) {
            self.data_hook(body, end_with_data);
        }
        if has_trailers && !self.is_over() {
            self.trailers_hook(body);
        }
    }

    /// Whether no hook of the message path runs any more.
    pub(super) fn is_over(&self) -> bool {
        self.destroyed.get() || self.finished.get()
    }

    /// Calls a hook with the pointers it takes; nothing is borrowed meanwhile.
    pub(crate) fn hook<T>(
        &self,
        body: HttpBody,
        call: impl FnOnce(*mut std::ffi::c_void, *const std::ffi::c_void) -> T,
    ) -> T {
        let side = match body {
            HttpBody::Request => Side::Request,
            HttpBody::Response => Side::Other,
        };
        self.running.borrow_mut().push(side);
        let result = call(self.envoy(), self.module.get());
        self.running.borrow_mut().pop();
        result
    }
}
