//! Responses: transformed whole, passed through event by event, and replies of Envoy itself.

use anyhow::{Result, ensure};
use harness::{Answer, Bootstrap, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    Ends trailers_end_a_response_too,
    Ends replies_of_envoy_itself,
    Ends a_response_without_a_body_gets_none,
];

pub(crate) async fn behind(
    stage: &Stage,
    config: Value,
    answer: Answer,
) -> Result<(std::net::SocketAddr, Upstream)> {
    let upstream = Upstream::answering(answer).await?;
    let bootstrap = Bootstrap::new()
        .filter(config)
        .http2_cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    Ok((envoy.address().await?, upstream))
}

async fn trailers_end_a_response_too(stage: &Stage) -> Result<()> {
    let config = json!({"response": {"body": {"parseAs": "AsJson", "value": "{{ model }}!"}}});
    let answer = Answer::chunks([r#"{"mod"#, r#"el":"gpt-4o"}"#]).trailer("x-after", "sent");
    let (address, _upstream) = behind(stage, config, answer).await?;
    let response = Request::get("/")
        .http2()
        .send(address)
        .await?
        .expect_status(200)?;
    same("body", response.text().as_str(), "gpt-4o!")?;
    same(
        "trailer",
        only(&response.trailers, "x-after")?.as_str(),
        "sent",
    )
}

async fn replies_of_envoy_itself(stage: &Stage) -> Result<()> {
    let config = json!({"response": {
        "body": {"value": "<{{ body() }}>"},
        "set": [{"name": "x-seen", "value": "{{ header(':status') }}"}],
    }});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .cluster("gone", ([127, 0, 0, 1], 1).into())
        .route(Route::direct_response(418, "teapot").prefix("/direct"))
        .route(Route::to("gone").prefix("/gone"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let response = Request::get("/direct")
        .send(address)
        .await?
        .expect_status(418)?;
    same("body", response.text().as_str(), "<teapot>")?;
    same("status", only(&response.headers, "x-seen")?.as_str(), "418")?;
    let response = Request::get("/gone")
        .send(address)
        .await?
        .expect_status(503)?;
    ensure!(
        response.text().starts_with('<') && response.text().ends_with('>'),
        "{}",
        response.text()
    );
    Ok(())
}

async fn a_response_without_a_body_gets_none(stage: &Stage) -> Result<()> {
    let config =
        json!({"response": {"body": {"value": "new"}, "set": [{"name": "x-set", "value": "1"}]}});
    for (request, answer, body) in [
        (
            Request::new("HEAD", "/"),
            Answer::status(200).header("content-type", "text/plain"),
            "",
        ),
        (Request::get("/"), Answer::status(204), ""),
        (Request::get("/"), Answer::status(304), ""),
        (Request::get("/"), Answer::status(200), "new"),
    ] {
        let (address, _upstream) = behind(stage, config.clone(), answer).await?;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let what = format!("{request:?}, {protocol:?}");
            let response = request.clone().by(protocol).send(address).await?;
            ensure!(response.status < 400, "{what}: {response:?}");
            same(&what, response.text().as_str(), body)?;
            same(&what, only(&response.headers, "x-set")?.as_str(), "1")?;
        }
    }
    Ok(())
}
