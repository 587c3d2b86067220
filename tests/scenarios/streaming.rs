//! Requests that go on as soon as their fields are known.

use anyhow::{Result, ensure};
use bytes::Bytes;
use harness::{
    Answer, Bootstrap, End, Envoy, Filter, Protocol, RawConnection, RecordedRequest, Request,
    Route, Upstream,
};
use serde_json::{Value, json};

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_first_byte_does_not_wait_for_the_last,
    All a_body_may_be_cut_anywhere,
    All a_large_body_passes_a_small_limit,
    All a_second_value_cuts_the_request_off,
    All after_the_response_has_begun_the_stream_is_cut,
    All a_field_too_far_back_counts_as_missing,
    All trailers_empty_bodies_and_no_bodies,
    All after_filters_that_hold_the_body,
    Ends a_client_that_waits_for_100_continue,
    Ends a_websocket_echoes,
    Ends a_large_body_takes_no_memory,
    All a_buffer_limit_that_is_configured,
    All an_upload_passes_a_small_limit,
    All a_compressed_body_passes_as_it_is,
];

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

fn streamed() -> Value {
    json!({"request": {"bodyMode": "streamed", "extract": [{"header": MODEL}]}})
}

/// The request, once the upstream has its beginning, and no more.
async fn begun(upstream: &Upstream, first: &str) -> Result<RecordedRequest> {
    upstream
        .request_where("the first chunk", |request| {
            request.end == End::Open && request.text() == first
        })
        .await
}

