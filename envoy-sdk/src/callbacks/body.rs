//! Body buffers.

use super::{FilterCallbacks, Generation, v1_36};
use crate::abi::{HttpBodyType, RawEnvoyBuffer, RawModuleBuffer};

/// The 1.36 functions for one body buffer.
struct Buffer {
    chunks: v1_36::GetBodyVector,
    chunks_size: v1_36::GetBodyVectorSize,
    append: v1_36::AppendBody,
    drain: v1_36::DrainBody,
}

impl v1_36::Table {
    fn buffer(&self, body: HttpBodyType) -> Buffer {
        match body {
            HttpBodyType::ReceivedRequest => Buffer {
                chunks: self.http_get_received_request_body_vector,
                chunks_size: self.http_get_received_request_body_vector_size,
                append: self.http_append_received_request_body,
                drain: self.http_drain_received_request_body,
            },
            HttpBodyType::BufferedRequest => Buffer {
                chunks: self.http_get_buffered_request_body_vector,
                chunks_size: self.http_get_buffered_request_body_vector_size,
                append: self.http_append_buffered_request_body,
                drain: self.http_drain_buffered_request_body,
            },
            HttpBodyType::ReceivedResponse => Buffer {
                chunks: self.http_get_received_response_body_vector,
                chunks_size: self.http_get_received_response_body_vector_size,
                append: self.http_append_received_response_body,
                drain: self.http_drain_received_response_body,
            },
            HttpBodyType::BufferedResponse => Buffer {
                chunks: self.http_get_buffered_response_body_vector,
                chunks_size: self.http_get_buffered_response_body_vector_size,
                append: self.http_append_buffered_response_body,
                drain: self.http_drain_buffered_response_body,
            },
        }
    }
}

impl FilterCallbacks {
    /// The chunks of a buffer; none when there is no such buffer.
    pub(crate) fn body_chunks(self, body: HttpBodyType) -> Vec<RawEnvoyBuffer> {
        match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let buffer = table.buffer(body);
                let mut size = 0;
                // SAFETY: the filter is live; the size outlives the call.
                if !unsafe { (buffer.chunks_size)(self.filter, &mut size) } || size == 0 {
                    return Vec::new();
                }
                let mut chunks = vec![RawEnvoyBuffer::EMPTY; size];
                // SAFETY: the filter is live and the list has the size Envoy just named.
                let filled = unsafe { (buffer.chunks)(self.filter, chunks.as_mut_ptr()) };
                if filled { chunks } else { Vec::new() }
            }
            Generation::V1_37(table) => {
                // SAFETY: the filter is live.
                let size = unsafe { (table.http_get_body_chunks_size)(self.filter, body as u32) };
                if size == 0 {
                    return Vec::new();
                }
                let mut chunks = vec![RawEnvoyBuffer::EMPTY; size];
                let first = chunks.as_mut_ptr();
                // SAFETY: the filter is live and the list has the size Envoy just named.
                let filled =
                    unsafe { (table.http_get_body_chunks)(self.filter, body as u32, first) };
                if filled { chunks } else { Vec::new() }
            }
        }
    }

    /// Bytes in a buffer.
    pub(crate) fn body_size(self, body: HttpBodyType) -> usize {
        match &self.callbacks.generation {
            Generation::V1_36(_) => {
                let chunks = self.body_chunks(body);
                chunks.iter().map(|chunk| chunk.length).sum()
            }
            // SAFETY: the filter is live.
            Generation::V1_37(table) => unsafe {
                (table.http_get_body_size)(self.filter, body as u32)
            },
        }
    }

    /// Whether the host knows that "received" and "buffered" are one buffer: then they must not be
    /// counted twice. `None` when it cannot say (before 1.38).
    pub(crate) fn received_is_buffered(self, received: HttpBodyType) -> Option<bool> {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return None;
        };
        let same = match received {
            HttpBodyType::ReceivedRequest | HttpBodyType::BufferedRequest => {
                table.http_received_buffered_request_body?
            }
            HttpBodyType::ReceivedResponse | HttpBodyType::BufferedResponse => {
                table.http_received_buffered_response_body?
            }
        };
        // SAFETY: the filter is live.
        Some(unsafe { same(self.filter) })
    }

    /// Appends to a buffer.
    pub(crate) fn append_body(self, body: HttpBodyType, data: &[u8]) -> bool {
        let data = RawModuleBuffer::new(data);
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy copies the data.
            Generation::V1_36(table) => unsafe {
                (table.buffer(body).append)(self.filter, data.ptr, data.length)
            },
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_append_body)(self.filter, body as u32, data)
            },
        }
    }

    /// Drains a buffer from the front.
    pub(crate) fn drain_body(self, body: HttpBodyType, bytes: usize) -> bool {
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy drains what there is at most.
            Generation::V1_36(table) => unsafe { (table.buffer(body).drain)(self.filter, bytes) },
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_drain_body)(self.filter, body as u32, bytes)
            },
        }
    }

    /// Bytes that Envoy buffers at most; `None` before 1.38.
    pub(crate) fn buffer_limit(self) -> Option<u64> {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return None;
        };
        let limit = table.http_get_buffer_limit?;
        // SAFETY: the filter is live.
        Some(unsafe { limit(self.filter) })
    }

    /// Sets the number of bytes that Envoy buffers at most; false before 1.38.
    pub(crate) fn set_buffer_limit(self, limit: u64) -> bool {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return false;
        };
        let Some(set) = table.http_set_buffer_limit else {
            return false;
        };
        // SAFETY: the filter is live.
        unsafe { set(self.filter, limit) };
        true
    }
}
