//! A client that changes the protocol: the handshake is HTTP/1.1, then bytes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::observation::Message;
use super::take::{Take, chunks};
use super::wire::Wire;

/// The time between two chunks, so that they arrive as two.
const PACE: Duration = Duration::from_millis(10);

/// How long the rest of a refusal may take.
const REST: Duration = Duration::from_millis(300);

/// Shakes hands, sends the case's chunks and reads to the end.
///
/// # Errors
/// The peer closes before it answered.
pub(crate) async fn exchange(mut stream: TcpStream, wire: &Wire, case: &Take) -> Result<Message> {
    stream.write_all(head(wire, case).as_bytes()).await?;
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        let count = stream.read_buf(&mut received).await?;
        ensure!(
            count > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&received)
        );
    };
    let mut body = received.split_off(end + 4);
    let fields = parse(&String::from_utf8_lossy(&received))?;
    let switched = fields
        .first()
        .is_some_and(|(_, status)| status == "101" || status.starts_with('2'));
    if switched {
        for chunk in chunks(case.request_body()) {
            stream.write_all(&chunk).await?;
            sleep(PACE).await;
        }
        while stream
            .read_buf(&mut body)
            .await
            .is_ok_and(|count| count > 0)
        {}
    } else {
        // Envoy keeps the connection open: what has not come by then is not part of the refusal.
        while let Ok(Ok(1..)) = timeout(REST, stream.read_buf(&mut body)).await {}
    }
    let chunked = ("transfer-encoding".to_owned(), "chunked".to_owned());
    if fields.contains(&chunked) {
        body = unchunk(&body).with_context(|| format!("chunks cut short: {body:?}"))?;
    }
    Ok(Message { fields, body })
}

/// The content of a chunked body; `None` if it is not all there.
fn unchunk(mut coded: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = coded.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = std::str::from_utf8(coded.get(..end)?).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let start = end + 2;
        body.extend_from_slice(coded.get(start..start + size)?);
        coded = coded.get(start + size + 2..)?;
    }
}

fn head(wire: &Wire, case: &Take) -> String {
    let connect = case.is_connect();
    let target = if connect {
        wire.authority.clone()
    } else {
        case.path()
    };
    let mut head = format!(
        "{} {target} HTTP/1.1\r\nhost: {}\r\n",
        case.method(),
        wire.authority
    );
    for (name, value) in &wire.request {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn parse(head: &str) -> Result<Vec<(String, String)>> {
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.with_context(|| format!("not HTTP: {head:?}"))?;
    let status = (":status".to_owned(), status.to_owned());
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Ok(std::iter::once(status).chain(fields).collect())
}

#[cfg(test)]
mod tests {
    use super::{parse, unchunk};

    #[test]
    fn joins_chunks() {
        assert_eq!(
            unchunk(b"2\r\nab\r\na\r\n0123456789\r\n0\r\n\r\n").unwrap(),
            b"ab0123456789"
        );
        assert_eq!(unchunk(b"0\r\n\r\n").unwrap(), b"");
        for cut in [&b""[..], b"2", b"2\r\na", b"2\r\nab\r\n"] {
            assert_eq!(unchunk(cut), None);
        }
    }

    #[test]
    fn reads_a_handshake() {
        let fields = parse("HTTP/1.1 101 Switching Protocols\r\nX-A: b:c \r\n").unwrap();
        let expected = [(":status", "101"), ("x-a", "b:c")];
        assert_eq!(
            fields,
            expected.map(|(name, value)| (name.into(), value.into()))
        );
        assert!(parse("").is_err());
    }
}
