//! Upstreams that end in the middle, or whose framing lies.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use harness::{
    Answer, Bootstrap, NOBODY, Protocol, RawConnection, Request, Route, Script, ScriptedUpstream,
    Upstream,
};
use serde_json::{Value, json};

use super::target::impatient;
use crate::stage::{Stage, same};

/// What the filter does with answers, by the first segment of the path.
fn passes() -> [(&'static str, Value); 3] {
    [
        (
            "/read",
            json!({"response": {"extract": [
                {"name": "tokens", "from": [{"json": "/model"}], "metadata": {"namespace": "n", "key": "k"}},
            ]}}),
        ),
        (
            "/edited",
            json!({"response": {"patch": [{"replace": "/model", "value": "fast"}]}}),
        ),
        (
            "/held",
            json!({"response": {"body": {"parseAs": "AsString", "value": "[{{ body() }}]"}}}),
        ),
    ]
}

/// The answer of a model, without its head.
const MODEL: &str = "{\"model\":\"gpt-4o\"}";

fn head(status: &str, lines: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{lines}\r\n")
}

/// What an upstream sends, by the last segment of the path.
fn script(phase: &str) -> Script {
    let sized = head("200 OK", "content-length: 18\r\n");
    let chunked = head("200 OK", "transfer-encoding: chunked\r\n");
    let events =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    match phase {
        "before-a-byte" => Script::close(""),
        "before-a-byte-by-a-reset" => Script::reset(""),
        "in-the-status" => Script::close("HTTP/1.1 20"),
        "in-the-headers" => Script::close("HTTP/1.1 200 OK\r\ncontent-type: application"),
        "behind-the-headers" => Script::close(sized),
        "behind-the-headers-by-a-reset" => Script::reset(chunked),
        "in-the-body" => Script::close(format!("{sized}{{\"model\"")),
        "in-a-size" => Script::close(format!("{chunked}1")),
        "in-a-chunk" => Script::close(format!("{chunked}12\r\n{{\"model\"")),
        "between-chunks" => Script::reset(format!("{chunked}12\r\n{MODEL}\r\n")),
        "in-the-trailers" => Script::close(format!("{chunked}12\r\n{MODEL}\r\n0\r\nx-a: ")),
        "in-an-event" => Script::close(format!("{events}1e\r\ndata: {MODEL}\n\ndata:\r\n")),
        "with-a-size-that-is-none" => {
            Script::close(format!("{chunked}+12\r\n{MODEL}\r\n0\r\n\r\n"))
        }
        "with-no-http" => Script::close("SSH-2.0-OpenSSH_9.2\r\n"),
        "with-two-lengths" => {
            Script::close(head("200 OK", "content-length: 18\r\ncontent-length: 5\r\n") + MODEL)
        }
        "with-a-length-and-chunks" => {
            let lines = "content-length: 5\r\ntransfer-encoding: chunked\r\n";
            Script::close(format!(
                "{}12\r\n{MODEL}\r\n0\r\n\r\n",
                head("200 OK", lines)
            ))
        }
        "with-a-negative-length" => Script::close(head("200 OK", "content-length: -1\r\n") + MODEL),
        "with-many-headers" => {
            let lines: String = (0..1000).map(|n| format!("x-{n}: {n}\r\n")).collect();
            Script::close(head("200 OK", &(lines + "content-length: 18\r\n")) + MODEL)
        }
        "with-a-long-header" => {
            let line = format!("x: {}\r\ncontent-length: 18\r\n", "a".repeat(100_000));
            Script::close(head("200 OK", &line) + MODEL)
        }
        "with-an-upgrade-nobody-asked-for" => Script::close(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nx",
        ),
        "with-a-line-break-in-a-header" => {
            Script::close(head("200 OK", "x: a\rb\r\ncontent-length: 18\r\n") + MODEL)
        }
        "well" => Script::keep(sized + MODEL),
        "informed-too-often" => {
            Script::keep("HTTP/1.1 102 Processing\r\n\r\n".repeat(50) + &sized + MODEL)
        }
        "with-another-answer-behind" => {
            let poison = head("200 OK", "content-length: 6\r\n") + "poison";
            Script::keep(sized + MODEL + &poison)
        }
        "head" => Script::keep(sized + MODEL),
        "no-content" => Script::keep(head("204 No Content", "") + MODEL),
        "not-modified" => Script::keep(head("304 Not Modified", "content-length: 18\r\n") + MODEL),
        "a-part" => Script::keep(
            head(
                "206 Partial Content",
                "content-range: bytes 0-17/20\r\ncontent-length: 18\r\n",
            ) + MODEL,
        ),
        _ => Script::close(""),
    }
}

/// The phases in which an upstream ends, or lies: no answer of these may look complete.
const BROKEN: [&str; 20] = [
    "before-a-byte",
    "before-a-byte-by-a-reset",
    "in-the-status",
    "in-the-headers",
    "behind-the-headers",
    "behind-the-headers-by-a-reset",
    "in-the-body",
    "in-a-size",
    "in-a-chunk",
    "between-chunks",
    "in-the-trailers",
    "in-an-event",
    "with-a-size-that-is-none",
    "with-no-http",
    "with-two-lengths",
    "with-a-length-and-chunks",
    "with-a-negative-length",
    "with-many-headers",
    "with-a-long-header",
    "with-an-upgrade-nobody-asked-for",
];

async fn start(stage: &Stage, bootstrap: Bootstrap) -> Result<(SocketAddr, ScriptedUpstream)> {
    let upstream =
        ScriptedUpstream::start(|path| script(path.rsplit('/').next().unwrap_or_default())).await?;
    let mut bootstrap = impatient(bootstrap)
        .filter(json!({}))
        .cluster("upstream", upstream.address());
    for (prefix, pass) in passes() {
        bootstrap = bootstrap.route(Route::to("upstream").prefix(prefix).per_route(pass));
    }
    let envoy = stage.envoy(&bootstrap).await?;
    Ok((envoy.address().await?, upstream))
}

/// What the filter makes of a whole answer.
fn whole(pass: &str) -> String {
    match pass {
        "/edited" => "{\"model\":\"fast\"}".to_owned(),
        "/held" => format!("[{MODEL}]"),
        _ => MODEL.to_owned(),
    }
}

async fn answers_well(address: SocketAddr, protocol: Protocol, phase: &str) -> Result<()> {
    for (pass, _) in passes() {
        let request = Request::post(&format!("{pass}/{phase}"))
            .by(protocol)
            .body("{}");
        let answer = request.send(address).await?.expect_status(200)?;
        same(phase, answer.text(), whole(pass))?;
    }
    Ok(())
}

pub(super) async fn upstreams_that_die_in_each_phase(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new()
        .cluster("closed", NOBODY)
        .route(Route::to("closed").prefix("/read/closed"));
    let (address, _upstream) = start(stage, bootstrap).await?;
    let mut complete = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for phase in BROKEN.into_iter().chain(["closed"]) {
            for (pass, _) in passes() {
                let path = format!("{pass}/{phase}");
                let request = Request::post(&path).by(protocol).body("{}");
                // Cut off, or an error: either is told from an answer.
                if let Ok(answer) = request.send(address).await
                    && (200..300).contains(&answer.status)
                {
                    complete.push(format!(
                        "{path}, {protocol:?}: {} {:?}",
                        answer.status,
                        answer.text()
                    ));
                }
            }
        }
        answers_well(address, protocol, "well").await?;
        answers_well(address, protocol, "informed-too-often").await?;
        for _ in 0..10 {
            answers_well(address, protocol, "with-another-answer-behind").await?;
        }
        answers_well(address, protocol, "well").await?;
    }
    ensure!(
        complete.is_empty(),
        "looks complete: {}",
        complete.join("\n")
    );
    Ok(())
}

