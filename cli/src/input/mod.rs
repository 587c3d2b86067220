//! Requests and answers as people have them: arguments of curl, files of HTTP, HAR, or of the case language.

pub mod curl;
mod har;
mod http;

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cases::{Body, Fields, Message, Piece};

/// A message or two, as a file has them.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) request: Option<Message>,
    pub(crate) response: Option<Message>,
}

/// Which message a file is about, if it does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// Reads a file, or standard input if it is called `-`.
///
/// # Errors
/// It cannot be read.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut read = Vec::new();
    if path == Path::new("-") {
        io::stdin().read_to_end(&mut read).map(|_| ())
    } else {
        fs::read(path).map(|bytes| read = bytes)
    }
    .with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(read)
}

/// Reads a file as [`bytes`], of text.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(crate) fn text(path: &Path) -> Result<String> {
    match String::from_utf8(bytes(path)?) {
        Ok(text) => Ok(text),
        Err(_) => bail!("{}: not UTF-8", path.display()),
    }
}

/// Reads what a file has: a HAR, an HTTP message, or a message of the case language. `entry` is the one of a HAR's,
/// counted from 1.
///
/// # Errors
/// It is none of them.
pub(crate) fn file(path: &Path, side: Side, entry: usize) -> Result<Exchange> {
    let bytes = bytes(path)?;
    exchange(&bytes, side, entry).with_context(|| path.display().to_string())
}

/// As [`file()`], of what was read.
///
/// # Errors
/// It is none of them.
pub(crate) fn exchange(bytes: &[u8], side: Side, entry: usize) -> Result<Exchange> {
    if let Some(har) = har::Har::read(bytes) {
        return har?.exchange(entry);
    }
    if http::is_message(bytes) {
        let message = http::read(bytes)?;
        return Ok(match http::side(bytes) {
            Side::Request => Exchange {
                request: Some(message),
                response: None,
            },
            Side::Response => Exchange {
                request: None,
                response: Some(message),
            },
        });
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        bail!(
            "neither an HTTP message nor text; an HTTP message begins with `POST /path HTTP/1.1` or `HTTP/1.1 200`"
        );
    };
    Ok(match side {
        Side::Request => Exchange {
            request: Some(cases::read::request(text)?),
            response: None,
        },
        Side::Response => Exchange {
            request: None,
            response: Some(cases::read::answer(text)?),
        },
    })
}

/// A request of these parts. The URL may lack its scheme, or be a path.
pub(crate) fn request(method: &str, url: &str, fields: Fields, body: Body) -> Message {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => ("http", url),
    };
    let place = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(place).unwrap_or((rest, ""));
    let path = path.split('#').next().unwrap_or_default();
    let path = match path.chars().next() {
        Some('/') => path.to_owned(),
        _ => format!("/{path}"),
    };
    let host = fields.iter().find(|(name, _)| name == "host");
    let host = host.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    let authority = host.unwrap_or_else(|| match authority {
        "" => "example.com".to_owned(),
        authority => authority.rsplit('@').next().unwrap_or_default().to_owned(),
    });
    let pseudo = [
        (":method", method),
        (":scheme", scheme),
        (":authority", &authority),
        (":path", &path),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let fields = fields.into_iter().filter(|(name, _)| name != "host");
    Message {
        fields: pseudo.into_iter().chain(fields).collect(),
        body,
        ..Message::default()
    }
}

/// The same answer with each of its events in a piece of its own, `pause` apart, if it is a stream of events.
pub(crate) fn event_by_event(mut answer: Message, pause: Duration) -> Message {
    let is_stream = answer
        .field("content-type")
        .is_some_and(|is| is.starts_with("text/event-stream"));
    if let (true, Body::Whole(body)) = (is_stream, &answer.body) {
        let pieces = events(body)
            .into_iter()
            .enumerate()
            .map(|(index, event)| Piece {
                after: if index == 0 { Duration::ZERO } else { pause },
                bytes: event.to_vec(),
            });
        answer.body = Body::Pieces(pieces.collect());
    }
    answer
}

/// The events of a stream, each with the empty line that ends it.
fn events(body: &[u8]) -> Vec<&[u8]> {
    let mut events = Vec::new();
    let (mut begin, mut line_is_empty) = (0, true);
    for (index, line) in lines(body) {
        let empty = line.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        if empty && !line_is_empty {
            events.extend(body.get(begin..index + line.len()));
            begin = index + line.len();
        }
        line_is_empty = empty;
    }
    events.extend(body.get(begin..).filter(|rest| !rest.is_empty()));
    events
}

/// The lines of a text, each with what ends it and where it begins.
fn lines(body: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut begin = 0;
    body.split_inclusive(|byte| *byte == b'\n')
        .map(move |line| {
            let at = begin;
            begin += line.len();
            (at, line)
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cases::{Body, Message};

    use super::{Side, event_by_event, exchange, request};

    fn stream(body: &str) -> Message {
        Message {
            fields: vec![("content-type".to_owned(), b"text/event-stream".to_vec())],
            body: Body::Whole(body.as_bytes().to_vec()),
            ..Message::default()
        }
    }

    #[test]
    fn a_stream_is_cut_into_its_events() {
        let body = "data: 1\n\ndata: 2\r\n\r\n: c\ndata: 3\n\nrest";
        let cut = event_by_event(stream(body), Duration::from_millis(10));
        let pieces: Vec<_> = cut
            .body
            .pieces()
            .iter()
            .map(|piece| String::from_utf8_lossy(piece).into_owned())
            .collect();
        assert_eq!(
            pieces,
            ["data: 1\n\n", "data: 2\r\n\r\n", ": c\ndata: 3\n\n", "rest"]
        );
        assert_eq!(cut.body.times().last(), Some(&Duration::from_millis(30)));
    }

    #[test]
    fn a_url_may_lack_parts() {
        let pseudo = |url| {
            let message = request("GET", url, Vec::new(), Body::None);
            [":scheme", ":authority", ":path"].map(|name| message.field(name).unwrap_or_default())
        };
        assert_eq!(
            pseudo("https://u:p@host:8443/a?b#c"),
            ["https", "host:8443", "/a?b"]
        );
        assert_eq!(pseudo("host:1"), ["http", "host:1", "/"]);
        assert_eq!(pseudo("/v1/x"), ["http", "example.com", "/v1/x"]);
        assert_eq!(pseudo("host?x=1"), ["http", "host", "/?x=1"]);
    }

    #[test]
    fn a_message_may_be_in_the_case_language() {
        let read = exchange(b"path: /v1\njson: {model: m}\n", Side::Request, 1).unwrap();
        assert_eq!(read.request.unwrap().body.bytes(), br#"{"model":"m"}"#);
        let read = exchange(b"status: 404\n", Side::Response, 1).unwrap();
        assert_eq!(
            read.response.unwrap().field(":status").as_deref(),
            Some("404")
        );
        assert!(
            exchange(b"pth: /v1\n", Side::Request, 1)
                .unwrap_err()
                .to_string()
                .contains("pth")
        );
    }
}
