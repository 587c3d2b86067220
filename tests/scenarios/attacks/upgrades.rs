//! Upgrades and tunnels whose bytes look like a body: no rule is passed by them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    Answer, Bootstrap, END_HEADERS, END_STREAM, FrameConnection, FrameType, RawConnection, Route,
    StreamEnd, Upstream, fields, frame,
};
use serde_json::json;

use super::target::{impatient, routed_on_their_bodies, strict};
use crate::gateway::{Gateway, MODEL};
use crate::stage::{Stage, same};

/// What follows the headers.
const BODY: &str = "{\"model\":\"gpt-4o\"}";

/// Requests of HTTP/1.1 for an upgrade or a tunnel, with bytes behind them.
fn attempts() -> Vec<(&'static str, String)> {
    let upgrade = |lines: &str| {
        format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {lines}\r\n\r\n")
    };
    vec![
        (
            "a WebSocket",
            format!(
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{BODY}"
            ),
        ),
        ("a POST", upgrade("websocket") + BODY),
        (
            "a length",
            upgrade("websocket\r\nContent-Length: 18") + BODY,
        ),
        (
            "chunks",
            upgrade("websocket\r\nTransfer-Encoding: chunked") + "12\r\n" + BODY + "\r\n0\r\n\r\n",
        ),
        (
            "capitals and other options",
            upgrade("WebSocket\r\nConnection: keep-alive") + BODY,
        ),
        (
            "a forged routing header",
            upgrade("websocket\r\nx-gateway-model-name: gpt-4o") + BODY,
        ),
        (
            "a tunnel",
            format!("CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n{BODY}"),
        ),
    ]
}

/// The same by HTTP/2: its fields, and the body in a frame.
fn frames() -> [(&'static str, Vec<u8>); 2] {
    let with = |of: &[(&str, &str)]| {
        let head = frame(FrameType::Headers, END_HEADERS, 1, &fields(of));
        let data = frame(FrameType::Data, END_STREAM, 1, BODY.as_bytes());
        [head, data].concat()
    };
    let websocket = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "x"),
    ];
    let tunnel = [(":method", "CONNECT"), (":authority", "x:80")];
    [
        ("a WebSocket by HTTP/2", with(&websocket)),
        ("a tunnel by HTTP/2", with(&tunnel)),
    ]
}

/// A gateway that lets WebSockets and tunnels through.
fn open() -> Bootstrap {
    let upgrades = json!([{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}]);
    impatient(Bootstrap::new())
        .connection_manager("upgrade_configs", upgrades)
        .connection_manager("http2_protocol_options", json!({"allow_connect": true}))
        .route(Route::to("fallback").field("match", json!({"connect_matcher": {}})))
}

/// What a connection that sends this gets.
async fn play(address: SocketAddr, bytes: &str) -> Result<String> {
    let mut connection = RawConnection::open(address).await?;
    connection.send(bytes).await?;
    connection.read_to_end().await
}

/// The field is missing, as no body is read: a filter that demands it refuses all of them.
pub(super) async fn an_upgrade_has_no_model(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start_with(stage, open().filter(strict())).await?;
    for (what, bytes) in attempts() {
        let answer = play(gateway.address, &bytes).await.context(what)?;
        ensure!(answer.starts_with("HTTP/1.1 400 "), "{what}: {answer}");
        same(what, answer.matches("HTTP/1.1 ").count(), 1)?;
        same(what, routed_on_their_bodies(&gateway)?, 0)?;
    }
    for (what, bytes) in frames() {
        let mut connection = FrameConnection::open(gateway.address).await?;
        connection.write(&bytes).await?;
        same(what, connection.end_of(1).await?, StreamEnd::Refused)?;
        same(what, routed_on_their_bodies(&gateway)?, 0)?;
    }
    // Not an upgrade, as `connection` does not name it.
    let plain = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nContent-Length: 18\r\n\r\n{BODY}"
    );
    let mut connection = RawConnection::open(gateway.address).await?;
    connection.send(plain).await?;
    let answer = connection.read_until("\r\n\r\n").await?;
    ensure!(answer.contains("x-served-by: routed\r\n"), "{answer}");
    gateway.check_alive().await
}

/// A filter that demands nothing lets them go on without a model. An upstream that serves them as a usual request, once
/// the body has come or before, gets none of the bytes behind them for a body.
pub(super) async fn an_upgrade_that_is_not_agreed_has_no_body(stage: &Stage) -> Result<()> {
    let filter = json!({"request": {"extract": [{"name": "model", "header": MODEL}]}});
    for upstream in [
        Upstream::answering(Answer::body("no")).await?,
        Upstream::start_on_headers(|_| Answer::body("no")).await?,
    ] {
        let bootstrap = open()
            // An upstream may wait for a body that does not come.
            .connection_manager("stream_idle_timeout", json!("1s"))
            .filter(filter.clone())
            .cluster("fallback", upstream.address())
            .route(Route::to("fallback"));
        let envoy = stage.envoy(&bootstrap).await?;
        let address = envoy.address().await?;
        for (what, bytes) in attempts() {
            play(address, &bytes).await.context(what)?;
        }
        for (what, bytes) in frames() {
            let mut connection = FrameConnection::open(address).await?;
            connection.write(&bytes).await?;
            connection.end_of(1).await.context(what)?;
        }
        let count = attempts().len() + frames().len();
        let seen = upstream
            .settled(count, Duration::from_secs(10), |_| true)
            .await;
        same("forwarded", seen.len(), count)?;
        same("broken requests", upstream.malformed(), 0)?;
        for request in seen {
            ensure!(!request.headers.contains(MODEL), "a model: {request:?}");
            ensure!(request.body().is_empty(), "a body: {request:?}");
        }
    }
    Ok(())
}