async fn the_first_byte_does_not_wait_for_the_last(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, streamed()).await?;
    for protocol in PROTOCOLS {
        let (mut body, response) = Request::post("/")
            .by(protocol)
            .header(MODEL, "forged")
            .open(gateway.address)
            .await?;
        let first = r#"{"model":"gpt-4o","messages":["one""#;
        body.send(first).await?;
        let seen = begun(&gateway.routed, "").await?;
        same("model", only(&seen.headers, MODEL)?.as_str(), "gpt-4o")?;
        body.send(r#","two""#).await?;
        begun(&gateway.routed, &format!(r#"{first},"two""#)).await?;
        body.send("]}").await?;
        body.finish();
        response.response().await?.expect_status(200)?;
        let seen = gateway.routed.request().await?;
        let whole = format!(r#"{first},"two"]}}"#);
        same("body", seen.text(), whole)?;
    }
    Ok(())
}

async fn a_body_may_be_cut_anywhere(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, streamed()).await?;
    let body = r#"{"x":["\"}"],"mod\u0065l":"gpt-4\u006f","é":1}"#;
    for protocol in PROTOCOLS {
        for cut in 1..body.len() {
            let (first, rest) = body.as_bytes().split_at(cut);
            let request = Request::post("/")
                .by(protocol)
                .chunks([first.to_vec(), rest.to_vec()]);
            let (response, seen) = gateway.forward(request).await?;
            let what = format!("cut at {cut}, {protocol:?}");
            same(&what, only(&response.headers, "x-served-by")?, "routed")?;
            same(&what, seen.text().as_str(), body)?;
        }
    }
    Ok(())
}

/// A body of about `size` bytes that names its model at either end.
fn large(size: usize, first: bool) -> Bytes {
    let text = "some text\\n".repeat(size / 11);
    Bytes::from(match first {
        true => format!(r#"{{"model":"gpt-4o","messages":["{text}"]}}"#),
        false => format!(r#"{{"messages":["{text}"],"model":"gpt-4o"}}"#),
    })
}

fn small_limit(filter: Value) -> Bootstrap {
    let window = json!({"initial_stream_window_size": 65536});
    Bootstrap::new()
        .filter(filter)
        .buffer_limit(65536)
        .connection_manager("http2_protocol_options", window)
}

async fn a_large_body_passes_a_small_limit(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start_with(stage, small_limit(streamed())).await?;
    let body = large(5 << 20, true);
    for protocol in PROTOCOLS {
        let request = Request::post("/").by(protocol).body(body.clone());
        let (response, seen) = gateway.forward(request).await?;
        same(
            "route",
            only(&response.headers, "x-served-by")?.as_str(),
            "routed",
        )?;
        // Some releases would lose the last frame of HTTP/2.
        ensure!(seen.body() == body, "{protocol:?}: the body has changed");
    }
    Ok(())
}

async fn a_second_value_cuts_the_request_off(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, streamed()).await?;
    let first = r#"{"model":"gpt-4o","messages":[]"#;
    let rests = [
        (r#","model":"mistral"}"#, "duplicate_key"),
        (r#","x":NaN,"model":"mistral"}"#, "json_invalid"),
    ];
    for protocol in PROTOCOLS {
        for (rest, reason) in rests {
            let counter = failures(&gateway.envoy, reason).await?;
            let (mut body, response) = Request::post("/")
                .by(protocol)
                .open(gateway.address)
                .await?;
            body.send(first).await?;
            begun(&gateway.routed, "").await?;
            body.send(rest).await?;
            body.finish();
            let what = format!("{reason}, {protocol:?}");
            same(&what, response.response().await?.status, 400)?;
            let cut = |request: &RecordedRequest| matches!(request.end, End::Broken(_));
            let seen = gateway.routed.request_where("a cut", cut).await?;
            ensure!(!seen.text().contains("mistral"), "{what}: it went on");
            same(&what, failures(&gateway.envoy, reason).await?, counter + 1)?;
        }
    }
    gateway.check_alive().await
}

async fn failures(envoy: &Envoy, reason: &str) -> Result<u64> {
    let stats = envoy.stats("rustformations_failures_total").await?;
    let counts = stats.lines().filter(|line| line.contains(reason));
    Ok(counts
        .filter_map(|line| line.rsplit(": ").next()?.trim().parse::<u64>().ok())
        .sum())
}

async fn after_the_response_has_begun_the_stream_is_cut(stage: &Stage) -> Result<()> {
    let (_events, answer) = Answer::stream("text/event-stream");
    let answer = std::sync::Mutex::new(Some(answer));
    let upstream = Upstream::start_on_headers(move |_| {
        let answer = answer.lock().ok().and_then(|mut answer| answer.take());
        answer.unwrap_or_else(|| Answer::status(500))
    })
    .await?;
    let bootstrap = Bootstrap::new()
        .filter(streamed())
        .http2_cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let first = r#"{"model":"gpt-4o","messages":[]"#;
    let (mut body, response) = Request::post("/")
        .http2()
        .open(envoy.address().await?)
        .await?;
    body.send(first).await?;
    let mut response = response.stream().await?;
    same("status", response.status, 200)?;
    begun(&upstream, "").await?;
    body.send(r#","model":"mistral"}"#).await?;
    ensure!(response.next().await.is_err(), "the response went on");
    let cut = |request: &RecordedRequest| matches!(request.end, End::Broken(_));
    let seen = upstream.request_where("a cut", cut).await?;
    ensure!(!seen.text().contains("mistral"), "the second value went on");
    Ok(())
}

async fn a_field_too_far_back_counts_as_missing(stage: &Stage) -> Result<()> {
    let mut config = streamed();
    config["limits"] = json!({"maxHeldBytes": 32768});
    let gateway = Gateway::start_with(stage, small_limit(config)).await?;
    for protocol in PROTOCOLS {
        for (size, model) in [(16 << 10, Some("gpt-4o")), (1 << 20, None)] {
            let body = large(size, false);
            let request = Request::post("/").by(protocol).body(body.clone());
            let what = format!("{size} bytes, {protocol:?}");
            let (_, seen) = gateway.forward(request.clone()).await?;
            ensure!(seen.body() == body, "{what}: the body has changed");
            gateway.check_model(&what, request, model).await?;
        }
    }
    Ok(())
}

async fn trailers_empty_bodies_and_no_bodies(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new().filter(streamed()).http1_trailers();
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    for protocol in PROTOCOLS {
        let request = Request::post("/").by(protocol).header(MODEL, "forged");
        let trailed = request
            .clone()
            .header("te", "trailers")
            .chunks([r#"{"mod"#, r#"el":"gpt-4o""#, "}"])
            .trailer("x-after", "sent");
        let (_, seen) = gateway.forward(trailed.clone()).await?;
        same("trailer", only(&seen.trailers, "x-after")?.as_str(), "sent")?;
        same("body", seen.text().as_str(), r#"{"model":"gpt-4o"}"#)?;
        let what = format!("{protocol:?}");
        gateway.check_model(&what, trailed, Some("gpt-4o")).await?;
        for empty in [
            request.clone().body(""),
            request.clone().body_without_length(""),
            Request::get("/").by(protocol).header(MODEL, "forged"),
            request.clone().body("not JSON"),
            request.clone().body(r#"{"model":"gpt-4o""#),
        ] {
            let broken = gateway.forward(empty).await;
            // A body that ends too early is cut off once it has gone on.
            if let Ok((_, seen)) = broken {
                ensure!(
                    !seen.headers.contains(MODEL),
                    "{what}: a model from nowhere"
                );
            }
        }
    }
    gateway.check_alive().await
}

/// What another filter has held comes all at once, in the very buffer that ours would hold it in.
async fn after_filters_that_hold_the_body(stage: &Stage) -> Result<()> {
    let buffer = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": 1 << 20,
    });
    let other = json!({"request": {"extract": [{"header": "x-other"}]}});
    let body = r#"{"messages":["one","two"],"model":"gpt-4o","n":1}"#;
    for mode in ["buffered", "streamed"] {
        let mut config = streamed();
        config["request"]["bodyMode"] = mode.into();
        let buffered = Bootstrap::new().http_filter("envoy.filters.http.buffer", &buffer);
        let after_ours = Bootstrap::new().filter(Filter::new(other.clone()).instance("other"));
        for (what, before) in [("Envoy's", buffered), ("ours", after_ours)] {
            let gateway = Gateway::start_with(stage, before.filter(config.clone())).await?;
            for protocol in PROTOCOLS {
                let what = format!("{mode} after {what}, {protocol:?}");
                let pieces = body.as_bytes().chunks(12).map(<[u8]>::to_vec);
                let request = Request::post("/").by(protocol).chunks(pieces);
                let (_, seen) = gateway.forward(request.clone()).await?;
                same(&what, seen.text().as_str(), body)?;
                gateway.check_model(&what, request, Some("gpt-4o")).await?;
            }
            same(what, failures(&gateway.envoy, "json_invalid").await?, 0)?;
        }
    }
    Ok(())
}

async fn a_client_that_waits_for_100_continue(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, streamed()).await?;
    let mut connection = RawConnection::open(gateway.address).await?;
    let head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n";
    connection.send(head).await?;
    let answer = connection.read_until("\r\n\r\n").await?;
    ensure!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
    connection.send(r#"{"model":"gpt-4o"}"#).await?;
    let answer = connection.read_until("\r\n\r\n").await?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    ensure!(answer.contains("x-served-by: routed"), "{answer}");
    Ok(())
}

async fn a_websocket_echoes(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(Answer::websocket_echo()).await?;
    let bootstrap = Bootstrap::new()
        .filter(streamed())
        .websockets()
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let (mut connection, _) = RawConnection::upgrade(address, "/", "websocket", &[]).await?;
    connection.echo(r#"{"model":"a","model":"b"}."#).await?;
    connection.echo("pong.").await
}

async fn a_large_body_takes_no_memory(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start_with(stage, small_limit(streamed())).await?;
    let send = async |size| {
        let request = Request::post("/").body(large(size, true));
        gateway.forward(request).await
    };
    // Both workers, which take connections in turn, get their buffers.
    for _ in 0..4 {
        send(4 << 20).await?;
    }
    let before = gateway.envoy.peak_memory()?;
    let (response, seen) = send(64 << 20).await?;
    same(
        "route",
        only(&response.headers, "x-served-by")?.as_str(),
        "routed",
    )?;
    ensure!(seen.body().len() > 60 << 20, "the body was cut");
    let grown = gateway.envoy.peak_memory()? - before;
    ensure!(grown < 2048 << 10, "Envoy has grown by {grown} bytes");
    Ok(())
}

async fn a_buffer_limit_that_is_configured(stage: &Stage) -> Result<()> {
    let config = json!({
        "request": {"extract": [{"header": MODEL}]},
        "limits": {"maxHeldBytes": 1 << 20},
    });
    let gateway = Gateway::start_with(stage, small_limit(config)).await?;
    for protocol in PROTOCOLS {
        let what = format!("{protocol:?}");
        let request = Request::post("/").by(protocol).body(large(500_000, false));
        gateway.check_model(&what, request, Some("gpt-4o")).await?;
        let request = Request::post("/").by(protocol).body(large(2 << 20, false));
        same(&what, request.send(gateway.address).await?.status, 413)?;
    }
    Ok(())
}

/// A file may stand after the part that is wanted, whatever its size; before it, it has to be held.
async fn an_upload_passes_a_small_limit(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"bodyMode": "streamed", "extract": [
        {"from": [{"json": "/model"}, {"multipart": "model"}], "header": MODEL},
    ]}, "limits": {"maxHeldBytes": 32768}});
    let gateway = Gateway::start_with(stage, small_limit(config)).await?;
    let part = |header: &str, content: &[u8]| {
        let header = format!("--XX\r\nContent-Disposition: form-data; {header}\r\n\r\n");
        [header.as_bytes(), content, b"\r\n"].concat()
    };
    let model = part("name=\"model\"", b"gpt-4o");
    let other = part("name=\"model\"", b"other");
    let file = |size| part("name=\"file\"; filename=\"f\"", &vec![b'\r'; size]);
    let end = b"--XX--\r\n".to_vec();
    for protocol in PROTOCOLS {
        for (what, parts, expected) in [
            ("before", [&model, &file(20 << 20)], Some("gpt-4o")),
            (
                "after a short one",
                [&file(4 << 10), &model],
                Some("gpt-4o"),
            ),
            ("after a long one", [&file(1 << 20), &model], None),
        ] {
            let body = Bytes::from([parts[0].as_slice(), parts[1], &end].concat());
            let request = Request::post("/v1/audio/transcriptions")
                .by(protocol)
                .header("content-type", "multipart/form-data; boundary=XX")
                .body(body.clone());
            let (_, seen) = gateway.forward(request).await?;
            ensure!(seen.body() == body, "{what}: the body has changed");
            let header = seen.headers.value(MODEL);
            same(what, header.as_deref(), expected)?;
        }
        let twice = [model.as_slice(), &file(1 << 20), &other, &end].concat();
        let request = Request::post("/")
            .by(protocol)
            .header("content-type", "multipart/form-data; boundary=XX")
            .body(twice);
        let response = request.send(gateway.address).await?;
        same("two models", response.status, 400)?;
    }
    gateway.check_alive().await
}

async fn a_compressed_body_passes_as_it_is(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, streamed()).await?;
    // {"model":"gpt-4o"}
    let gzip: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV\xca\xcdOI\xcdQ\xb2RJ/(\xd15\xc9W\xaa\x05\x00cp5\x03\x12\x00\x00\x00";
    for protocol in PROTOCOLS {
        let request = |body: &'static [u8]| {
            Request::post("/")
                .by(protocol)
                .header("content-encoding", "gzip")
                .body(body)
        };
        let (_, seen) = gateway.forward(request(gzip)).await?;
        ensure!(seen.body() == gzip, "the body has changed");
        same("model", only(&seen.headers, MODEL)?.as_str(), "gpt-4o")?;
        let coding = only(&seen.headers, "content-encoding")?;
        same("content-encoding", coding.as_str(), "gzip")?;
        let (_, seen) = gateway.forward(request(b"not gzip")).await?;
        same("not gzip", seen.headers.value(MODEL), None)?;
    }
    Ok(())
}
