//! HTTP/1.1 whose framing lies: requests that hide another.

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, RawConnection};

use super::target::{body, routed_on_their_bodies, target};
use crate::gateway::Gateway;
use crate::stage::{Stage, same};

/// What has to come of the bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// So many requests are served; what else there is, is refused, and the connection ends.
    Served(usize),
    /// Nothing is.
    Refused,
    /// Envoy refuses it, or makes two whole requests of it: releases differ, and what goes on is framed anew.
    Reframed,
}

use Outcome::{Reframed, Refused, Served};

/// The model's body, as a chunk and as it is.
const CHUNK: &str = "12\r\n{\"model\":\"gpt-4o\"}\r\n";
const BODY: &str = "{\"model\":\"gpt-4o\"}";

/// A request with these header lines and this body.
fn post(lines: &str, body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n{body}").into_bytes()
}

/// The request that another hides: it ends the connection once it is served.
fn hidden() -> String {
    let body = body("other");
    let length = body.len();
    format!(
        "POST /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Each attack, and what has to come of it.
fn attacks() -> Vec<(&'static str, Vec<u8>, Outcome)> {
    let mut attacks = lengths();
    attacks.extend(codings());
    attacks.extend(chunks());
    attacks.extend(heads());
    attacks
}

fn lengths() -> Vec<(&'static str, Vec<u8>, Outcome)> {
    let hidden = hidden();
    let with = |lines: &str| post(lines, &format!("{BODY}{hidden}"));
    vec![
        (
            "a body longer than its length",
            with("Content-Length: 5\r\n"),
            Refused,
        ),
        (
            "two lengths",
            with("Content-Length: 18\r\nContent-Length: 5\r\n"),
            Refused,
        ),
        (
            "two lengths, the short one first",
            with("Content-Length: 5\r\nContent-Length: 18\r\n"),
            Refused,
        ),
        (
            "two equal lengths",
            with("Content-Length: 18\r\nContent-Length: 18\r\n"),
            Refused,
        ),
        (
            "a list of lengths",
            with("Content-Length: 18, 5\r\n"),
            Refused,
        ),
        (
            "a length with a sign",
            with("Content-Length: +18\r\n"),
            Refused,
        ),
        ("a negative length", with("Content-Length: -1\r\n"), Refused),
        (
            "a length in hexadecimal",
            with("Content-Length: 0x12\r\n"),
            Refused,
        ),
        (
            "a length with an exponent",
            with("Content-Length: 18e0\r\n"),
            Refused,
        ),
        (
            "an endless length",
            with("Content-Length: 18446744073709551634\r\n"),
            Refused,
        ),
        (
            "a length without a number",
            with("Content-Length: \r\n"),
            Refused,
        ),
        (
            "a space before the colon of the length",
            with("Content-Length : 18\r\n"),
            Refused,
        ),
        ("no length", with(""), Refused),
        (
            "a length and a request behind it",
            with("Content-Length: 18\r\n"),
            Served(2),
        ),
    ]
}

fn codings() -> Vec<(&'static str, Vec<u8>, Outcome)> {
    let hidden = hidden();
    let with = |lines: &str| post(lines, &format!("{CHUNK}0\r\n\r\n{hidden}"));
    vec![
        (
            "a length beside chunks",
            with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
            Refused,
        ),
        (
            "a length behind chunks",
            with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
            Refused,
        ),
        (
            "a coding that is almost chunked",
            with("Transfer-Encoding: xchunked\r\n"),
            Refused,
        ),
        (
            "a coding behind chunked",
            with("Transfer-Encoding: chunked, identity\r\n"),
            Refused,
        ),
        (
            "a coding before chunked",
            with("Transfer-Encoding: gzip, chunked\r\n"),
            Refused,
        ),
        (
            "chunked twice",
            with("Transfer-Encoding: chunked, chunked\r\n"),
            Refused,
        ),
        (
            "chunked on two lines",
            with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            Refused,
        ),
        (
            "chunked in quotes",
            with("Transfer-Encoding: \"chunked\"\r\n"),
            Refused,
        ),
        (
            "a tab within chunked",
            with("Transfer-Encoding: chun\tked\r\n"),
            Refused,
        ),
        (
            "a vertical tab before chunked",
            with("Transfer-Encoding: \x0bchunked\r\n"),
            Refused,
        ),
        (
            "a space before the colon of the coding",
            with("Transfer-Encoding : chunked\r\n"),
            Refused,
        ),
        (
            "a coding on the next line",
            with("Transfer-Encoding:\r\n chunked\r\n"),
            Reframed,
        ),
        (
            "a coding within another header",
            with("X: y\r\n Transfer-Encoding: chunked\r\n"),
            Refused,
        ),
        (
            "chunked in capitals",
            with("TRANSFER-ENCODING: CHUNKED\r\n"),
            Served(2),
        ),
        (
            "an underscore for the dash",
            with("Transfer_Encoding: chunked\r\nContent-Length: 0\r\n"),
            Refused,
        ),
    ]
}

fn chunks() -> Vec<(&'static str, Vec<u8>, Outcome)> {
    let hidden = hidden();
    let with = |chunks: &str| {
        let body = format!("{chunks}{hidden}");
        post("Transfer-Encoding: chunked\r\n", &body)
    };
    let sized = |size: &str| with(&format!("{size}\r\n{BODY}\r\n0\r\n\r\n"));
    vec![
        ("a size with a sign", sized("+12"), Refused),
        ("a negative size", sized("-12"), Refused),
        ("a size with a prefix", sized("0x12"), Refused),
        ("a size without end", sized("fffffffffffffffff12"), Refused),
        ("no size", sized(""), Refused),
        ("a size that is too small", sized("5"), Refused),
        ("a size that is too large", sized("13"), Reframed),
        ("an extension", sized("12;a=b"), Served(2)),
        ("an extension with a line feed", sized("12;a\nb"), Refused),
        (
            "chunks whose lines end without a carriage return",
            with(&format!("12\n{BODY}\n0\n\n")),
            Refused,
        ),
        (
            "a chunk without an end",
            with(&format!("12\r\n{BODY}0\r\n\r\n")),
            Refused,
        ),
        (
            "a model in two chunks",
            with("9\r\n{\"model\":\r\n9\r\n\"gpt-4o\"}\r\n0\r\n\r\n"),
            Served(2),
        ),
        (
            "a routing header as a trailer",
            with(&format!("{CHUNK}0\r\nx-gateway-model-name: other\r\n\r\n")),
            Served(2),
        ),
        (
            "a length as a trailer",
            with(&format!("{CHUNK}0\r\ncontent-length: 5\r\n\r\n")),
            Served(2),
        ),
    ]
}

fn heads() -> Vec<(&'static str, Vec<u8>, Outcome)> {
    let hidden = hidden();
    let whole =
        |head: &str| format!("{head}\r\nContent-Length: 18\r\n\r\n{BODY}{hidden}").into_bytes();
    let line = |line: &str| whole(&format!("POST / HTTP/1.1\r\nHost: x\r\n{line}"));
    vec![
        ("no host", whole("POST / HTTP/1.1"), Refused),
        ("two hosts", line("Host: y"), Reframed),
        ("a zero in a header", line("X: a\0b"), Refused),
        (
            "a carriage return in a header",
            line("X: a\rContent-Length: 5"),
            Reframed,
        ),
        ("a header without a colon", line("nothing"), Refused),
        ("a header without a name", line(": a"), Refused),
        ("a header whose name has a space", line("x y: a"), Refused),
        (
            "a version that is none",
            whole("POST / HTTP/1.11\r\nHost: x"),
            Refused,
        ),
        ("HTTP/1.0", whole("POST / HTTP/1.0\r\nHost: x"), Refused),
        ("HTTP/0.9", b"GET /\r\n".to_vec(), Refused),
        (
            "two spaces in the request line",
            whole("POST  / HTTP/1.1\r\nHost: x"),
            Reframed,
        ),
        (
            "a tab in the request line",
            whole("POST\t/ HTTP/1.1\r\nHost: x"),
            Reframed,
        ),
        (
            "a control character in the path",
            whole("POST /\x01 HTTP/1.1\r\nHost: x"),
            Refused,
        ),
        (
            "a method that is none",
            whole("PO(ST / HTTP/1.1\r\nHost: x"),
            Refused,
        ),
        (
            "CONNECT",
            whole("CONNECT x:80 HTTP/1.1\r\nHost: x:80"),
            Refused,
        ),
        (
            "another host in the request line",
            whole("POST http://y/ HTTP/1.1\r\nHost: x"),
            Served(2),
        ),
        (
            "an upgrade to WebSocket",
            line("Connection: upgrade\r\nUpgrade: websocket"),
            Refused,
        ),
        (
            "an upgrade to HTTP/2",
            line("Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"),
            Served(2),
        ),
        (
            "HTTP/2 in the middle",
            post(
                "Content-Length: 18\r\n",
                &format!("{BODY}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ),
            Served(1),
        ),
        (
            "an expectation that is none",
            line("Expect: 200-maybe"),
            Served(2),
        ),
        (
            "a routing header that Connection names",
            line("Connection: x-gateway-model-name\r\nx-gateway-model-name: other"),
            Served(2),
        ),
        (
            "a length that Connection names",
            line("Connection: content-length"),
            Served(2),
        ),
    ]
}

/// Plays an attack; the whole answer of its connection.
async fn play(gateway: &Gateway, bytes: &[u8]) -> Result<String> {
    let mut connection = RawConnection::open(gateway.address).await?;
    connection.send(bytes).await?;
    connection.read_to_end().await
}

/// How many answers of a connection are 200.
fn served(answer: &str) -> usize {
    answer.matches("HTTP/1.1 200 OK\r\n").count()
}

pub(super) async fn requests_that_hide_another(stage: &Stage) -> Result<()> {
    let gateway = target(stage, Bootstrap::new().http1_trailers()).await?;
    let mut expected = 0;
    let mut wrong = Vec::new();
    for (what, bytes, outcome) in attacks() {
        let answer = play(&gateway, &bytes).await.with_context(|| what)?;
        let found = match served(&answer) {
            0 => Refused,
            count => Served(count),
        };
        let reframed = outcome == Reframed && [Refused, Served(2)].contains(&found);
        if found != outcome && !reframed {
            wrong.push(format!(
                "{what}: {found:?} instead of {outcome:?}: {answer:?}"
            ));
        }
        expected += served(&answer);
        let forwarded = routed_on_their_bodies(&gateway).with_context(|| what)?;
        same(what, forwarded, expected)?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    gateway.check_alive().await
}

/// Each is answered in its place, and nothing behind one that is refused is served.
pub(super) async fn pipelined_requests_are_routed_each_on_its_own_body(
    stage: &Stage,
) -> Result<()> {
    const REQUESTS: usize = 100;
    let gateway = target(stage, Bootstrap::new()).await?;
    let models = [("gpt-4o", "routed"), ("other", "fallback")];
    let sent = |models: &[&str]| -> String {
        let mut sent = String::new();
        for model in models {
            let body = body(model);
            let length = body.len();
            sent +=
                &format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        }
        sent
    };
    let mut asked: Vec<&str> = (0..REQUESTS).map(|number| models[number % 2].0).collect();
    // One without a model, and one behind it.
    asked.extend(["", "gpt-4o"]);
    let answer = play(&gateway, sent(&asked).as_bytes()).await?;
    let answers: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).collect();
    same("answers", answers.len(), REQUESTS + 1)?;
    for (number, answer) in answers.iter().take(REQUESTS).enumerate() {
        let by = format!("x-served-by: {}", models[number % 2].1);
        let served = answer.starts_with("200 OK") && answer.contains(&by);
        ensure!(served, "{number}: {answer}");
    }
    let refused = answers.last().copied().unwrap_or_default();
    ensure!(
        refused.starts_with("400 ") && refused.contains("missing_model"),
        "{refused}"
    );
    same("forwarded", routed_on_their_bodies(&gateway)?, REQUESTS)
}
