//! A model in the body chooses the route.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_body_may_arrive_in_any_pieces,
    All a_large_body_routes_unchanged,
    All a_body_over_the_buffer_limit_gets_413,
    All trailers_end_a_body_too,
    Ends no_route_at_first_is_enough,
];

/// Extracts `/model`.
pub(crate) fn extract() -> Value {
    json!({"request": {"extract": [{"header": MODEL}]}})
}

async fn the_body_may_arrive_in_any_pieces(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let body = r#"{"stop":["\"}"],"mod\u0065l":"gpt-4\u006f","é":1}"#;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for size in [1, 2, 3, 7] {
            let chunks = body.as_bytes().chunks(size).map(<[u8]>::to_vec);
            let request = Request::post("/").by(protocol).chunks(chunks);
            let (_, seen) = gateway.forward(request.clone()).await?;
            same("body", seen.text().as_str(), body)?;
            let what = format!("{size} bytes at a time, {protocol:?}");
            gateway.check_model(&what, request, Some("gpt-4o")).await?;
        }
    }
    Ok(())
}

async fn a_large_body_routes_unchanged(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let body = json!({"messages": ["a\"b\\".repeat(150_000)], "model": "gpt-4o"}).to_string();
    ensure!(body.len() > 900_000, "{} bytes", body.len());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for request in [
            Request::post("/").body(body.clone()),
            Request::post("/").chunks(body.as_bytes().chunks(10_000).map(<[u8]>::to_vec)),
        ] {
            let (response, seen) = gateway.forward(request.by(protocol)).await?;
            same(
                "served by",
                only(&response.headers, "x-served-by")?.as_str(),
                "routed",
            )?;
            ensure!(seen.text() == body, "the body changed on its way");
        }
    }
    Ok(())
}

/// For HTTP/2 the limit is the larger of the listener's and the stream's window.
async fn a_body_over_the_buffer_limit_gets_413(stage: &Stage) -> Result<()> {
    let window = json!({"initial_stream_window_size": 65536});
    let bootstrap = Bootstrap::new()
        .filter(extract())
        .buffer_limit(65536)
        .connection_manager("http2_protocol_options", window);
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let body = json!({"model": "gpt-4o", "messages": "a".repeat(200_000)}).to_string();
        let request = Request::post("/").by(protocol).body(body);
        let response = request.send(gateway.address).await?;
        same(&format!("{protocol:?}"), response.status, 413)?;
        gateway.check_alive().await?;
    }
    Ok(())
}

async fn trailers_end_a_body_too(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new().filter(extract()).http1_trailers();
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/")
            .by(protocol)
            .header("te", "trailers")
            .header(MODEL, "forged")
            .chunks([r#"{"mod"#, r#"el":"gpt-4o"}"#])
            .trailer("x-after", "sent");
        let (_, seen) = gateway.forward(request.clone()).await?;
        same("trailer", only(&seen.trailers, "x-after")?.as_str(), "sent")?;
        same("body", seen.text().as_str(), r#"{"model":"gpt-4o"}"#)?;
        gateway
            .check_model("with trailers", request, Some("gpt-4o"))
            .await?;
    }
    Ok(())
}

/// A route that exists only once the header is set.
async fn no_route_at_first_is_enough(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let bootstrap = Bootstrap::new()
        .filter(extract())
        .cluster("only", upstream.address())
        .route(Route::to_cluster_in(MODEL).header(MODEL, "only"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let ask = |model: &str| Request::post("/").json(&json!({"model": model}));
    ask("only").send(address).await?.expect_status(200)?;
    ask("other").send(address).await?.expect_status(404)?;
    Ok(())
}
