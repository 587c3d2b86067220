//! More than a client needs: streams, fields, frames, connections.

use anyhow::{Context, Result, ensure};
use harness::{
    Bootstrap, END_HEADERS, END_STREAM, FrameConnection, FrameType, RawConnection, StreamEnd,
    fields, frame,
};
use serde_json::json;

use super::bystanders::unharmed;
use super::http2::HEAD;
use super::target::{body, routed_on_their_bodies, target};
use crate::gateway::{Gateway, MODEL};
use crate::stage::{Stage, same};

/// By how much Envoy may grow in a flood that it stops.
const GROWTH: u64 = 16 << 20;

/// Streams of one connection that are reset as soon as they begin; Envoy gives up at 500.
const RESETS: u32 = 1500;

/// A request whose body does not end, and its reset.
fn reset_while_held(stream: u32) -> Vec<u8> {
    let head = frame(FrameType::Headers, END_HEADERS, stream, &fields(&HEAD));
    let data = frame(FrameType::Data, 0, stream, b"{\"model\":\"gpt-4o\"");
    [
        head,
        data,
        frame(FrameType::Reset, 0, stream, &[0, 0, 0, 8]),
    ]
    .concat()
}

/// A whole request, and its reset.
fn reset_when_sent(stream: u32) -> Vec<u8> {
    let head = frame(FrameType::Headers, END_HEADERS, stream, &fields(&HEAD));
    let data = frame(
        FrameType::Data,
        END_STREAM,
        stream,
        body("gpt-4o").as_bytes(),
    );
    [
        head,
        data,
        frame(FrameType::Reset, 0, stream, &[0, 0, 0, 8]),
    ]
    .concat()
}

/// What an attack is called, and its frames on a stream.
type Attack = (&'static str, fn(u32) -> Vec<u8>);

pub(super) async fn rapid_resets(stage: &Stage) -> Result<()> {
    let gateway = target(stage, Bootstrap::new()).await?;
    gateway.check_alive().await?;
    let before = gateway.envoy.memory()?;
    let attacks: [Attack; 2] = [
        ("while held", reset_while_held),
        ("when sent", reset_when_sent),
    ];
    for (count, (what, request)) in (1..).zip(attacks) {
        unharmed(&gateway, what, async {
            let mut connection = FrameConnection::open(gateway.address).await?;
            let streams = (0..RESETS).map(|number| request(2 * number + 1));
            let frames: Vec<u8> = streams.flatten().collect();
            // Envoy closes before it has read all of them.
            let _cut = connection.write(&frames).await;
            connection.closed().await
        })
        .await?;
        let counter = "http.main.downstream_rq_too_many_premature_resets";
        same(what, gateway.envoy.stat(counter).await?, count)?;
        if what == "while held" {
            // Nobody but the bystanders got anywhere.
            routed_on_their_bodies(&gateway)?;
        }
    }
    let requests = [gateway.routed.requests(), gateway.fallback.requests()].concat();
    let unrouted = requests.iter().find(|seen| !seen.headers.contains(MODEL));
    ensure!(unrouted.is_none(), "not routed: {unrouted:?}");
    check_growth(&gateway, before)?;
    gateway.check_alive().await
}

fn check_growth(gateway: &Gateway, before: u64) -> Result<()> {
    let grown = gateway.envoy.memory()?.saturating_sub(before);
    ensure!(grown < GROWTH, "Envoy has grown by {} KiB", grown >> 10);
    Ok(())
}

/// Many fields, none of them long.
fn many() -> Vec<(String, String)> {
    (0..1000)
        .map(|n| (format!("x-{n}"), n.to_string()))
        .collect()
}

/// A few fields of more than Envoy takes in all.
fn long() -> Vec<(String, String)> {
    (0..16)
        .map(|n| (format!("x-{n}"), "a".repeat(8000)))
        .collect()
}

/// `Headers` and as many `Continuation` frames as the block needs; they end if `ends`.
fn block(first: &[u8], block: &[u8], stream_flags: u8, ends: bool) -> Vec<u8> {
    let mut pieces = block.chunks(16_000).peekable();
    let mut frames = frame(FrameType::Headers, stream_flags, 1, first);
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none() && ends;
        let flags = if last { END_HEADERS } else { 0 };
        frames.extend(frame(FrameType::Continuation, flags, 1, piece));
    }
    frames
}

fn encoded(of: &[(String, String)]) -> Vec<u8> {
    let pairs: Vec<_> = of
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fields(&pairs)
}

