//! HTTP/1.1 messages as they are on the wire (RFC 9112), or as tools print them.

use anyhow::{Context, Result, bail};
use cases::{Body, Fields, Message, Piece};

use super::Side;

/// Whether bytes begin as a message of HTTP does.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let line = first_line(bytes);
    line.starts_with("HTTP/")
        || line
            .rsplit(' ')
            .next()
            .is_some_and(|last| last.starts_with("HTTP/"))
}

/// Which message it is.
pub(super) fn side(bytes: &[u8]) -> Side {
    match first_line(bytes).starts_with("HTTP/") {
        true => Side::Response,
        false => Side::Request,
    }
}

fn first_line(bytes: &[u8]) -> &str {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    std::str::from_utf8(line).unwrap_or_default().trim_end()
}

/// Reads a message. Lines may end with LF alone, as in a file that was written by hand.
///
/// # Errors
/// A line of it is none of HTTP's.
pub(super) fn read(bytes: &[u8]) -> Result<Message> {
    let mut rest = bytes;
    let first = line(&mut rest).context("the message is empty")?;
    let first = String::from_utf8_lossy(first).into_owned();
    let fields = fields(&mut rest)?;
    let mut parts = first.split_ascii_whitespace();
    let mut message = match (parts.next(), parts.next()) {
        (Some(version), Some(status)) if version.starts_with("HTTP/") => {
            let status = (":status".to_owned(), status.as_bytes().to_vec());
            Message {
                fields: std::iter::once(status).chain(fields).collect(),
                ..Message::default()
            }
        }
        (Some(method), Some(target)) => super::request(method, target, fields, Body::None),
        _ => bail!("`{first}` is neither a request line nor a status line"),
    };
    let chunked = message
        .field("transfer-encoding")
        .is_some_and(|coding| coding.trim() == "chunked");
    if chunked {
        message
            .fields
            .retain(|(name, _)| name != "transfer-encoding");
        (message.body, message.trailers) = chunks(rest)?;
    } else if !rest.is_empty() {
        message.body = Body::Whole(rest.to_vec());
    }
    Ok(message)
}

/// Takes one line, without its end.
fn line<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    if rest.is_empty() {
        return None;
    }
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len());
    let (line, after) = rest.split_at_checked(end)?;
    *rest = after.get(1..).unwrap_or_default();
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Takes the fields up to the empty line.
fn fields(rest: &mut &[u8]) -> Result<Fields> {
    let mut fields = Vec::new();
    while let Some(line) = line(rest) {
        if line.is_empty() {
            break;
        }
        let text = String::from_utf8_lossy(line);
        let (name, value) = text
            .split_once(':')
            .with_context(|| format!("`{text}` is no header: write `name: value`"))?;
        fields.push((
            name.trim().to_ascii_lowercase(),
            value.trim().as_bytes().to_vec(),
        ));
    }
    Ok(fields)
}

/// The chunks of a body, each a piece, and its trailers.
fn chunks(mut rest: &[u8]) -> Result<(Body, Fields)> {
    let mut pieces = Vec::new();
    loop {
        let size = line(&mut rest)
            .context("the chunks have no end: a chunk of size 0 and an empty line")?;
        let size = String::from_utf8_lossy(size);
        let digits = size.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16);
        let length = length.with_context(|| format!("`{size}` is not the size of a chunk"))?;
        if length == 0 {
            return Ok((Body::Pieces(pieces), fields(&mut rest)?));
        }
        let (chunk, after) = rest
            .split_at_checked(length)
            .with_context(|| format!("the chunk of {length} bytes is not whole"))?;
        pieces.push(Piece::from(chunk));
        rest = after;
        line(&mut rest);
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn reads_a_request_and_its_chunks() {
        let text = b"POST /v1/x?a=b HTTP/1.1\r\nHost: llm.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nx-after: 1\r\n\r\n";
        let message = read(text).unwrap();
        assert_eq!(message.field(":authority").as_deref(), Some("llm.example"));
        assert_eq!(message.field(":path").as_deref(), Some("/v1/x?a=b"));
        assert_eq!(message.body.pieces(), [b"hello".as_slice(), b"!"]);
        assert_eq!(message.trailers, [("x-after".to_owned(), b"1".to_vec())]);
    }

    #[test]
    fn lines_may_end_with_lf_alone() {
        let message =
            read(b"HTTP/1.1 404 Not Found\ncontent-type: text/plain\n\nno\nsuch model").unwrap();
        assert_eq!(message.field(":status").as_deref(), Some("404"));
        assert_eq!(message.body.bytes(), b"no\nsuch model");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("POST / HTTP/1.1\nno header\n\n", "`no header` is no header"),
            (
                "POST / HTTP/1.1\ntransfer-encoding: chunked\n\nxyz\n",
                "`xyz` is not the size of a chunk",
            ),
            (
                "POST / HTTP/1.1\ntransfer-encoding: chunked\n\n9\nshort",
                "is not whole",
            ),
            (
                "POST / HTTP/1.1\ntransfer-encoding: chunked\n\n2\nok\n",
                "have no end",
            ),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
