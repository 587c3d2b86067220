//! A request in memory.

use transformations::{Direction, TransformationOps};

/// A request whose body lies in pieces, as Envoy holds it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// The size of the pieces in which Envoy reads from a connection, in bytes.
const PIECE: usize = 16 << 10;

impl Request {
    /// A `POST` with this body.
    pub fn new(body: Vec<u8>) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let headers = vec![
            header(":method", "POST"),
            header(":path", "/v1/chat/completions"),
            header("content-type", "application/json"),
        ];
        Self { headers, body }
    }
}

impl TransformationOps for Request {
    fn header_values(&self, _: Direction, name: &str) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    fn headers(&self, _: Direction) -> Vec<(&[u8], &[u8])> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (name.as_bytes(), value.as_slice()))
            .collect()
    }

    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.remove_header(direction, name);
        self.add_header(direction, name, value)
    }

    fn add_header(&mut self, _: Direction, name: &str, value: &[u8]) -> bool {
        self.headers.push((name.to_owned(), value.to_vec()));
        true
    }

    fn remove_header(&mut self, _: Direction, name: &str) -> bool {
        self.headers.retain(|(other, _)| other != name);
        true
    }

    fn body_chunks(&self, _: Direction) -> Vec<&[u8]> {
        self.body.chunks(PIECE).collect()
    }

    fn drain_body(&mut self, _: Direction, number_of_bytes: usize) -> bool {
        self.body.drain(..number_of_bytes);
        true
    }

    fn append_body(&mut self, _: Direction, data: &[u8]) -> bool {
        self.body.extend_from_slice(data);
        true
    }

    fn set_dynamic_metadata(&mut self, _: &str, _: &str, _: &str) -> bool {
        true
    }

    fn clear_route_cache(&mut self) -> bool {
        true
    }
}
