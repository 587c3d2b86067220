//! Hostile and broken requests: a clear answer, nothing forged, the proxy alive.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Protocol, RawConnection, Request, Route, Upstream};
use serde_json::json;

use crate::gateway::{Gateway, MODEL};
use crate::routing::extract;
use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All clients_that_give_up_in_the_middle,
    Ends values_that_would_break_a_request_line_or_a_shared_connection,
];

async fn clients_that_give_up_in_the_middle(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let begun = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"model\":\"gpt-4o\"";

    let mut ends_early = RawConnection::open(gateway.address).await?;
    ends_early.send(begun).await?;
    ends_early.finish().await?;
    let answer = ends_early.read_to_end().await?;
    ensure!(
        !answer.contains(" 200 "),
        "half a request was served: {answer}"
    );
    gateway.check_alive().await?;

    let mut resets = RawConnection::open(gateway.address).await?;
    resets.send(begun).await?;
    resets.reset()?;
    gateway.check_alive().await?;

    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (mut body, _response) = Request::post("/")
            .by(protocol)
            .open(gateway.address)
            .await?;
        body.send(r#"{"model":"#).await?;
        body.abort();
        gateway.check_alive().await?;
    }
    let forwarded = [gateway.routed.requests(), gateway.fallback.requests()].concat();
    ensure!(
        forwarded
            .iter()
            .all(|seen| seen.headers.value(MODEL).as_deref() == Some("gpt-4o")),
        "a request that never ended was forwarded"
    );
    Ok(())
}

async fn values_that_would_break_a_request_line_or_a_shared_connection(
    stage: &Stage,
) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let config = json!({"request": {"body": {"parseAs": "AsJson"}, "set": [
        {"name": ":path", "value": "{{ path }}"},
        {"name": ":method", "value": "{{ method }}"},
        {"name": ":authority", "value": "{{ host }}"},
        {"name": "te", "value": "{{ te }}"},
        {"name": "x-long", "value": "{{ long }}"},
    ]}});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .http2_cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for body in [
        json!({"path": "/admin HTTP/1.1 x", "method": "GET / HTTP/1.1", "host": "a b", "te": "gzip", "long": "x"}),
        json!({"path": "/\u{e9}", "method": "", "host": "a/b", "te": "gzip", "long": "x".repeat(100_000)}),
        json!({"path": "", "method": ":", "host": "\u{e9}", "te": "x", "long": null}),
        json!({"path": "/\tx", "method": "A B", "host": "a\r\nb", "te": "", "long": ""}),
        json!({}),
    ] {
        let what = body.to_string().chars().take(80).collect::<String>();
        Request::post("/kept")
            .json(&body)
            .send(address)
            .await?
            .expect_status(200)?;
        let seen = upstream.request().await?;
        same(&what, seen.path.as_str(), "/kept")?;
        same(&what, seen.method.as_str(), "POST")?;
        same(&what, seen.authority.as_str(), address.to_string().as_str())?;
        ensure!(
            seen.headers
                .value("x-long")
                .is_none_or(|value| value.len() < 16 << 10),
            "{what}: too long"
        );
    }
    let destroyed = envoy
        .stat("cluster.upstream.upstream_cx_destroy_remote_with_active_rq")
        .await?;
    same("connections lost", destroyed, 0)?;
    let good =
        json!({"path": "/v1/x?y=z", "method": "PUT", "host": "llm.example:8080", "long": "x"});
    Request::post("/")
        .json(&good)
        .send(address)
        .await?
        .expect_status(200)?;
    let seen = upstream.request().await?;
    same("path", seen.path.as_str(), "/v1/x?y=z")?;
    same("method", seen.method.as_str(), "PUT")?;
    same("authority", seen.authority.as_str(), "llm.example:8080")
}
