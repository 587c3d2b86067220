//! JSON bodies edited in their bytes, as upstreams and clients see them.

use anyhow::{Result, ensure};
use harness::{Answer, Bootstrap, Protocol, Request};
use serde_json::json;

use crate::gateway::{Gateway, MODEL};
use crate::responses::behind;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_request_is_edited_and_routed,
    Ends a_request_with_trailers_is_edited,
    Ends a_response_that_is_no_json_is_not_held,
    Ends what_encoded_bodies_stand_for_is_held_within_the_limit,
];

async fn a_request_is_edited_and_routed(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "extract": [{"header": MODEL, "aliases": [{"match": "fast", "value": "gpt-4o"}]}],
        "patch": [
            {"set": "/model", "value": "{{ extracted.model }}"},
            {"default": "/max_tokens", "json": "2048"},
            {"remove": "/x_debug"},
        ],
    }});
    let gateway = Gateway::start(stage, config).await?;
    let prompt = "x".repeat(40_000);
    let before = format!("{{ \"x_debug\":[1],\"p\":\"{prompt}\", \"model\":\"fast\" ,\"t\":1.50}}");
    let after =
        format!("{{ \"p\":\"{prompt}\", \"model\":\"gpt-4o\" ,\"t\":1.50,\"max_tokens\":2048}}");
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let whole = Request::post("/").by(protocol).body(before.clone());
        let (front, back) = before.split_at(before.len() - 30);
        let cut = Request::post("/")
            .by(protocol)
            .chunks([front.to_owned(), back.to_owned()]);
        for (request, announced) in [(whole, true), (cut, false)] {
            let (response, seen) = gateway.forward(request).await?;
            same(
                "served by",
                only(&response.headers, "x-served-by")?.as_str(),
                "routed",
            )?;
            same("body", seen.text(), after.clone())?;
            let length = seen.headers.value("content-length");
            same("length", length, announced.then(|| after.len().to_string()))?;
        }
    }
    Ok(())
}

async fn a_request_with_trailers_is_edited(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"patch": [{"set": "/model", "value": "a-longer-name"}]}});
    let bootstrap = Bootstrap::new().filter(config).http1_trailers();
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/")
            .by(protocol)
            .chunks([r#"{"mod"#, r#"el":1}"#])
            .trailer("x-after", "sent");
        let (_, seen) = gateway.forward(request).await?;
        same("body", seen.text().as_str(), r#"{"model":"a-longer-name"}"#)?;
        same("trailer", only(&seen.trailers, "x-after")?.as_str(), "sent")?;
    }
    Ok(())
}

/// Neither held nor counted: larger than the buffer, and its beginning comes before its end.
async fn a_response_that_is_no_json_is_not_held(stage: &Stage) -> Result<()> {
    let config = json!({"response": {"patch": [{"set": "/model", "value": "x"}]}});
    // Of plain text, and of JSON that is a list, the first byte tells.
    for (content_type, byte) in [
        ("audio/mpeg", 7),
        ("text/plain", b'y'),
        ("application/json", b'['),
    ] {
        let (pieces, answer) = Answer::stream(content_type);
        let (address, _upstream) = behind(stage, config.clone(), answer).await?;
        let piece = vec![byte; 64 << 10];
        // The headers wait for the first.
        pieces.send(piece.clone()).await?;
        let mut response = Request::get("/").stream(address).await?;
        for number in 0..40 {
            if number > 0 {
                pieces.send(piece.clone()).await?;
            }
            let mut arrived = 0;
            while arrived < piece.len() {
                let chunk = response.next().await?;
                arrived += chunk.map_or(piece.len() + 1, |chunk| chunk.data.len());
            }
            same(content_type, arrived, piece.len())?;
        }
    }
    Ok(())
}

/// 40 MiB in a frame of zstd that is a hundredth of it.
fn encoded() -> Vec<u8> {
    let block = |size: u32, kind: u32, last: u32, content: &[u8]| {
        let header = (size << 3 | kind << 1 | last).to_le_bytes();
        [&header[..3], content].concat()
    };
    let raw =
        |content: &[u8], last| block(u32::try_from(content.len()).unwrap_or(0), 0, last, content);
    let mut frame = b"\x28\xb5\x2f\xfd\x00\x58".to_vec();
    frame.extend(raw(b"{\"model\":\"gpt-4o\",\"x\":\"", 0));
    for _ in 0..320 {
        frame.extend(raw(&[b'b'; 1400], 0));
        frame.extend(block(128 << 10, 1, 0, b"a"));
    }
    frame.extend(raw(b"\"}", 1));
    frame
}

async fn what_encoded_bodies_stand_for_is_held_within_the_limit(stage: &Stage) -> Result<()> {
    const REQUESTS: u64 = 10;
    let config = json!({"request": {
        "extract": [{"header": MODEL}],
        "patch": [{"set": "/model", "value": "new"}],
    }});
    let gateway = Gateway::start(stage, config).await?;
    let encoded = encoded();
    let before = gateway.envoy.peak_memory()?;
    let mut open = Vec::new();
    for _ in 0..REQUESTS {
        let request = Request::post("/")
            .http2()
            .header("content-encoding", "zstd");
        let (mut body, response) = request.open(gateway.address).await?;
        body.send(encoded.clone()).await?;
        open.push((body, response));
    }
    for (body, response) in open {
        body.finish();
        same("status", response.response().await?.status, 413)?;
    }
    let grown = gateway.envoy.peak_memory()? - before;
    ensure!(
        grown < REQUESTS * (8192 << 10),
        "Envoy has grown by {grown} bytes"
    );
    gateway.check_alive().await
}
