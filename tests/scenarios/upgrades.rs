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
    All an_answer_that_refuses_the_upgrade_is_read_and_edited,
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
    let (mut connection, head) = RawConnection::upgrade(address, "WebSocket", &headers).await?;
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
    let (mut connection, _) = RawConnection::upgrade(address, "websocket", &headers).await?;
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
    let (mut connection, _) = RawConnection::upgrade(address, "spdy/3.1", &[]).await?;
    connection.echo("ping.").await
}

/// Any client can ask for an upgrade: that must not take its tokens out of the count.
async fn an_answer_that_refuses_the_upgrade_is_read_and_edited(stage: &Stage) -> Result<()> {
    let answer = json!({"usage": {"prompt_tokens": 7}, "model": "real"});
    let upstream = Upstream::answering(Answer::json(&answer)).await?;
    let config = json!({"response": {
        "extract": [{"from": [{"usage": "input"}], "metadata": {"namespace": "llm", "key": "input"}}],
        "patch": [{"replace": "/model", "value": "fast"}],
    }});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .websockets()
        .access_log("%RESPONSE_CODE% %DYNAMIC_METADATA(llm:input)%")
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let mut connection = RawConnection::open(envoy.address().await?).await?;
    let request =
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    connection.send(request).await?;
    let answered = connection.read_to_end().await?;
    ensure!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
    ensure!(answered.contains(r#""model":"fast""#), "{answered}");
    same("log", envoy.access_log(1).await?, ["200 7"])
}
