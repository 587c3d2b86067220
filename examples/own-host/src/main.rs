//! The engine in a program of one's own: it reads a request's body from standard input and prints the headers that the
//! configuration sets.
//!
//! ```sh
//! echo '{"model": "gpt-4o"}' | cargo run -p own-host -- '{"request": {"extract": [{"header": "x-model"}]}}'
//! ```
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Read, Write};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use transformations::{
    Action, Direction, Failure, Host, MetadataValue, Program, Session, TransformationOps,
};

/// A request in memory. A server would have its connection behind these methods.
#[derive(Debug, Default)]
struct Request {
    headers: Vec<(String, Vec<u8>)>,
    /// What is held of the body, and what the hook that runs has brought.
    body: Vec<u8>,
    received: Vec<u8>,
    failures: Vec<String>,
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
        vec![&self.body, &self.received]
    }

    fn drain_body(&mut self, _: Direction, number_of_bytes: usize) -> bool {
        let of_body = number_of_bytes.min(self.body.len());
        let of_received = number_of_bytes
            .saturating_sub(of_body)
            .min(self.received.len());
        self.body.drain(..of_body);
        self.received.drain(..of_received);
        of_body + of_received == number_of_bytes
    }

    fn append_body(&mut self, _: Direction, data: &[u8]) -> bool {
        self.received.extend_from_slice(data);
        true
    }

    fn set_dynamic_metadata(&mut self, _: &str, _: &str, _: MetadataValue<'_>) -> bool {
        true // nobody reads it here
    }

    fn clear_route_cache(&mut self) -> bool {
        true // there is one route
    }
}

impl Host for Request {
    fn received_chunks(&self, _: Direction) -> Vec<&[u8]> {
        vec![&self.received]
    }

    fn replace_received(&mut self, _: Direction, data: &[u8]) -> bool {
        self.received = data.to_vec();
        true
    }

    fn report(&mut self, failures: &[Failure]) {
        self.failures
            .extend(failures.iter().map(Failure::to_string));
    }
}

/// Plays a request whose body comes in pieces; returns what goes on.
///
/// # Errors
/// The configuration is refused, or the request is answered.
fn play<'p>(config: &str, pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<Request> {
    let program = Arc::new(Program::load(config.as_bytes())?.program);
    let mut session = Session::new(program);
    let mut request = Request::default();
    let mut actions = vec![session.on_headers(&mut request, Direction::Request, false)];
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        // What was held stays before what comes now.
        let held = std::mem::replace(&mut request.received, piece.to_vec());
        request.body.extend(held);
        let end = pieces.peek().is_none();
        actions.push(session.on_body(&mut request, Direction::Request, end));
    }
    session.on_complete(&mut request);
    let answer = actions.into_iter().find_map(|action| match action {
        Action::Answer(reply) => Some(format!("{}: {}", reply.status, reply.body)),
        Action::Reset(details) => Some(details.to_owned()),
        Action::Continue | Action::Hold(_) => None,
    });
    match answer {
        Some(answer) => bail!("the request is answered: {answer}"),
        None => Ok(request),
    }
}

fn main() -> Result<()> {
    let config = env::args()
        .nth(1)
        .context("write a filter_config, in JSON, as the argument")?;
    let mut body = Vec::new();
    io::stdin().read_to_end(&mut body)?;
    let request = play(&config, [body.as_slice()])?;
    let mut out = io::stdout().lock();
    for (name, value) in &request.headers {
        writeln!(out, "{name}: {}", value.escape_ascii())?;
    }
    for failure in &request.failures {
        writeln!(io::stderr(), "{failure}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::play;

    const CONFIG: &str =
        r#"{"request": {"extract": [{"header": "x-model", "onMissing": "reject"}]}}"#;

    #[test]
    fn the_model_of_a_body_in_pieces_becomes_a_header() {
        let request = play(CONFIG, [b"{\"model\": \"gp".as_slice(), b"t-4o\"}"]).unwrap();
        assert_eq!(
            request.headers,
            [("x-model".to_owned(), b"gpt-4o".to_vec())]
        );
    }

    #[test]
    fn a_request_without_it_is_answered() {
        let error = play(CONFIG, [b"{}".as_slice()]).unwrap_err().to_string();
        assert!(error.contains("the request is answered: 400"), "{error}");
    }

    #[test]
    fn a_configuration_that_is_wrong_is_refused() {
        assert!(play("{", [b"".as_slice()]).is_err());
    }
}
