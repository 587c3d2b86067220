//! Streams of server-sent events, edited event by event as they pass.

use anyhow::{Context, Result, ensure};
use harness::{
    Answer, AnswerStream, Bootstrap, Protocol, Request, ResponseStream, Route, Upstream,
};
use serde_json::{Value, json};

use crate::responses::behind;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All an_event_arrives_before_the_next_is_sent,
    All trailers_end_an_event_too,
    Ends a_stream_larger_than_the_buffer,
    All events_are_left_out_and_made_of_themselves_in_time,
    All lines_pass_one_by_one,
];

/// Gives the model the name that the client asked for.
fn renaming() -> Value {
    json!({
        "request": {"extract": [{"name": "asked", "from": [{"json": "/model"}]}]},
        "response": {"patch": [
            {"replace": "/model", "value": "{{ extracted.asked }}"},
            {"remove": "/usage"},
        ]},
    })
}

fn ask(protocol: Protocol) -> Request {
    Request::post("/")
        .by(protocol)
        .body(r#"{"model":"fast","stream":true}"#)
}

/// Reads exactly this text of a body, however it is cut.
async fn expect(response: &mut ResponseStream, text: &str) -> Result<()> {
    let mut arrived = Vec::new();
    while arrived.len() < text.len() {
        let chunk = response.next().await?.context("the body ended")?;
        arrived.extend_from_slice(&chunk.data);
    }
    same("arrived", String::from_utf8_lossy(&arrived).as_ref(), text)
}

/// Events that nobody edits: each arrives before the next is sent, and nothing after the last.
pub(crate) async fn pass_one_by_one(
    events: AnswerStream,
    response: &mut ResponseStream,
) -> Result<()> {
    for number in 0..3 {
        let event = format!("data: {number}\n\n");
        events.send(event.clone()).await?;
        let chunk = response.next().await?.context("no event")?;
        same("event", chunk.data.as_ref(), event.as_bytes())?;
    }
    drop(events);
    let more = response.next().await?;
    ensure!(more.is_none(), "something after the last event");
    Ok(())
}

async fn an_event_arrives_before_the_next_is_sent(stage: &Stage) -> Result<()> {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (events, answer) = Answer::stream("text/event-stream; charset=utf-8");
        let (address, _upstream) = behind(stage, renaming(), answer).await?;
        let mut response = ask(protocol).stream(address).await?;
        for number in 0..3 {
            let (sent, expected) = (
                format!(
                    "id: {number}\ndata: {{\"model\":\"gpt-4o\",\"n\":{number}.0, \"usage\":{{}}}}\n\n"
                ),
                format!("id: {number}\ndata: {{\"model\":\"fast\",\"n\":{number}.0}}\n\n"),
            );
            // Whole, and cut in the middle of what is edited; what follows the cut is sent when
            // what stands before it was read.
            events.send(sent.clone()).await?;
            expect(&mut response, &expected).await?;
            let (front, back) = sent.split_at(24);
            events.send(format!(": ping\n\n{front}")).await?;
            expect(&mut response, ": ping\n\n").await?;
            events.send(back.to_owned()).await?;
            expect(&mut response, &expected).await?;
        }
        events.send("data: [DONE]\n\n").await?;
        expect(&mut response, "data: [DONE]\n\n").await?;
        drop(events);
        ensure!(
            response.next().await?.is_none(),
            "something after the last event"
        );
    }
    Ok(())
}

