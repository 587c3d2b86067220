//! Bodies.
//!
//! Envoy keeps what a filter held back in one buffer ("buffered") and the chunk of the running body
//! hook in another ("received"). The whole body is the first followed by the second, unless both
//! are the same buffer, as after another filter buffered the body or a hold of all iteration ended.

use super::{EnvoyHttpFilter, EnvoyMetrics, HttpBody};
use crate::abi::{HttpBodyType, HttpHeaderType, RawEnvoyBuffer};
use crate::buffer::EnvoyBuffer;
use crate::callbacks::FilterCallbacks;
use crate::hooks::Hook;
use crate::message::Progress;

impl HttpBody {
    pub(super) fn received(self) -> HttpBodyType {
        match self {
            Self::Request => HttpBodyType::ReceivedRequest,
            Self::Response => HttpBodyType::ReceivedResponse,
        }
    }

    pub(super) fn buffered(self) -> HttpBodyType {
        match self {
            Self::Request => HttpBodyType::BufferedRequest,
            Self::Response => HttpBodyType::BufferedResponse,
        }
    }

    pub(super) fn headers(self) -> HttpHeaderType {
        match self {
            Self::Request => HttpHeaderType::RequestHeader,
            Self::Response => HttpHeaderType::ResponseHeader,
        }
    }
}

/// Whether "received" and "buffered", neither of them empty, are one buffer. Hosts before 1.38 do
/// not say, but then the chunks have the same addresses. Their lengths come first: a buffer may have
/// thousands of chunks, and each hook asks.
fn is_one_buffer(callbacks: FilterCallbacks, body: HttpBody) -> bool {
    callbacks
        .received_is_buffered(body.received())
        .unwrap_or_else(|| {
            let length = |body| callbacks.body_size(body);
            let addresses = |body| {
                let chunks = callbacks.body_chunks(body).into_iter();
                chunks.map(|chunk| (chunk.ptr, chunk.length))
            };
            let (received, buffered) = (body.received(), body.buffered());
            length(received) == length(buffered) && addresses(received).eq(addresses(buffered))
        })
}

impl EnvoyMetrics {
    /// Bytes of body that Envoy holds for this stream before it answers 413 or 500, or stops
    /// reading; 0 is no limit. `None` before 1.38. While the filter is made, no other filter of the stream
    /// has changed it yet.
    pub fn buffer_limit(&self) -> Option<u64> {
        self.instance.live()?.buffer_limit()
    }
}

impl EnvoyHttpFilter {
    /// Bytes of the body that Envoy holds: what was held back so far and the chunk of this hook; 0
    /// when there are none.
    pub fn body_size(&self, body: HttpBody) -> usize {
        let Some(callbacks) = self.callbacks() else {
            return 0;
        };
        let (buffered, received) = sizes(callbacks, body);
        buffered.saturating_add(received)
    }

