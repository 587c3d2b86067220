//! Upgraded streams: headers are transformed, what follows is left alone.

use anyhow::{Result, ensure};
use harness::{Answer, Bootstrap, RawConnection, Route, Upstream};
use serde_json::json;

use crate::gateway::MODEL;
use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_websocket_echoes,
    Ends a_websocket_whose_route_changes_echoes,
    Ends any_upgrade_that_envoy_allows_echoes,
];

async fn a_websocket_echoes(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(Answer::websocket_echo()).await?;
    let config = json!({
        "request": {
            "extract": [{"header": MODEL}],
            "set": [{"name": "x-agent", "value": "{{ header('user-agent') }}"}],
        },
        "response": {
            "body": {"value": "never"},
            "set": [{"name": "x-status", "value": "{{ header(':status') }}"}],
        },
    });
    let bootstrap = Bootstrap::new()
        .filter(config)
        .websockets()
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let headers = [("User-Agent", "me"), (MODEL, "forged")];
    let (mut connection, head) =
        RawConnection::upgrade(address, "/", "WebSocket", &headers).await?;
    ensure!(
        head.contains("x-status: 101\r\n"),
        "the 101 was not transformed: {head}"
    );
    for text in ["ping.", "{\"model\":1}.", "pong."] {
        connection.echo(text).await?;
    }
    let seen = upstream.request().await?;
    same(
        "agent",
        seen.headers.value("x-agent").as_deref(),
        Some("me"),
    )?;
    ensure!(!seen.headers.contains(MODEL), "the forged header survived");
    Ok(())
}

/// The configuration that reads a body belongs to the route chosen by the header the first one set.
async fn a_websocket_whose_route_changes_echoes(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(Answer::websocket_echo()).await?;
    let first = json!({"request": {"extract": [{"name": "model", "from": [{"header": "x-model"}], "header": MODEL}]}});
    let bootstrap = Bootstrap::new()
        .filter(first)
        .websockets()
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .header(MODEL, "gpt-4o")
                .per_route(json!({"response": {"body": {"value": "never"}}})),
        )
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let headers = [("X-Model", "gpt-4o")];
    let (mut connection, _) = RawConnection::upgrade(address, "/", "websocket", &headers).await?;
    connection.echo("ping.").await
}

async fn any_upgrade_that_envoy_allows_echoes(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(Answer::websocket_echo()).await?;
    let bootstrap = Bootstrap::new()
        .filter(json!({"request": {"extract": [{"header": MODEL}]}}))
        .connection_manager("upgrade_configs", json!([{"upgrade_type": "spdy/3.1"}]))
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let (mut connection, _) = RawConnection::upgrade(address, "/", "spdy/3.1", &[]).await?;
    connection.echo("ping.").await
}
