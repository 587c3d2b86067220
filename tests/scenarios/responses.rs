//! Responses: transformed whole, passed through event by event, and replies of Envoy itself.

use anyhow::{Result, ensure};
use harness::{Answer, Bootstrap, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::routing::extract;
use crate::sse::pass_one_by_one;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    Ends headers_and_body,
    Ends a_body_that_is_not_json,
    Ends events_pass_one_by_one,
    Ends trailers_end_a_response_too,
    Ends the_response_sees_the_request,
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

async fn headers_and_body(stage: &Stage) -> Result<()> {
    let config = json!({"response": {
        "body": {"parseAs": "AsJson", "value": "{\"text\":\"{{ choices[0].text }}\"}"},
        "set": [{"name": "x-model", "value": "{{ model }}"}, {"name": "x-old", "value": ""}],
        "add": [{"name": "x-list", "value": "two"}],
        "remove": ["x-secret"],
    }});
    let answer = Answer::json(&json!({"model": "gpt-4o", "choices": [{"text": "hello, world"}]}))
        .header("x-old", "1")
        .header("x-secret", "2")
        .header("x-list", "one");
    let (address, _upstream) = behind(stage, config, answer).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let response = Request::get("/")
            .by(protocol)
            .send(address)
            .await?
            .expect_status(200)?;
        same("body", response.json()?, json!({"text": "hello, world"}))?;
        same(
            "model",
            only(&response.headers, "x-model")?.as_str(),
            "gpt-4o",
        )?;
        same(
            "length",
            only(&response.headers, "content-length")?,
            response.body().len().to_string(),
        )?;
        ensure!(!response.headers.contains("x-old"), "x-old was not removed");
        ensure!(
            !response.headers.contains("x-secret"),
            "x-secret was not removed"
        );
        same(
            "list",
            response.headers.values("x-list").join(", "),
            "one, two",
        )?;
    }
    Ok(())
}

async fn a_body_that_is_not_json(stage: &Stage) -> Result<()> {
    let config = json!({"response": {"body": {"parseAs": "AsJson", "value": "{{ model }}"}}});
    let (address, _upstream) = behind(stage, config, Answer::body("<html>")).await?;
    let response = Request::get("/").send(address).await?.expect_status(400)?;
    same("body", response.text().as_str(), "")
}

/// Header edits alone do not hold a response, and a request pass does not touch it.
async fn events_pass_one_by_one(stage: &Stage) -> Result<()> {
    let header_edit = json!({"response": {"set": [{"name": "x-edited", "value": "{{ header('content-type') }}"}]}});
    let not_parsed = json!({"response": {"body": {"parseAs": "None"}, "set": [{"name": "x-edited", "value": "text/event-stream"}]}});
    for (config, edited) in [(extract(), false), (header_edit, true), (not_parsed, true)] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let (events, answer) = Answer::stream("text/event-stream");
            let (address, _upstream) = behind(stage, config.clone(), answer).await?;
            let request = Request::post("/")
                .by(protocol)
                .body(r#"{"model":"gpt-4o","stream":true}"#);
            let mut response = request.stream(address).await?;
            let value = response.headers.value("x-edited");
            same(
                "edited",
                value.as_deref(),
                edited.then_some("text/event-stream"),
            )?;
            pass_one_by_one(events, &mut response).await?;
        }
    }
    Ok(())
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

async fn the_response_sees_the_request(stage: &Stage) -> Result<()> {
    let config = json!({
        "request": {"extract": [{"header": "x-gateway-model-name"}], "remove": ["x-id"]},
        "response": {"set": [
            {"name": "x-id", "value": "{{ request_header('X-Id') }}"},
            {"name": "x-session", "value": "{{ get_cookie('session') }}"},
            {"name": "x-model", "value": "{{ extracted.model }}"},
            {"name": "x-forged", "value": "{{ request_header('x-gateway-model-name') }}"},
        ]},
    });
    let (address, upstream) = behind(stage, config, Answer::body("ok")).await?;
    let request = Request::post("/")
        .header("x-id", "42")
        .header("cookie", "a=b; session=s1")
        .header("x-gateway-model-name", "forged")
        .body(r#"{"model":"gpt-4o"}"#);
    let response = request.send(address).await?.expect_status(200)?;
    same("id", only(&response.headers, "x-id")?.as_str(), "42")?;
    same(
        "session",
        only(&response.headers, "x-session")?.as_str(),
        "s1",
    )?;
    same(
        "model",
        only(&response.headers, "x-model")?.as_str(),
        "gpt-4o",
    )?;
    ensure!(
        !response.headers.contains("x-forged"),
        "a template saw the forged header"
    );
    ensure!(
        !upstream.request().await?.headers.contains("x-id"),
        "x-id was not removed"
    );
    Ok(())
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