    /// The body that Envoy holds, in order: what was held back so far and the chunk of this hook.
    /// At the end of a message whose body hooks all returned "stop and buffer" it is the whole body.
    pub fn body_chunks(&self, body: HttpBody) -> Vec<EnvoyBuffer<'_>> {
        let Some(callbacks) = self.callbacks() else {
            return Vec::new();
        };
        let mut chunks = callbacks.body_chunks(body.buffered());
        let received = callbacks.body_chunks(body.received());
        if chunks.is_empty() {
            chunks = received;
        } else if !received.is_empty() && !is_one_buffer(callbacks, body) {
            chunks.extend(received);
        }
        self.chunks(chunks)
    }

    /// The body that Envoy holds but for its first `seen` bytes, for who reads it hook by hook while
    /// all of it is held. Costs what is new, not what is held.
    pub fn body_chunks_after(&self, body: HttpBody, seen: usize) -> Vec<EnvoyBuffer<'_>> {
        if seen == 0 {
            return self.body_chunks(body);
        }
        let Some(callbacks) = self.callbacks() else {
            return Vec::new();
        };
        let received = callbacks.body_chunks(body.received());
        let buffered = callbacks.body_size(body.buffered());
        // What was seen is what is held back, unless both are one buffer, or a release has moved the
        // last frame to what is held back already.
        let apart = buffered == 0 || received.is_empty() || !is_one_buffer(callbacks, body);
        if buffered <= seen && apart {
            return self.chunks(received);
        }
        after(self.body_chunks(body), seen)
    }

    /// The chunk this body hook was called with; none in other hooks.
    pub fn received_body_chunks(&self, body: HttpBody) -> Vec<EnvoyBuffer<'_>> {
        let Some(callbacks) = self.callbacks() else {
            return Vec::new();
        };
        self.chunks(callbacks.body_chunks(body.received()))
    }

    /// Bytes of the chunk of this hook, and of what is held back besides, by whichever filter. `None` in place
    /// of these: the chunk is the buffer that holds them. So it is when a filter before this one resumes, as
    /// after it has paused at trailers. The buffer may then begin with what earlier hooks were called with.
    pub fn received_and_held(&self, body: HttpBody) -> (usize, Option<usize>) {
        let Some(callbacks) = self.callbacks() else {
            return (0, Some(0));
        };
        let received = callbacks.body_size(body.received());
        let held = callbacks.body_size(body.buffered());
        let apart = held == 0 || received == 0 || !is_one_buffer(callbacks, body);
        (received, apart.then_some(held))
    }

    /// Leaves out the hooks of the rest of a body while it goes on: a hook that does nothing costs a
    /// stream as much for each of its pieces as for a long one. Those of headers, trailers and the
    /// stream's end run as ever. So do those of the body as long as this filter holds the message, and
    /// before 1.38, where some releases need the SDK's help with the last piece.
    pub fn leave_out_body(&mut self, body: HttpBody) {
        if !self.host().may_lose_last_frame() {
            self.message(body).unwatched.set(true);
        }
    }

    /// Drops up to `bytes` bytes from the front of the body that Envoy holds. False when it holds
    /// none. `content-length` stays as it is: change it before the headers go on.
    pub fn drain_body(&mut self, body: HttpBody, bytes: usize) -> bool {
        let Some(callbacks) = self.callbacks() else {
            return false;
        };
        let (buffered, received) = sizes(callbacks, body);
        let from_buffered = bytes.min(buffered);
        let from_received = bytes.saturating_sub(from_buffered).min(received);
        (buffered > 0 || received > 0)
            && self.drain(body.buffered(), from_buffered)
            && self.drain(body.received(), from_received)
    }

    /// Drains one of Envoy's buffers. Reading may go on then, and run other filters of the stream.
    fn drain(&self, buffer: HttpBodyType, bytes: usize) -> bool {
        bytes == 0
            || self
                .callbacks()
                .is_some_and(|callbacks| callbacks.drain_body(buffer, bytes))
    }

    /// Appends to one of Envoy's buffers. Reading may stop then, which other filters hear of.
    fn append(&self, buffer: HttpBodyType, data: &[u8]) -> bool {
        data.is_empty()
            || self
                .callbacks()
                .is_some_and(|callbacks| callbacks.append_body(buffer, data))
    }

    /// Appends to the body, to the buffer that this hook passes on. False in hooks that have no
    /// such buffer: those of the other direction, of local replies and of watermarks; for a response
    /// also in those of events before it is there, or of a callout that fails within a request hook.
    /// `content-length` stays as it is: change it before the headers go on.
    pub fn append_body(&mut self, body: HttpBody, data: &[u8]) -> bool {
        let (Some(_), Some(target)) = (self.callbacks(), self.append_target(body)) else {
            return false;
        };
        self.append(target, data)
    }

    /// Replaces the body that Envoy holds, and corrects `content-length`, which Envoy never does:
    /// a wrong one hangs the peer or smuggles a request. At the end of the message it is set to the
    /// new size (with trailers only if it was there, since HTTP/1 sends none with a length); before
    /// the end it is removed, because more body follows. The end is what a hook was told of: after a
    /// stop of all iteration that is the body hook inside the resumption, not the event before it.
    ///
    /// False, and nothing changes, where [`Self::append_body`] cannot append.
    pub fn replace_body(&mut self, body: HttpBody, data: &[u8]) -> bool {
        let (Some(callbacks), Some(target)) = (self.callbacks(), self.append_target(body)) else {
            return false;
        };
        let (buffered, received) = sizes(callbacks, body);
        let replaced = self.drain(body.buffered(), buffered)
            && self.drain(body.received(), received)
            && self.append(target, data);
        self.correct_content_length(body, data.len());
        replaced
    }

    /// Replaces the chunk this body hook was called with; what was held back before stays as it is.
    /// Without a chunk, as in trailers hooks, appends. `content-length` stays as it is: before a
    /// body is changed chunk by chunk, remove it with the headers.
    ///
    /// False, and nothing changes, where [`Self::append_body`] cannot append.
    pub fn replace_received_body(&mut self, body: HttpBody, data: &[u8]) -> bool {
        let (Some(callbacks), Some(target)) = (self.callbacks(), self.append_target(body)) else {
            return false;
        };
        let received = callbacks.body_size(body.received());
        self.drain(body.received(), received) && self.append(target, data)
    }

    /// Sets [`EnvoyMetrics::buffer_limit`], in bytes; works in the headers hooks and the first body hook.
    /// Other filters of the stream share it: raise it, do not lower it. False before 1.38.
    pub fn set_buffer_limit(&mut self, bytes: u64) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.set_buffer_limit(bytes))
    }

    pub(super) fn chunks(&self, raw: Vec<RawEnvoyBuffer>) -> Vec<EnvoyBuffer<'_>> {
        raw.into_iter().map(|chunk| self.borrow(chunk)).collect()
    }

    /// Where data must go for this hook to pass it on.
    fn append_target(&self, body: HttpBody) -> Option<HttpBodyType> {
        match (self.hook, body) {
            (Hook::RequestBody, HttpBody::Request) | (Hook::ResponseBody, HttpBody::Response) => {
                Some(body.received())
            }
            (Hook::RequestHeaders | Hook::RequestTrailers, HttpBody::Request)
            | (Hook::ResponseHeaders | Hook::ResponseTrailers, HttpBody::Response)
            | (Hook::Scheduled | Hook::HttpCalloutDone, HttpBody::Request) => Some(body.buffered()),
            // Before there is a response, and within another hook, Envoy reports a bug of its own.
            (Hook::Scheduled | Hook::HttpCalloutDone, HttpBody::Response)
                if self.message(body).progress() != Progress::Expected && !self.is_nested() =>
            {
                Some(body.buffered())
            }
            _ => None,
        }
    }

    fn correct_content_length(&self, body: HttpBody, size: usize) {
        let Some(callbacks) = self.callbacks() else {
            return;
        };
        const NAME: &[u8] = b"content-length";
        let map = body.headers();
        let has_length = || callbacks.header(map, NAME, 0).is_some();
        let in_trailers = matches!(self.hook, Hook::RequestTrailers | Hook::ResponseTrailers);
        if !self.instance.ended(body) {
            if has_length() {
                callbacks.set_header(map, NAME, b"");
            }
        } else if !in_trailers || has_length() {
            callbacks.set_header(map, NAME, size.to_string().as_bytes());
        }
    }
}

/// What follows the first `seen` bytes of `chunks`.
fn after<'b>(chunks: Vec<EnvoyBuffer<'b>>, mut seen: usize) -> Vec<EnvoyBuffer<'b>> {
    let rest = |chunk: EnvoyBuffer<'b>| {
        let passed = seen.min(chunk.len());
        seen -= passed;
        let rest = chunk.as_slice().get(passed..)?;
        (!rest.is_empty()).then(|| EnvoyBuffer::new(rest))
    };
    chunks.into_iter().filter_map(rest).collect()
}

/// Bytes in "buffered" and in "received"; none in "received" when both are one buffer.
fn sizes(callbacks: FilterCallbacks, body: HttpBody) -> (usize, usize) {
    let buffered = callbacks.body_size(body.buffered());
    let received = callbacks.body_size(body.received());
    if buffered > 0 && received > 0 && is_one_buffer(callbacks, body) {
        (buffered, 0)
    } else {
        (buffered, received)
    }
}