async fn events_are_left_out_and_made_of_themselves_in_time(stage: &Stage) -> Result<()> {
    let config = json!({"response": {
        "dropEvents": ["size(document.choices) == 0"],
        "patch": [{
            "replace": "$.choices[*].delta.content",
            "cel": "value.upperAscii() + string(document.n) + request.method",
        }],
    }});
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (events, answer) = Answer::stream("text/event-stream");
        let (address, _upstream) = behind(stage, config.clone(), answer).await?;
        let mut response = ask(protocol).stream(address).await?;
        for number in 0..3 {
            let event = |content: &str| {
                let delta = format!("{{\"delta\":{{\"content\":\"{content}\"}}}}");
                format!("data: {{\"n\":{number},\"choices\":[{delta}]}}\r\n\r\n")
            };
            let left_out = "data: {\"choices\":[],\"usage\":{}}\r\n\r\n";
            events.send(format!("{left_out}{}", event("hi"))).await?;
            expect(&mut response, &event(&format!("HI{number}POST"))).await?;
        }
        events.send("data: [DONE]\n\n").await?;
        expect(&mut response, "data: [DONE]\n\n").await?;
        drop(events);
        let more = response.next().await?;
        ensure!(more.is_none(), "something after the last event");
    }
    Ok(())
}

async fn lines_pass_one_by_one(stage: &Stage) -> Result<()> {
    let config = json!({
        "request": {"patch": [{"set": "/body/model", "value": "real"}]},
        "response": {
            "dropEvents": ["document.done == true"],
            "patch": [{"set": "/n", "cel": "document.n + 1"}],
        },
    });
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (lines, answer) = Answer::stream("application/x-ndjson");
        let (address, upstream) = behind(stage, config.clone(), answer).await?;
        let request = Request::post("/")
            .by(protocol)
            .header("content-type", "application/jsonl")
            .body("{\"body\":{\"model\":\"a\"}}\nno JSON\n{}");
        let mut response = request.stream(address).await?;
        for number in 0..3 {
            let sent = format!("{{\"n\":{number}}}\n{{\"n\":0,\"done\":true}}\n");
            lines.send(sent).await?;
            let expected = format!("{{\"n\":{}}}\n", number + 1);
            expect(&mut response, &expected).await?;
        }
        drop(lines);
        let more = response.next().await?;
        ensure!(more.is_none(), "something after the last line");
        let requests = upstream.requests();
        let got = requests.first().context("no request")?;
        let expected = "{\"body\":{\"model\":\"real\"}}\nno JSON\n{\"body\":{\"model\":\"real\"}}";
        same(
            "request",
            String::from_utf8_lossy(&got.body()).as_ref(),
            expected,
        )?;
    }
    Ok(())
}

async fn trailers_end_an_event_too(stage: &Stage) -> Result<()> {
    let answer = Answer::chunks(["data: {\"model\":1}\n\nda", "ta: {\"model\":2}"])
        .header("content-type", "text/event-stream")
        .trailer("x-after", "sent");
    let (address, _upstream) = behind(stage, renaming(), answer).await?;
    let response = ask(Protocol::Http2)
        .send(address)
        .await?
        .expect_status(200)?;
    let expected = "data: {\"model\":\"fast\"}\n\ndata: {\"model\":\"fast\"}";
    same("body", response.text().as_str(), expected)?;
    let trailer = only(&response.trailers, "x-after")?;
    same("trailer", trailer.as_str(), "sent")
}

async fn a_stream_larger_than_the_buffer(stage: &Stage) -> Result<()> {
    const EVENTS: usize = 4000;
    let event = |model: &str| {
        format!(
            "data: {{\"model\":\"{model}\",\"t\":\"{}\"}}\n\n",
            "y".repeat(500)
        )
    };
    let upstream = event("gpt-4o").repeat(EVENTS);
    // Cut where no event ends.
    let pieces = upstream.as_bytes().chunks(100_003).map(<[u8]>::to_vec);
    let answer = Answer::chunks(pieces).header("content-type", "text/event-stream");
    let upstream = Upstream::answering(answer).await?;
    let bootstrap = Bootstrap::new()
        .filter(renaming())
        .buffer_limit(64 << 10)
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let response = ask(protocol).send(envoy.address().await?).await?;
        ensure!(
            response.expect_status(200)?.text() == event("fast").repeat(EVENTS),
            "the events came out otherwise"
        );
    }
    Ok(())
}
