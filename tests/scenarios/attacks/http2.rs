//! HTTP/2 whose frames lie: requests that hide another, once they go on by HTTP/1.1.

use anyhow::{Context, Result, ensure};
use harness::{
    Bootstrap, END_HEADERS, END_STREAM, FrameConnection, FrameType, Request, StreamEnd, fields,
    frame,
};

use super::target::{body, routed_on_their_bodies, target};
use crate::stage::{Stage, only, same};

/// The fields that every request has.
pub(super) const HEAD: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "x"),
];

/// A value that would end a header, and begin a request of its own.
const SPLIT: &str =
    "a\r\n\r\nPOST /hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{\"model\":\"other\"}";

/// A request of these fields, whose model is `gpt-4o`.
fn request(of: &[(&str, &str)]) -> Vec<u8> {
    let head = frame(FrameType::Headers, END_HEADERS, 1, &fields(of));
    [
        head,
        frame(FrameType::Data, END_STREAM, 1, body("gpt-4o").as_bytes()),
    ]
    .concat()
}

/// The usual request, and these fields behind its own.
fn with(more: &[(&str, &str)]) -> Vec<u8> {
    request(&[&HEAD[..], more].concat())
}

/// The usual request with this value in place of a field's own.
fn instead(name: &str, value: &str) -> Vec<u8> {
    request(&HEAD.map(|(field, usual)| match field == name {
        true => (field, value),
        false => (field, usual),
    }))
}

fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let trailers = |of: &[(&str, &str)]| {
        let head = frame(FrameType::Headers, END_HEADERS, 1, &fields(&HEAD));
        let data = frame(FrameType::Data, 0, 1, body("gpt-4o").as_bytes());
        let end = frame(FrameType::Headers, END_HEADERS | END_STREAM, 1, &fields(of));
        [head, data, end].concat()
    };
    vec![
        (
            "a length that is too short",
            with(&[("content-length", "5")]),
        ),
        (
            "a length that is too long",
            with(&[("content-length", "180")]),
        ),
        (
            "two lengths",
            with(&[("content-length", "18"), ("content-length", "5")]),
        ),
        ("chunks", with(&[("transfer-encoding", "chunked")])),
        (
            "a header of the connection",
            with(&[("connection", "content-length")]),
        ),
        ("an upgrade", with(&[("upgrade", "h2c")])),
        ("a line break in a value", with(&[("x", SPLIT)])),
        (
            "a line break in a name",
            with(&[("x: y\r\ntransfer-encoding", "chunked")]),
        ),
        (
            "a colon in a name",
            with(&[("transfer-encoding: chunked\r\nx", "y")]),
        ),
        ("a space in a name", with(&[("content-length ", "5")])),
        ("a zero in a value", with(&[("x", "a\0b")])),
        ("a name in capitals", with(&[("Content-Length", "5")])),
        ("a name that is empty", with(&[("", "a")])),
        ("a line break in the path", instead(":path", SPLIT)),
        (
            "a space in the method",
            instead(":method", "POST /hidden HTTP/1.1\r\nx: "),
        ),
        (
            "a line break in the authority",
            instead(":authority", SPLIT),
        ),
        ("an empty path", instead(":path", "")),
        ("two paths", with(&[(":path", "/hidden")])),
        ("two methods", with(&[(":method", "GET")])),
        ("a field of a response", with(&[(":status", "200")])),
        ("a field that nobody knows", with(&[(":hidden", "x")])),
        ("no path", request(&[HEAD[0], HEAD[1], HEAD[3]])),
        ("no method", request(&HEAD[1..])),
        ("a path as a trailer", trailers(&[(":path", "/hidden")])),
        ("a line break in a trailer", trailers(&[("x", SPLIT)])),
        (
            "a body on no stream",
            frame(FrameType::Data, END_STREAM, 1, body("gpt-4o").as_bytes()),
        ),
    ]
}

/// Envoy 1.36 sends such lengths on as they are spelled, and takes a field wherever it is: docs/attacks.md.
fn refused_since_1_37() -> [(&'static str, Vec<u8>); 3] {
    let late = [&HEAD[..2], &[("x", "y")], &HEAD[2..]].concat();
    [
        ("a length with a sign", with(&[("content-length", "+18")])),
        ("a length with a space", with(&[("content-length", " 18")])),
        ("a field of the request behind the others", request(&late)),
    ]
}

pub(super) async fn http2_requests_that_hide_another(stage: &Stage) -> Result<()> {
    let gateway = target(stage, Bootstrap::new()).await?;
    let mut wrong = Vec::new();
    let mut expected = 0;
    let mut attacks = attacks();
    if stage.release.at_least(1, 37) {
        attacks.extend(refused_since_1_37());
    }
    for (what, frames) in attacks {
        let mut connection = FrameConnection::open(gateway.address).await?;
        connection.write(&frames).await?;
        if connection.end_of(1).await.with_context(|| what)? == StreamEnd::Served {
            wrong.push(what);
            expected += 1;
        }
        let forwarded = routed_on_their_bodies(&gateway).with_context(|| what)?;
        same(what, forwarded, expected)?;
    }
    ensure!(wrong.is_empty(), "served: {wrong:?}");
    let mut connection = FrameConnection::open(gateway.address).await?;
    connection.write(&with(&[("content-length", "18")])).await?;
    same(
        "without a lie",
        connection.end_of(1).await?,
        StreamEnd::Served,
    )?;
    gateway.check_alive().await
}

/// A message of gRPC is no JSON, whatever it holds and however long it pretends to be.
pub(super) async fn grpc_messages_are_refused_in_grpc(stage: &Stage) -> Result<()> {
    let gateway = target(stage, Bootstrap::new()).await?;
    let json = body("gpt-4o");
    for prefix in [
        [0, 0, 0, 0, 18],
        [1, 0, 0, 0, 18],
        [0, 0xff, 0xff, 0xff, 0xff],
        [0, 0, 0, 0, 0],
    ] {
        let message = [&prefix[..], json.as_bytes()].concat();
        let request = Request::post("/llm.Model/Ask")
            .http2()
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body_without_length(message);
        let answer = request.send(gateway.address).await?;
        let what = format!("{prefix:?}");
        // Envoy's own answers to gRPC have 200, and the status of gRPC in place of 400.
        same(&what, only(&answer.headers, "grpc-status")?.as_str(), "13")?;
        same(&what, routed_on_their_bodies(&gateway)?, 0)?;
    }
    gateway.check_alive().await
}
