//! A host with nothing but its messages, under the methods of kgateway's trait and under a session: what is written
//! against those works here.

#![forbid(unsafe_code)]

use std::io::Read;
use std::sync::Arc;

use serde_json::{Value, json};
use transformations::{
    Chain, Direction, KgatewayOps, MetadataValue, Program, Session, TransformationOps,
};

/// A message in memory.
#[derive(Debug, Default, PartialEq)]
struct Message {
    headers: Vec<(String, Vec<u8>)>,
    chunks: Vec<Vec<u8>>,
}

impl Message {
    fn new(headers: &[(&str, &str)], chunks: &[&str]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Self {
            headers: headers.iter().map(owned).collect(),
            chunks: chunks
                .iter()
                .map(|chunk| chunk.as_bytes().to_vec())
                .collect(),
        }
    }
}

#[derive(Debug, Default)]
struct Host {
    request: Message,
    response: Message,
}

impl Host {
    fn message(&self, direction: Direction) -> &Message {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    fn message_mut(&mut self, direction: Direction) -> &mut Message {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

impl TransformationOps for Host {
    fn header_values(&self, direction: Direction, name: &str) -> Vec<&[u8]> {
        let headers = self.message(direction).headers.iter();
        let named = headers.filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    fn headers(&self, direction: Direction) -> Vec<(&[u8], &[u8])> {
        let headers = self.message(direction).headers.iter();
        headers
            .map(|(name, value)| (name.as_bytes(), value.as_slice()))
            .collect()
    }

    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.remove_header(direction, name) && self.add_header(direction, name, value)
    }

    fn add_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        let headers = &mut self.message_mut(direction).headers;
        headers.push((name.to_owned(), value.to_vec()));
        true
    }

    fn remove_header(&mut self, direction: Direction, name: &str) -> bool {
        self.message_mut(direction)
            .headers
            .retain(|(other, _)| other != name);
        true
    }

    fn body_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        let chunks = self.message(direction).chunks.iter();
        chunks.map(Vec::as_slice).collect()
    }

    fn drain_body(&mut self, direction: Direction, number_of_bytes: usize) -> bool {
        let left = self.body(direction).split_off(number_of_bytes);
        self.message_mut(direction).chunks = vec![left];
        true
    }

    fn append_body(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.message_mut(direction).chunks.push(data.to_vec());
        true
    }

    fn set_dynamic_metadata(&mut self, _: &str, _: &str, _: MetadataValue<'_>) -> bool {
        false
    }

    fn clear_route_cache(&mut self) -> bool {
        false
    }
}

impl transformations::Host for Host {
    fn chain(&self) -> Chain {
        Chain::Upstream
    }

    fn received_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        self.body_chunks(direction)
    }

    fn replace_received(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.replace_body(direction, data)
    }
}

/// What it holds is known to who looks for its end, and an answer that another attempt may replace is held too.
#[test]
fn a_session_runs_on_it() {
    let config = br#"{"request": {"set": [{"name": "x-a", "value": "1"}]},
        "response": {"patch": [{"set": "/a", "json": "1"}]}}"#;
    let program = Program::load(config).unwrap().program;
    let mut session = Session::new(Arc::new(program));
    let answer = [(":status", "503"), ("content-type", "application/json")];
    let mut host = Host {
        request: Message::new(&[(":method", "GET")], &[]),
        response: Message::new(&answer, &[]),
    };
    session.on_headers(&mut host, Direction::Request, true);
    assert_eq!(host.header_values(Direction::Request, "x-a"), [b"1"]);
    session.on_headers(&mut host, Direction::Response, false);
    host.response.chunks = vec![b"{ ".to_vec(), b" ".to_vec()];
    session.on_body(&mut host, Direction::Response, false);
    assert_eq!(session.held(&host, Direction::Response), Some(3));
    assert_eq!(session.held(&host, Direction::Request), None);
    host.response.chunks.push(b"}".to_vec());
    session.on_body(&mut host, Direction::Response, true);
    assert_eq!(session.held(&host, Direction::Response), None);
    assert_eq!(host.body(Direction::Response), br#"{"a":1  }"#);
}

/// As an extension of kgateway's module is written: any host, and one direction at a time.
fn transform(
    ops: &mut dyn TransformationOps,
) -> Result<(Value, Value), Box<dyn std::error::Error>> {
    let documents = (
        ops.parse_request_json_body()?,
        ops.parse_response_json_body()?,
    );
    assert!(ops.set_request_header("x-a", b"2") && ops.add_request_header("x-b", b"3"));
    assert!(ops.set_response_header("x-b", b"4") && ops.remove_response_header("x-a"));
    assert!(ops.add_response_header("x-c", b"5") && ops.remove_request_header("x-c"));
    let mut read = String::new();
    ops.get_request_body_reader().read_to_string(&mut read)?;
    let body = ops.get_request_body();
    assert_eq!(read.as_bytes(), body);
    assert!(ops.drain_request_body(body.len()) && ops.append_request_body(b"new"));
    read.clear();
    ops.get_response_body_reader().read_to_string(&mut read)?;
    assert_eq!(read.as_bytes(), ops.get_response_body());
    assert!(ops.drain_response_body(1) && ops.append_response_body(b"!"));
    Ok(documents)
}

#[test]
fn each_method_does_to_its_message_what_its_name_says() {
    let headers = [("x-a", "1"), ("x-c", "1")];
    let mut host = Host {
        request: Message::new(&headers, &["{\"model\"", "", ":\"m\"}"]),
        response: Message::new(&headers, &["[", "\"r\"]"]),
    };
    let documents = transform(&mut host).unwrap();
    assert_eq!(documents, (json!({"model": "m"}), json!(["r"])));
    assert_eq!(host.get_request_body(), b"new");
    assert_eq!(host.get_response_body(), b"\"r\"]!");
    let request = Message::new(&[("x-a", "2"), ("x-b", "3")], &[]);
    assert_eq!(host.request.headers, request.headers);
    let response = Message::new(&[("x-c", "1"), ("x-b", "4"), ("x-c", "5")], &[]);
    assert_eq!(host.response.headers, response.headers);
}

#[test]
fn an_empty_body_is_null_and_a_broken_one_an_error() {
    let mut host = Host::default();
    assert_eq!(host.parse_request_json_body().unwrap(), Value::Null);
    assert!(host.append_response_body(b"{"));
    assert!(host.parse_response_json_body().is_err());
}
