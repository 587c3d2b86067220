//! Clients that send no body until they are told to, by `Expect: 100-continue`.

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, Protocol, RawConnection, Request, Route};
use serde_json::{Value, json};

use super::target::{body, impatient, routed_on_their_bodies, strict};
use crate::gateway::Gateway;
use crate::stage::{Stage, same};

/// What a client that waits is told first.
const GO_ON: &str = "HTTP/1.1 100 Continue\r\n";

/// `strict`, with a rule that the headers decide.
fn guarded(mode: &str) -> Value {
    let mut config = strict();
    config["request"]["bodyMode"] = json!(mode);
    config["request"]["reject"] = json!([{"when": "request.path == '/never'"}]);
    config
}

/// A client that has sent its headers, which promise so many bytes.
async fn waiting(gateway: &Gateway, path: &str, length: usize) -> Result<RawConnection> {
    let mut connection = RawConnection::open(gateway.address).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.send(head).await?;
    Ok(connection)
}

/// The head of the next answer.
async fn head(connection: &mut RawConnection) -> Result<String> {
    connection.read_until("\r\n\r\n").await
}

/// The head of the answer to a client that sends this body once it is told to.
async fn told(gateway: &Gateway, body: &str) -> Result<String> {
    let mut connection = waiting(gateway, "/", body.len()).await?;
    let first = head(&mut connection).await?;
    ensure!(first.starts_with(GO_ON), "not told to go on: {first}");
    connection.send(body).await?;
    head(&mut connection).await
}

/// The headers alone refuse a request: the client need not send its body, and what it sends is no request.
async fn refused_without_a_body(gateway: &Gateway, told_first: bool) -> Result<()> {
    let body = body("gpt-4o");
    let length = body.len();
    let hidden = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
    let mut connection = waiting(gateway, "/never", hidden.len()).await?;
    let mut answer = head(&mut connection).await?;
    same("told to go on", answer.starts_with(GO_ON), told_first)?;
    if told_first {
        answer = head(&mut connection).await?;
    }
    ensure!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    // Envoy may have closed: then it is not served either.
    let _sent = connection.send(&hidden).await;
    let rest = connection.read_to_end().await?;
    ensure!(!rest.contains("HTTP/1.1 "), "an answer behind it: {rest}");
    Ok(())
}

/// Envoy tells the client to go on, and the filter judges what comes.
pub(super) async fn clients_that_wait_for_100_continue(stage: &Stage) -> Result<()> {
    for mode in ["buffered", "streamed"] {
        let bootstrap = impatient(Bootstrap::new()).filter(guarded(mode));
        let gateway = Gateway::start_with(stage, bootstrap).await?;
        for (body, status, server) in [
            (body("gpt-4o"), 200, "x-served-by: routed\r\n"),
            (body("other"), 200, "x-served-by: fallback\r\n"),
            ("{\"a\":1}".to_owned(), 400, ""),
            ("not JSON".to_owned(), 400, ""),
        ] {
            let answer = told(&gateway, &body).await.with_context(|| body.clone())?;
            let as_expected = answer.starts_with(&format!("HTTP/1.1 {status} "));
            ensure!(
                as_expected && answer.contains(server),
                "{mode}, {body}: {answer}"
            );
        }
        refused_without_a_body(&gateway, true).await?;
        let by_http2 = Request::post("/")
            .by(Protocol::Http2)
            .header("expect", "100-continue")
            .body(body("gpt-4o"));
        gateway.check_model(mode, by_http2, Some("gpt-4o")).await?;
        same("forwarded", routed_on_their_bodies(&gateway)?, 3)?;
        gateway.check_alive().await?;
    }
    Ok(())
}

/// Where the upstream is to tell it, a request that is held gets to no upstream: it ends by its timeout.
pub(super) async fn clients_that_wait_for_100_of_the_upstream(stage: &Stage) -> Result<()> {
    let bootstrap = impatient(Bootstrap::new())
        .connection_manager("proxy_100_continue", json!(true))
        .connection_manager("request_timeout", json!("1s"))
        .filter(guarded("buffered"))
        .route(Route::to("fallback").prefix("/free").per_route(json!({})));
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    refused_without_a_body(&gateway, false).await?;
    let mut held = waiting(&gateway, "/", 18).await?;
    let answer = head(&mut held).await.context("held")?;
    ensure!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    same("forwarded", routed_on_their_bodies(&gateway)?, 0)?;
    let body = body("gpt-4o");
    let mut free = waiting(&gateway, "/free", body.len()).await?;
    let first = head(&mut free).await.context("free")?;
    ensure!(first.starts_with(GO_ON), "not told to go on: {first}");
    free.send(&body).await?;
    let answer = head(&mut free).await?;
    ensure!(answer.contains("x-served-by: fallback\r\n"), "{answer}");
    gateway.check_alive().await
}
