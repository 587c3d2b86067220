//! Fields of answers, read as they pass and settled for the access log.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use harness::{Answer, Bootstrap, Envoy, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All an_event_arrives_before_the_next_is_sent,
    All an_upstream_that_breaks_off,
    All a_client_that_leaves,
    Ends answers_without_a_body,
    Ends trailers_end_an_answer_too,
    Ends a_held_answer_has_headers,
    Ends numbers_are_numbers_in_the_access_log,
];

const START: &str = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n";
const TEXT: &str = "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hi\"}}\n\n";
const END: &str = "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\n";

const LOG: &str =
    "%DYNAMIC_METADATA(llm:input)% %DYNAMIC_METADATA(llm:output)% %DYNAMIC_METADATA(llm:region)%";

/// The tokens of an answer, and where it was made.
fn usage() -> Value {
    json!({"response": {"extract": [
        {"from": [{"usage": "input"}], "metadata": {"namespace": "llm", "key": "input"}},
        {"from": [{"usage": "output"}], "metadata": {"namespace": "llm", "key": "output"}},
        {"name": "region", "from": [{"header": "x-region"}], "metadata": {"namespace": "llm", "key": "region"}},
    ]}})
}

async fn logging(
    stage: &Stage,
    config: Value,
    format: &str,
    answer: Answer,
) -> Result<(Arc<Envoy>, Upstream)> {
    let upstream = Upstream::answering(answer).await?;
    let bootstrap = Bootstrap::new()
        .filter(config)
        .access_log(format)
        .http2_cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    Ok((stage.envoy(&bootstrap).await?, upstream))
}

fn ask(protocol: Protocol) -> Request {
    Request::post("/").by(protocol).body(r#"{"stream":true}"#)
}

async fn an_event_arrives_before_the_next_is_sent(stage: &Stage) -> Result<()> {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (events, answer) = Answer::stream("text/event-stream");
        let (envoy, _upstream) =
            logging(stage, usage(), LOG, answer.header("x-region", "eu")).await?;
        let mut response = ask(protocol).stream(envoy.address().await?).await?;
        for event in [START, TEXT, END] {
            events.send(event).await?;
            let chunk = response.next().await?.context("no event")?;
            same("event", chunk.data.as_ref(), event.as_bytes())?;
        }
        drop(events);
        ensure!(
            response.next().await?.is_none(),
            "something after the last event"
        );
        same(
            "access log",
            envoy.access_log(1).await?,
            vec!["25 15 eu".to_owned()],
        )?;
    }
    Ok(())
}

async fn an_upstream_that_breaks_off(stage: &Stage) -> Result<()> {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let answer = Answer::chunks([START, TEXT, "data: {\"type\":\"mess"])
            .header("content-type", "text/event-stream")
            .abort();
        let (envoy, _upstream) = logging(stage, usage(), LOG, answer).await?;
        let sent = ask(protocol).send(envoy.address().await?).await;
        ensure!(sent.is_err(), "the answer is whole: {sent:?}");
        same(
            "access log",
            envoy.access_log(1).await?,
            vec!["25 1 -".to_owned()],
        )?;
    }
    Ok(())
}

async fn a_client_that_leaves(stage: &Stage) -> Result<()> {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (events, answer) = Answer::stream("text/event-stream");
        let (envoy, _upstream) = logging(stage, usage(), LOG, answer).await?;
        let mut response = ask(protocol).stream(envoy.address().await?).await?;
        events.send(START).await?;
        response.next().await?.context("no event")?;
        drop(response);
        same(
            "access log",
            envoy.access_log(1).await?,
            vec!["25 1 -".to_owned()],
        )?;
    }
    Ok(())
}

async fn answers_without_a_body(stage: &Stage) -> Result<()> {
    for (request, status) in [
        (Request::new("HEAD", "/"), 200),
        (Request::get("/"), 204),
        (Request::get("/"), 304),
    ] {
        let answer = Answer::status(status)
            .header("content-type", "application/json")
            .header("x-region", "eu");
        let (envoy, _upstream) = logging(stage, usage(), LOG, answer).await?;
        request
            .send(envoy.address().await?)
            .await?
            .expect_status(status)?;
        same(
            "access log",
            envoy.access_log(1).await?,
            vec!["- - eu".to_owned()],
        )?;
    }
    Ok(())
}

async fn trailers_end_an_answer_too(stage: &Stage) -> Result<()> {
    let answer = Answer::chunks([START, END])
        .header("content-type", "text/event-stream")
        .trailer("x-after", "sent");
    let (envoy, _upstream) = logging(stage, usage(), LOG, answer).await?;
    let response = ask(Protocol::Http2)
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    same("body", response.text().as_str(), format!("{START}{END}"))?;
    same(
        "trailer",
        only(&response.trailers, "x-after")?.as_str(),
        "sent",
    )?;
    same(
        "access log",
        envoy.access_log(1).await?,
        vec!["25 15 -".to_owned()],
    )
}

async fn a_held_answer_has_headers(stage: &Stage) -> Result<()> {
    let config = json!({"response": {
        "bodyMode": "buffered",
        "extract": [{"from": [{"usage": "total"}], "header": "x-total"}],
        "set": [{"name": "x-note", "value": "{{ extracted.total_tokens + 1 }}"}],
    }});
    let answer = Answer::json(&json!({"usage": {"prompt_tokens": 3, "completion_tokens": 2}}))
        .header("x-total", "forged");
    let (envoy, _upstream) = logging(stage, config, LOG, answer).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let response = ask(protocol)
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        same("total", only(&response.headers, "x-total")?.as_str(), "5")?;
        same("note", only(&response.headers, "x-note")?.as_str(), "6")?;
    }
    Ok(())
}

/// In the whole namespace as JSON, a number has no quotes.
async fn numbers_are_numbers_in_the_access_log(stage: &Stage) -> Result<()> {
    let answer = Answer::json(&json!({"usage": {"prompt_tokens": 3, "completion_tokens": 2}}))
        .header("x-region", "5");
    let (envoy, _upstream) = logging(stage, usage(), "%DYNAMIC_METADATA(llm)%", answer).await?;
    ask(Protocol::Http1)
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    let log = envoy.access_log(1).await?;
    let entries: Value = serde_json::from_str(log.first().context("no line")?)?;
    same(
        "metadata",
        &entries,
        &json!({"input": 3, "output": 2, "region": "5"}),
    )
}
