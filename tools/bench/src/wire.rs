//! As much of HTTP/1.1 as the load needs: heads, and bodies with a `content-length` or in chunks.

use anyhow::{Context, Result, ensure};

use super::chunked::Chunked;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// How much is searched for the end of a head at once: a head fits, and little of a body is copied.
const SEARCHED: usize = 1024;

/// A head larger than this is a mistake.
const LONGEST_HEAD: usize = 64 * 1024;

/// One message as it arrives. Keeps the head and counts the body.
#[derive(Debug, Default)]
pub(super) struct Message {
    head: Vec<u8>,
    /// Once the head is whole.
    body: Option<Body>,
    begun: bool,
}

/// What of a body is missing.
#[derive(Debug)]
enum Body {
    Bytes(usize),
    Chunks(Chunked),
}

impl Message {
    /// Takes what has arrived; `true` once the message is whole.
    ///
    /// # Errors
    /// A head without a usable length, chunks that are none, or bytes after the message's end: nobody here pipelines.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<bool> {
        while self.body.is_none() && !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(SEARCHED));
            let before = self.head.len();
            self.head.extend_from_slice(now);
            bytes = later;
            // The end may lie across two pieces.
            let from = before.saturating_sub(END_OF_HEAD.len() - 1);
            if let Some(end) = position(self.head.get(from..).unwrap_or_default(), END_OF_HEAD) {
                let end = from + end + END_OF_HEAD.len();
                let surplus = self.head.split_off(end);
                self.body = Some(Body::of(&self.head)?);
                self.feed_body(&surplus)?;
            }
            ensure!(self.head.len() <= LONGEST_HEAD, "a head without an end");
        }
        self.feed_body(bytes)
    }

    fn feed_body(&mut self, bytes: &[u8]) -> Result<bool> {
        self.begun |= self.body.is_some() && !bytes.is_empty();
        match &mut self.body {
            None => Ok(false),
            Some(Body::Chunks(chunks)) => chunks.feed(bytes),
            Some(Body::Bytes(missing)) => {
                let left = missing.checked_sub(bytes.len());
                *missing = left.context("more bytes than the message has")?;
                Ok(*missing == 0)
            }
        }
    }

    /// The head, once it is whole.
    pub(super) fn head(&self) -> Option<&[u8]> {
        self.body.as_ref().map(|_| self.head.as_slice())
    }

    /// Whether a byte of the body has arrived.
    pub(super) fn body_has_begun(&self) -> bool {
        self.begun
    }

    /// Forgets the message, so that the next may come.
    pub(super) fn clear(&mut self) {
        self.head.clear();
        self.body = None;
        self.begun = false;
    }
}

impl Body {
    /// What the head announces.
    fn of(head: &[u8]) -> Result<Self> {
        if field(head, "transfer-encoding").is_some() {
            return Ok(Self::Chunks(Chunked::begin()));
        }
        let length = field(head, "content-length").map(str::parse).transpose();
        let length = length.context("content-length is not a number")?;
        Ok(Self::Bytes(length.unwrap_or(0)))
    }
}

/// The status code of a response's head.
pub(super) fn status(head: &[u8]) -> Option<u16> {
    let mut words = head.split(|byte| *byte == b' ');
    str::from_utf8(words.nth(1)?).ok()?.parse().ok()
}

/// The path of a request's head.
pub(super) fn path(head: &[u8]) -> Option<&str> {
    let mut words = head.split(|byte| *byte == b' ');
    str::from_utf8(words.nth(1)?).ok()
}

/// The value of a header.
pub(super) fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let value = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (start, rest) = line.split_at_checked(name.len())?;
        let named = start.eq_ignore_ascii_case(name.as_bytes());
        rest.strip_prefix(b":").filter(|_| named)
    })?;
    str::from_utf8(value).ok().map(str::trim)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: a\r\nContent-Length:  5\r\n\r\nhello";

    #[test]
    fn a_message_is_whole_however_it_is_cut() {
        for cut in 0..REQUEST.len() {
            let (start, rest) = REQUEST.split_at(cut);
            let mut message = Message::default();
            assert!(!message.feed(start).unwrap(), "whole after {cut} bytes");
            assert!(message.feed(rest).unwrap(), "not whole, cut at {cut}");
            assert_eq!(field(message.head().unwrap(), "host"), Some("a"));
        }
    }

    #[test]
    fn long_heads_and_bodies_are_whole_too() {
        let request = format!(
            "POST / HTTP/1.1\r\nx-long: {}\r\ncontent-length: 100000\r\n\r\n{}",
            "x".repeat(5000),
            "y".repeat(100_000)
        );
        let mut message = Message::default();
        assert!(message.feed(request.as_bytes()).unwrap());
        assert_eq!(
            field(message.head().unwrap(), "content-length"),
            Some("100000")
        );
        message.clear();
        assert!(message.feed(REQUEST).unwrap());
    }

    #[test]
    fn chunks_are_counted() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut message = Message::default();
        assert!(!message.feed(format!("{head}5\r\nhel").as_bytes()).unwrap());
        assert!(message.body_has_begun());
        assert!(message.feed(b"lo\r\n0\r\n\r\n").unwrap());
        message.clear();
        assert!(!message.body_has_begun());
        assert!(message.feed(REQUEST).unwrap());
    }

    #[test]
    fn what_it_cannot_measure_is_an_error() {
        let feed = |bytes: &[u8]| Message::default().feed(bytes);
        feed(b"GET / HTTP/1.1\r\n\r\nmore").unwrap_err();
        feed(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nmore").unwrap_err();
        feed(b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n").unwrap_err();
        feed(&[b'x'; LONGEST_HEAD + 1]).unwrap_err();
    }

    #[test]
    fn reads_status_and_fields() {
        let head = b"HTTP/1.1 413 Payload Too Large\r\nx-a: 1\r\nX-AB:2\r\n\r\n";
        assert_eq!(status(head), Some(413));
        assert_eq!(path(REQUEST), Some("/"));
        assert_eq!(field(head, "x-ab"), Some("2"));
        assert_eq!(field(head, "x-abc"), None);
        assert_eq!(status(b"HTTP/1.1"), None);
    }
}
