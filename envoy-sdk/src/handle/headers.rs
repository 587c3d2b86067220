//! Headers and trailers.

use super::EnvoyHttpFilter;
use crate::abi::{HttpHeaderType, RawEnvoyBuffer};
use crate::buffer::EnvoyBuffer;
use crate::{envoy_log_warn, header_syntax};

impl EnvoyHttpFilter {
    /// The first value of a header. Names are matched without regard to case.
    pub fn header(&self, map: HttpHeaderType, name: &str) -> Option<EnvoyBuffer<'_>> {
        self.header_and_count(map, name).map(|(first, _)| first)
    }

    /// The first value of a header, and how many values it has.
    #[inline]
    pub fn header_and_count(
        &self,
        map: HttpHeaderType,
        name: &str,
    ) -> Option<(EnvoyBuffer<'_>, usize)> {
        let (raw, count) = self.callbacks()?.header(map, name.as_bytes(), 0)?;
        Some((self.borrow(raw), count))
    }

    /// Every value of a header, in order.
    pub fn header_values(&self, map: HttpHeaderType, name: &str) -> Vec<EnvoyBuffer<'_>> {
        let Some(callbacks) = self.callbacks() else {
            return Vec::new();
        };
        let Some((first, count)) = callbacks.header(map, name.as_bytes(), 0) else {
            return Vec::new();
        };
        let mut values = Vec::with_capacity(count);
        values.push(self.borrow(first));
        for index in 1..count {
            let Some((value, _)) = callbacks.header(map, name.as_bytes(), index) else {
                break;
            };
            values.push(self.borrow(value));
        }
        values
    }

    /// Every header of a map as name and value, in order; names are lower case.
    pub fn headers(&self, map: HttpHeaderType) -> Vec<(EnvoyBuffer<'_>, EnvoyBuffer<'_>)> {
        let Some(callbacks) = self.callbacks() else {
            return Vec::new();
        };
        callbacks
            .headers(map)
            .into_iter()
            .map(|header| {
                let name = RawEnvoyBuffer {
                    ptr: header.key_ptr,
                    length: header.key_length,
                };
                let value = RawEnvoyBuffer {
                    ptr: header.value_ptr,
                    length: header.value_length,
                };
                (self.borrow(name), self.borrow(value))
            })
            .collect()
    }

    /// Number of headers in a map; 0 when there is no such map yet.
    pub fn headers_size(&self, map: HttpHeaderType) -> usize {
        self.callbacks()
            .map_or(0, |callbacks| callbacks.headers_size(map))
    }

    /// Replaces every value of a header by `value`. An empty value **removes** the header, in
    /// every release of Envoy.
    ///
    /// False, and nothing changes, when the map does not exist or when name or value is not valid
    /// in HTTP: Envoy does not check, and a line break in a value would let it write headers of
    /// its own. So when it is a `:status` from 100 to 199: a mirror's response with one is the end of
    /// Envoy.
    pub fn set_header(&mut self, map: HttpHeaderType, name: &str, value: &[u8]) -> bool {
        may_be_set(name, value)
            && self
                .callbacks()
                .is_some_and(|callbacks| callbacks.set_header(map, name.as_bytes(), value))
    }

    /// Adds a value to a header, after those it has.
    ///
    /// Envoy 1.36 lets a module have one value per name; envoy-gloo's lifts that for headers. There, a
    /// header that exists already gets one value that joins all with `, ` (`; ` for `cookie`), which
    /// RFC 9110 section 5.3 declares equal. It is not equal for `set-cookie`: the second one is refused
    /// with a warning.
    ///
    /// False, and nothing changes, when the value is empty, the map does not exist, name or value is
    /// not valid in HTTP, or it is a `:status` from 100 to 199.
    pub fn add_header(&mut self, map: HttpHeaderType, name: &str, value: &[u8]) -> bool {
        if value.is_empty() || !may_be_set(name, value) {
            return false;
        }
        let Some(callbacks) = self.callbacks() else {
            return false;
        };
        if let Some(added) = callbacks.add_header(map, name.as_bytes(), value) {
            return added;
        }
        let mut values = self.header_values(map, name);
        if !values.is_empty() && name.eq_ignore_ascii_case("set-cookie") {
            envoy_log_warn!(
                "a second set-cookie was not added: Envoy 1.36 cannot, use 1.37 or later"
            );
            return false;
        }
        let separator: &[u8] = if name.eq_ignore_ascii_case("cookie") {
            b"; "
        } else {
            b", "
        };
        values.push(EnvoyBuffer::new(value));
        let joined = values.join(separator);
        callbacks.set_header(map, name.as_bytes(), &joined)
    }

    /// Whether [`add_header`](Self::add_header) adds a line, instead of a value to the one there is.
    pub fn adds_header_lines(&self, map: HttpHeaderType) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.adds_header_lines(map))
    }

    /// Removes every value of a header; true also when there was none, false when the map does not
    /// exist.
    pub fn remove_header(&mut self, map: HttpHeaderType, name: &str) -> bool {
        self.set_header(map, name, b"")
    }
}

/// Whether Envoy takes a header. What follows an informational status is another response, and a mirror's
/// request ends with the first.
fn may_be_set(name: &str, value: &[u8]) -> bool {
    let is_informational = || matches!(value, [b'1', _, _]) && name.eq_ignore_ascii_case(":status");
    header_syntax::is_valid(name, value) && !is_informational()
}
