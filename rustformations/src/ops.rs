//! The engine's host, over Envoy.

use envoy_proxy_dynamic_modules_rust_sdk::{EnvoyHttpFilter, HttpBody, HttpHeaderType};
use transformations::{Direction, TransformationOps};

/// Envoy's stream as the engine sees it, for the time of one hook.
pub(crate) struct Ops<'e>(pub(crate) &'e mut EnvoyHttpFilter);

fn header_type(direction: Direction) -> HttpHeaderType {
    match direction {
        Direction::Request => HttpHeaderType::RequestHeader,
        Direction::Response => HttpHeaderType::ResponseHeader,
    }
}

pub(crate) fn http_body(direction: Direction) -> HttpBody {
    match direction {
        Direction::Request => HttpBody::Request,
        Direction::Response => HttpBody::Response,
    }
}

impl TransformationOps for Ops<'_> {
    fn header_values(&self, direction: Direction, name: &str) -> Vec<&[u8]> {
        let values = self.0.header_values(header_type(direction), name);
        values.into_iter().map(|value| value.as_slice()).collect()
    }

    fn headers(&self, direction: Direction) -> Vec<(&[u8], &[u8])> {
        let headers = self.0.headers(header_type(direction));
        headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect()
    }

    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.0.set_header(header_type(direction), name, value)
    }

    fn add_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.0.add_header(header_type(direction), name, value)
    }

    fn remove_header(&mut self, direction: Direction, name: &str) -> bool {
        self.0.remove_header(header_type(direction), name)
    }

    fn body_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        let chunks = self.0.body_chunks(http_body(direction));
        chunks.into_iter().map(|chunk| chunk.as_slice()).collect()
    }

    fn body_size(&self, direction: Direction) -> usize {
        self.0.body_size(http_body(direction))
    }

    fn drain_body(&mut self, direction: Direction, number_of_bytes: usize) -> bool {
        self.0.drain_body(http_body(direction), number_of_bytes)
    }

    fn append_body(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.0.append_body(http_body(direction), data)
    }

    fn set_dynamic_metadata(&mut self, namespace: &str, key: &str, value: &str) -> bool {
        self.0.set_dynamic_metadata_string(namespace, key, value)
    }

    fn clear_route_cache(&mut self) -> bool {
        self.0.clear_route_cache()
    }
}
