//! Encoded bodies beside Envoy's own compressor and decompressor, on either side of the filter.

use anyhow::{Context, Result, ensure};
use harness::{Answer, Bootstrap, Protocol, Request, Route, Upstream};
use serde_json::json;

use super::coding::{gunzip, gzip};
use super::neighbours::Neighbour;
use crate::stage::{Stage, same};

const SENT: &[u8] = br#"{"model":"gpt-4o","max_tokens":11}"#;

/// Not UTF-8, and long enough for a compressor.
fn image() -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\xff\xfe", &[0x80; 200][..]].concat()
}

fn beside(bootstrap: Bootstrap, neighbour: Neighbour) -> Bootstrap {
    neighbour.in_chain(bootstrap, ([127, 0, 0, 1], 1).into())
}

/// A rule holds for an encoded request, and one answer is rewritten while others keep their bytes.
pub(super) async fn encoded_bodies_beside_compressors(stage: &Stage) -> Result<()> {
    let config = json!({
        "request": {"when": "json(request.body).max_tokens > 10", "set": [{"name": "x-over", "value": "1"}]},
        "response": {"body": {
            "value": "{% if header(':status') == '401' %}{\"e\":1}{% else %}{{ body() }}{% endif %}",
        }},
    });
    for before in [true, false] {
        for (status, encoded) in [(200, false), (200, true), (401, true)] {
            let answer = if encoded {
                Answer::body(gzip(&image())).header("content-encoding", "gzip")
            } else {
                Answer::body(image())
            };
            let answer = answer.with_status(status);
            let answer = answer.header("content-type", "application/json");
            let upstream = Upstream::answering(answer.header("etag", "W/\"a\"")).await?;
            let mut bootstrap = Bootstrap::new();
            if before {
                bootstrap = beside(bootstrap, Neighbour::Decompressor);
                bootstrap = beside(bootstrap, Neighbour::Compressor);
            }
            bootstrap = bootstrap.filter(config.clone());
            if !before {
                bootstrap = beside(bootstrap, Neighbour::Compressor);
            }
            let bootstrap = bootstrap
                .http2_cluster("upstream", upstream.address())
                .route(Route::to("upstream"));
            let envoy = stage.envoy(&bootstrap).await?;
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let what = format!("{status}, {encoded}, {protocol:?}, before: {before}");
                let body = gzip(SENT);
                let (front, back) = body.split_at(body.len() / 2);
                let request = Request::post("/")
                    .by(protocol)
                    .header("content-encoding", "gzip")
                    .header("accept-encoding", "gzip")
                    .chunks([front.to_vec(), back.to_vec()]);
                let sent = request.send(envoy.address().await?).await;
                let response = sent.with_context(|| what.clone())?;
                let seen = upstream.request().await?;
                same(&what, seen.headers.value("x-over").as_deref(), Some("1"))?;
                let sent = match seen.headers.value("content-encoding") {
                    Some(_) => gunzip(&seen.body())?,
                    None => seen.body().to_vec(),
                };
                ensure!(sent == SENT, "{what}: {}", sent.escape_ascii());
                ensure!(
                    before || seen.headers.contains("content-encoding"),
                    "{what}: the request was not left encoded"
                );

                same(&what, response.status, status)?;
                let coding = response.headers.value("content-encoding");
                let body = match coding.as_deref() {
                    Some("gzip") => gunzip(&response.body())?,
                    None => response.body().to_vec(),
                    Some(other) => anyhow::bail!("{what}: {other}"),
                };
                let expected = if status == 401 {
                    br#"{"e":1}"#.to_vec()
                } else {
                    image()
                };
                ensure!(body == expected, "{what}: {}", body.escape_ascii());
            }
        }
    }
    Ok(())
}
