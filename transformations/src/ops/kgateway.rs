//! The host as extensions of kgateway's module know it.

use std::io::Read;

use bodies::json::{self, Document, DocumentError, Selection};
use serde_json::Value;

use super::{Direction, TransformationOps};

/// The methods of kgateway's trait of that name, each for one direction; every host has them.
///
/// What is written against that trait needs this one in scope, and the errors of this crate.
pub trait KgatewayOps: TransformationOps {
    /// Adds a value to a request header.
    fn add_request_header(&mut self, key: &str, value: &[u8]) -> bool {
        self.add_header(Direction::Request, key, value)
    }

    /// Replaces all values of a request header by one.
    fn set_request_header(&mut self, key: &str, value: &[u8]) -> bool {
        self.set_header(Direction::Request, key, value)
    }

    /// Removes a request header.
    fn remove_request_header(&mut self, key: &str) -> bool {
        self.remove_header(Direction::Request, key)
    }

    /// The request body as a JSON document; `null` when it is empty.
    ///
    /// # Errors
    ///
    /// It is not one JSON document, or nested deeper than the default limits allow.
    fn parse_request_json_body(&mut self) -> Result<Value, DocumentError> {
        document(&self.body_chunks(Direction::Request))
    }

    /// The request body, piece by piece.
    fn get_request_body_reader(&mut self) -> Box<dyn Read + '_> {
        reader(self.body_chunks(Direction::Request))
    }

    /// A copy of the request body.
    fn get_request_body(&mut self) -> Vec<u8> {
        self.body(Direction::Request)
    }

    /// Removes bytes from the front of the request body.
    fn drain_request_body(&mut self, number_of_bytes: usize) -> bool {
        self.drain_body(Direction::Request, number_of_bytes)
    }

    /// Adds bytes to the end of the request body.
    fn append_request_body(&mut self, data: &[u8]) -> bool {
        self.append_body(Direction::Request, data)
    }

    /// Adds a value to a response header.
    fn add_response_header(&mut self, key: &str, value: &[u8]) -> bool {
        self.add_header(Direction::Response, key, value)
    }

    /// Replaces all values of a response header by one.
    fn set_response_header(&mut self, key: &str, value: &[u8]) -> bool {
        self.set_header(Direction::Response, key, value)
    }

    /// Removes a response header.
    fn remove_response_header(&mut self, key: &str) -> bool {
        self.remove_header(Direction::Response, key)
    }

    /// The response body as a JSON document; `null` when it is empty.
    ///
    /// # Errors
    ///
    /// As [`parse_request_json_body`](Self::parse_request_json_body).
    fn parse_response_json_body(&mut self) -> Result<Value, DocumentError> {
        document(&self.body_chunks(Direction::Response))
    }

    /// The response body, piece by piece.
    fn get_response_body_reader(&mut self) -> Box<dyn Read + '_> {
        reader(self.body_chunks(Direction::Response))
    }

    /// A copy of the response body.
    fn get_response_body(&mut self) -> Vec<u8> {
        self.body(Direction::Response)
    }

    /// Removes bytes from the front of the response body.
    fn drain_response_body(&mut self, number_of_bytes: usize) -> bool {
        self.drain_body(Direction::Response, number_of_bytes)
    }

    /// Adds bytes to the end of the response body.
    fn append_response_body(&mut self, data: &[u8]) -> bool {
        self.append_body(Direction::Response, data)
    }
}

impl<T: TransformationOps + ?Sized> KgatewayOps for T {}

fn document(chunks: &[&[u8]]) -> Result<Value, DocumentError> {
    let document = json::read(chunks, &Selection::Whole, &bodies::Limits::default())?;
    Ok(match document {
        Some(Document::Value(value)) => value,
        Some(Document::Null | Document::Other) | None => Value::Null,
    })
}

/// A body, read piece by piece.
struct Reader<'b> {
    /// What is left of the piece in hand.
    piece: &'b [u8],
    rest: std::vec::IntoIter<&'b [u8]>,
}

fn reader(chunks: Vec<&[u8]>) -> Box<dyn Read + '_> {
    Box::new(Reader {
        piece: &[],
        rest: chunks.into_iter(),
    })
}

impl Read for Reader<'_> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            let Some(next) = self.rest.next() else {
                return Ok(0);
            };
            self.piece = next;
        }
        self.piece.read(room)
    }
}