/// Answers that have no body to anyone who reads HTTP, and one that is a part of a body.
pub(super) async fn answers_without_a_body_that_have_one(stage: &Stage) -> Result<()> {
    let (address, _upstream) = start(stage, Bootstrap::new()).await?;
    for (pass, _) in passes() {
        for (method, phase, status) in [
            ("HEAD", "head", "200"),
            ("GET", "no-content", "204"),
            ("GET", "not-modified", "304"),
        ] {
            let what = format!("{method} {pass}/{phase}");
            let mut connection = RawConnection::open(address).await?;
            connection
                .send(format!("{what} HTTP/1.1\r\nHost: x\r\n\r\nGET {pass}/well HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
                .await?;
            let first = connection.read_until("\r\n\r\n").await?;
            ensure!(
                first.starts_with(&format!("HTTP/1.1 {status} ")),
                "{what}: {first}"
            );
            let rest = connection.read_to_end().await?;
            ensure!(
                rest.starts_with("HTTP/1.1 200 OK\r\n"),
                "{what}: a body: {rest:?}"
            );
            ensure!(rest.ends_with(&whole(pass)), "{what}: {rest:?}");
        }
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let request = Request::get(&format!("{pass}/a-part")).by(protocol);
            let answer = request.send(address).await?.expect_status(206)?;
            same(pass, answer.text().as_str(), MODEL)?;
        }
    }
    Ok(())
}

/// What a client sends right behind an upgrade that is then refused.
pub(super) async fn a_refused_upgrade_hides_no_request(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(Answer::body("no").with_status(426)).await?;
    let bootstrap = impatient(Bootstrap::new())
        .filter(json!({"request": {"extract": [{"header": "x-gateway-model-name"}]}}))
        .websockets()
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let mut connection = RawConnection::open(envoy.address().await?).await?;
    let hidden = format!("POST /hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n{MODEL}");
    connection
        .send(format!(
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{hidden}"
        ))
        .await?;
    let answer = connection.read_to_end().await.context("the refusal")?;
    ensure!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    same("answers", answer.matches("HTTP/1.1 ").count(), 1)?;
    same("broken requests", upstream.malformed(), 0)?;
    let seen = upstream.requests();
    ensure!(seen.iter().all(|request| request.path == "/"), "{seen:?}");
    Ok(())
}
