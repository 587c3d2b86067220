//! As much of HTTP/1.1 as the samples of `cargo xtask run` take.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// How long a peer may take for its next bytes.
const PATIENCE: Duration = Duration::from_secs(15);

/// A request or a response.
#[derive(Debug)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) start: String,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Reads one to its end.
    ///
    /// # Errors
    /// The connection ends before it, or it is not HTTP/1.1.
    pub(crate) fn read(from: impl Read) -> Result<Self> {
        let mut from = BufReader::new(from);
        let mut message = Self {
            start: line(&mut from)?,
            fields: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let field = line(&mut from)?;
            if field.is_empty() {
                break;
            }
            let (name, value) = field.split_once(':').context("a field without a colon")?;
            let field = (name.to_ascii_lowercase(), value.trim().to_owned());
            message.fields.push(field);
        }
        if let Some(length) = message.field("content-length") {
            let length = length.parse()?;
            piece(&mut from, length, &mut message.body)?;
        } else if message.field("transfer-encoding") == Some("chunked") {
            loop {
                let size = line(&mut from)?;
                let size = size.split(';').next().unwrap_or_default();
                let size = u64::from_str_radix(size, 16).context("a chunk without a size")?;
                piece(&mut from, size, &mut message.body)?;
                let end = line(&mut from)?;
                if size == 0 && end.is_empty() {
                    break;
                }
            }
        }
        Ok(message)
    }

    /// The first value of a field, whose name is given in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value)
    }
}

/// A line without its end.
fn line(from: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let whole = line.strip_suffix("\r\n").context("the message is cut")?;
    Ok(whole.to_owned())
}

fn piece(from: &mut impl Read, length: u64, body: &mut Vec<u8>) -> Result<()> {
    let read = io::copy(&mut from.take(length), body)?;
    ensure!(read == length, "the body is cut");
    Ok(())
}

/// Sends a body to the path of a chat completion, with these further fields, and reads the answer.
///
/// # Errors
/// Nobody listens there, or the answer is cut or late.
pub(crate) fn post(address: SocketAddr, fields: &[(&str, &str)], body: &str) -> Result<Message> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    Message::read(stream).with_context(|| format!("no answer from {address}"))
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn reads_bodies_of_either_kind() {
        for wire in [
            "POST / HTTP/1.1\r\nContent-Length:  5\r\n\r\nhello, and what follows",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
        ] {
            let message = Message::read(wire.as_bytes()).unwrap();
            assert_eq!(message.start, "POST / HTTP/1.1");
            assert_eq!(message.body, b"hello");
        }
    }

    #[test]
    fn a_cut_message_is_an_error() {
        let wire = "HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(
            Message::read(wire.as_bytes()).unwrap().field("x"),
            Some("y")
        );
        for end in 0..wire.len() {
            let cut = wire.get(..end).unwrap();
            assert!(Message::read(cut.as_bytes()).is_err(), "{cut:?}");
        }
    }
}
