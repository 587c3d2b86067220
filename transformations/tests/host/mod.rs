//! A host in memory: one exchange, what was done to it, and what was asked of it.

// Each test binary uses its part of it.
#![allow(dead_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;

use transformations::{Direction, Exchange, Extent, Outcome, Pass, Program, TransformationOps};

/// A message: headers in order, names in lower case, and the body in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) chunks: Vec<Vec<u8>>,
}

impl Message {
    pub(crate) fn new(headers: &[(&str, &str)], chunks: Vec<Vec<u8>>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Self {
            headers: headers.iter().map(owned).collect(),
            chunks,
        }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    /// The values of each header, in order.
    pub(crate) fn by_name(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        let mut headers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, value) in &self.headers {
            headers.entry(name.clone()).or_default().push(value.clone());
        }
        headers
    }
}

/// The host.
#[derive(Debug, Default)]
pub(crate) struct Host {
    pub(crate) request: Message,
    pub(crate) response: Message,
    /// Names of headers it does not let anyone set or add to.
    pub(crate) refuses: Vec<String>,
    /// Dynamic metadata in the order it was set: namespace, key, value.
    pub(crate) metadata: Vec<[String; 3]>,
    /// How often each method was called.
    pub(crate) calls: RefCell<BTreeMap<&'static str, usize>>,
    /// What was asked of the host against the contract of [`TransformationOps`].
    pub(crate) violations: Vec<String>,
}

impl Host {
    pub(crate) fn new(request: Message, response: Message) -> Self {
        Self {
            request,
            response,
            ..Self::default()
        }
    }

    /// Has a streamed request arrive in these pieces: it goes on when its pass is decided, and is
    /// watched after that. Also whether it went on before its end.
    pub(crate) fn stream(
        &mut self,
        program: &Program,
        pass: &Pass,
        pieces: &[impl AsRef<[u8]>],
    ) -> (Vec<Outcome>, bool) {
        let mut exchange = Exchange::begin(program, self);
        let mut outcomes = Vec::new();
        for piece in pieces.iter().map(AsRef::as_ref) {
            if outcomes.is_empty() {
                self.request.chunks.push(piece.to_vec());
                pass.read(&mut exchange, piece);
                if pass.is_decided(self, &exchange) {
                    outcomes.push(pass.run(self, &mut exchange, Extent::Begun));
                }
            } else if exchange.is_reading() {
                pass.read(&mut exchange, piece);
                outcomes.push(pass.check(&mut exchange, false));
            }
        }
        let released = !outcomes.is_empty();
        outcomes.push(if released {
            pass.check(&mut exchange, true)
        } else {
            pass.run(self, &mut exchange, Extent::Whole)
        });
        (outcomes, released)
    }

    pub(crate) fn message(&self, direction: Direction) -> &Message {
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

    /// How often a method was called.
    pub(crate) fn calls_of(&self, method: &str) -> usize {
        self.calls.borrow().get(method).copied().unwrap_or(0)
    }

    fn called(&self, method: &'static str) {
        let mut calls = self.calls.borrow_mut();
        let count = calls.entry(method).or_default();
        *count = count.saturating_add(1);
    }

    fn check_name(&mut self, name: &str) {
        if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.violations
                .push(format!("`{name}` is not a name in lower case"));
        }
    }

    /// Whether a header may be written.
    fn accepts(&mut self, name: &str, value: &[u8]) -> bool {
        self.check_name(name);
        if value.is_empty() {
            self.violations.push(format!("`{name}` set to nothing"));
        }
        if value.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
            self.violations
                .push(format!("`{name}` set to control characters: {value:?}"));
        }
        !self.refuses.iter().any(|refused| refused == name)
    }
}

impl TransformationOps for Host {
    fn header_values(&self, direction: Direction, name: &str) -> Vec<&[u8]> {
        self.called("header_values");
        let headers = &self.message(direction).headers;
        let named = headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    fn headers(&self, direction: Direction) -> Vec<(&[u8], &[u8])> {
        self.called("headers");
        let headers = self.message(direction).headers.iter();
        headers
            .map(|(name, value)| (name.as_bytes(), value.as_slice()))
            .collect()
    }

    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.called("set_header");
        let accepted = self.accepts(name, value);
        if accepted {
            let headers = &mut self.message_mut(direction).headers;
            headers.retain(|(other, _)| other != name);
            headers.push((name.to_owned(), value.to_vec()));
        }
        accepted
    }

    fn add_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.called("add_header");
        let accepted = self.accepts(name, value);
        if accepted {
            let headers = &mut self.message_mut(direction).headers;
            headers.push((name.to_owned(), value.to_vec()));
        }
        accepted
    }

    fn remove_header(&mut self, direction: Direction, name: &str) -> bool {
        self.called("remove_header");
        self.check_name(name);
        let headers = &mut self.message_mut(direction).headers;
        headers.retain(|(other, _)| other != name);
        true
    }

    fn body_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        self.called("body_chunks");
        let chunks = self.message(direction).chunks.iter();
        chunks.map(Vec::as_slice).collect()
    }

    fn drain_body(&mut self, direction: Direction, number_of_bytes: usize) -> bool {
        self.called("drain_body");
        let mut body = self.message(direction).body();
        if number_of_bytes > body.len() {
            self.violations
                .push(format!("{number_of_bytes} of {} bytes drained", body.len()));
            return false;
        }
        body.drain(..number_of_bytes);
        self.message_mut(direction).chunks = vec![body];
        true
    }

    fn append_body(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.called("append_body");
        self.message_mut(direction).chunks.push(data.to_vec());
        true
    }

    fn set_dynamic_metadata(&mut self, namespace: &str, key: &str, value: &str) -> bool {
        self.called("set_dynamic_metadata");
        self.metadata
            .push([namespace, key, value].map(str::to_owned));
        true
    }

    fn clear_route_cache(&mut self) -> bool {
        self.called("clear_route_cache");
        true
    }
}
