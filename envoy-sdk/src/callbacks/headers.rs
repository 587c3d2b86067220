//! Header maps.

use super::{FilterCallbacks, Generation, v1_36};
use crate::abi::{HttpHeaderType, RawEnvoyBuffer, RawEnvoyHeader, RawModuleBuffer};

/// The 1.36 functions for one header map.
struct Map {
    get: v1_36::GetHeader,
    count: v1_36::GetHeadersCount,
    all: v1_36::GetHeaders,
    set: v1_36::SetHeader,
}

impl v1_36::Table {
    fn map(&self, map: HttpHeaderType) -> Map {
        match map {
            HttpHeaderType::RequestHeader => Map {
                get: self.http_get_request_header,
                count: self.http_get_request_headers_count,
                all: self.http_get_request_headers,
                set: self.http_set_request_header,
            },
            HttpHeaderType::RequestTrailer => Map {
                get: self.http_get_request_trailer,
                count: self.http_get_request_trailers_count,
                all: self.http_get_request_trailers,
                set: self.http_set_request_trailer,
            },
            HttpHeaderType::ResponseHeader => Map {
                get: self.http_get_response_header,
                count: self.http_get_response_headers_count,
                all: self.http_get_response_headers,
                set: self.http_set_response_header,
            },
            HttpHeaderType::ResponseTrailer => Map {
                get: self.http_get_response_trailer,
                count: self.http_get_response_trailers_count,
                all: self.http_get_response_trailers,
                set: self.http_set_response_trailer,
            },
        }
    }
}

impl v1_36::Table {
    /// The function that adds a value, which only envoy-gloo has, and not for trailers.
    fn add(&self, map: HttpHeaderType) -> Option<v1_36::SetHeader> {
        match map {
            HttpHeaderType::RequestHeader => self.http_add_request_header,
            HttpHeaderType::ResponseHeader => self.http_add_response_header,
            HttpHeaderType::RequestTrailer | HttpHeaderType::ResponseTrailer => None,
        }
    }
}

impl FilterCallbacks {
    /// Value number `index` of a header, and how many there are.
    pub(crate) fn header(
        self,
        map: HttpHeaderType,
        name: &[u8],
        index: usize,
    ) -> Option<(RawEnvoyBuffer, usize)> {
        let name = RawModuleBuffer::new(name);
        let mut value = RawEnvoyBuffer::EMPTY;
        let mut values = 0;
        let found = match &self.callbacks.generation {
            Generation::V1_36(table) => {
                // SAFETY: the filter is live; the name and both results outlive the call.
                values = unsafe {
                    (table.map(map).get)(
                        self.filter,
                        name.ptr,
                        name.length,
                        &mut value.ptr,
                        &mut value.length,
                        index,
                    )
                };
                index < values
            }
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_get_header)(
                    self.filter,
                    map as u32,
                    name,
                    &mut value,
                    index,
                    &mut values,
                )
            },
        };
        found.then_some((value, values))
    }

    /// Number of headers in a map.
    pub(crate) fn headers_size(self, map: HttpHeaderType) -> usize {
        match &self.callbacks.generation {
            // SAFETY: the filter is live.
            Generation::V1_36(table) => unsafe { (table.map(map).count)(self.filter) },
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_get_headers_size)(self.filter, map as u32)
            },
        }
    }

    /// Every header of a map, in order.
    pub(crate) fn headers(self, map: HttpHeaderType) -> Vec<RawEnvoyHeader> {
        let size = self.headers_size(map);
        if size == 0 {
            return Vec::new();
        }
        let mut headers = vec![RawEnvoyHeader::EMPTY; size];
        let first = headers.as_mut_ptr();
        let filled = match &self.callbacks.generation {
            // SAFETY: the filter is live and the list has the size Envoy just named.
            Generation::V1_36(table) => unsafe { (table.map(map).all)(self.filter, first) },
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_get_headers)(self.filter, map as u32, first)
            },
        };
        if filled { headers } else { Vec::new() }
    }

    /// Replaces every value of a header by one; an empty value removes the header, in every
    /// release.
    pub(crate) fn set_header(self, map: HttpHeaderType, name: &[u8], value: &[u8]) -> bool {
        let name = RawModuleBuffer::new(name);
        let value = RawModuleBuffer::new(value); // empty is null, which 1.36 takes as removal
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy copies name and value.
            Generation::V1_36(table) => unsafe {
                (table.map(map).set)(self.filter, name.ptr, name.length, value.ptr, value.length)
            },
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_set_header)(self.filter, map as u32, name, value)
            },
        }
    }

    /// Adds a value; `None` when the host has no way to: Envoy's own 1.36, and in trailers also
    /// envoy-gloo's.
    pub(crate) fn add_header(self, map: HttpHeaderType, name: &[u8], value: &[u8]) -> Option<bool> {
        let (name, value) = (RawModuleBuffer::new(name), RawModuleBuffer::new(value));
        Some(match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let add = table.add(map)?;
                // SAFETY: the filter is live; Envoy copies name and value.
                unsafe { add(self.filter, name.ptr, name.length, value.ptr, value.length) }
            }
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_add_header)(self.filter, map as u32, name, value)
            },
        })
    }

    /// Whether the host can add a value.
    pub(crate) fn adds_header_lines(self, map: HttpHeaderType) -> bool {
        match &self.callbacks.generation {
            Generation::V1_36(table) => table.add(map).is_some(),
            Generation::V1_37(_) => true,
        }
    }
}