/// Floods of HTTP/2, by name. Each is on a connection of its own.
fn http2_floods() -> Vec<(&'static str, Vec<u8>)> {
    let head = fields(&HEAD);
    let data = frame(FrameType::Data, END_STREAM, 1, body("gpt-4o").as_bytes());
    let begun = [
        frame(FrameType::Headers, END_HEADERS, 1, &head),
        frame(FrameType::Data, 0, 1, body("gpt-4o").as_bytes()),
    ]
    .concat();
    let headers =
        |of: &[(String, String)]| [block(&head, &encoded(of), 0, true), data.clone()].concat();
    let trailers = |of: &[(String, String)]| {
        [begun.clone(), block(b"", &encoded(of), END_STREAM, true)].concat()
    };
    let empty = frame(FrameType::Data, 0, 1, b"");
    vec![
        ("many headers", headers(&many())),
        ("long headers", headers(&long())),
        ("many trailers", trailers(&many())),
        ("long trailers", trailers(&long())),
        (
            "headers that never end",
            block(&head, &encoded(&long()).repeat(40), 0, false),
        ),
        (
            "empty continuations",
            [
                frame(FrameType::Headers, 0, 1, &head),
                frame(FrameType::Continuation, 0, 1, b"").repeat(20_000),
            ]
            .concat(),
        ),
        (
            "empty pieces of a body",
            [begun.clone(), empty.repeat(20_000)].concat(),
        ),
        (
            "pings",
            [
                begun.clone(),
                frame(FrameType::Ping, 0, 0, &[0; 8]).repeat(20_000),
            ]
            .concat(),
        ),
        (
            "settings",
            [
                begun.clone(),
                frame(FrameType::Settings, 0, 0, b"").repeat(20_000),
            ]
            .concat(),
        ),
    ]
}

/// Floods of HTTP/1.1.
fn http1_floods() -> Vec<(&'static str, String)> {
    let lines = |of: Vec<(String, String)>| -> String {
        of.iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect()
    };
    let head = "POST / HTTP/1.1\r\nHost: x\r\n";
    let headers = |of| {
        format!(
            "{head}{}Content-Length: 18\r\n\r\n{}",
            lines(of),
            body("gpt-4o")
        )
    };
    let trailers = |of| {
        let body = body("gpt-4o");
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n12\r\n{body}\r\n0\r\n{}\r\n",
            lines(of)
        )
    };
    vec![
        ("many headers", headers(many())),
        ("long headers", headers(long())),
        ("many trailers", trailers(many())),
        ("long trailers", trailers(long())),
    ]
}

pub(super) async fn floods_of_headers_and_trailers(stage: &Stage) -> Result<()> {
    let gateway = target(stage, Bootstrap::new().http1_trailers()).await?;
    gateway.check_alive().await?;
    let before = gateway.envoy.memory()?;
    for (what, frames) in http2_floods() {
        unharmed(&gateway, what, async {
            let mut connection = FrameConnection::open(gateway.address).await?;
            let _cut = connection.write(&frames).await;
            let end = connection.end_of(1).await?;
            ensure!(end != StreamEnd::Served, "served");
            Ok(())
        })
        .await?;
    }
    for (what, bytes) in http1_floods() {
        unharmed(&gateway, what, async {
            let mut connection = RawConnection::open(gateway.address).await?;
            let _cut = connection.send(&bytes).await;
            let answer = connection.read_to_end().await?;
            ensure!(!answer.contains(" 200 "), "served: {answer}");
            Ok(())
        })
        .await?;
    }
    let requests = [gateway.routed.requests(), gateway.fallback.requests()].concat();
    let flooded = requests
        .iter()
        .find(|seen| seen.headers.contains("x-1") || seen.trailers.contains("x-1"));
    ensure!(flooded.is_none(), "forwarded: {flooded:?}");
    routed_on_their_bodies(&gateway)?;
    check_growth(&gateway, before)?;
    gateway.check_alive().await
}

/// Clients that begin a body and do not go on.
const SLOW: usize = 2000;

/// What Envoy may keep of each: its connection, its stream, and what the filter holds.
const KEPT: u64 = 64 << 10;

pub(super) async fn slow_bodies_by_the_thousand(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new().connection_manager("request_timeout", json!("4s"));
    let gateway = target(stage, bootstrap).await?;
    gateway.check_alive().await?;
    let before = gateway.envoy.memory()?;
    let mut slow = Vec::with_capacity(SLOW);
    unharmed(&gateway, "opening", async {
        let begun = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{{\"model\":\"gpt-4o\",\"x\":\"{}",
            "a".repeat(1000)
        );
        for _ in 0..SLOW {
            let mut client = RawConnection::open(gateway.address).await?;
            client.send(&begun).await?;
            client.send("b").await?;
            slow.push(client);
        }
        Ok(())
    })
    .await?;
    let active = gateway.envoy.stat("http.main.downstream_rq_active").await?;
    let held = gateway.envoy.memory()?.saturating_sub(before);
    ensure!(
        held < KEPT * SLOW as u64,
        "Envoy keeps {} KiB of {active} clients",
        held >> 10
    );
    unharmed(&gateway, "waiting", async {
        for client in &mut slow {
            let answer = client.read_to_end().await.context("a slow client")?;
            // Whose last byte meets an Envoy that has given up is reset, and may miss the answer.
            let given_up = answer.is_empty() || answer.starts_with("HTTP/1.1 408 ");
            ensure!(given_up, "{answer:?}");
        }
        Ok(())
    })
    .await?;
    same(
        "timed out",
        gateway
            .envoy
            .stat("http.main.downstream_rq_timeout")
            .await?,
        SLOW as u64,
    )?;
    routed_on_their_bodies(&gateway)?;
    gateway.check_alive().await
}
