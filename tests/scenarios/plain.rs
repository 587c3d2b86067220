//! A plain Envoy: proves that the harness shows what is on the wire, without the module.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    Answer, Bootstrap, Connection, End, Protocol, RateLimitService, RawConnection, RecordedRequest,
    Request, Route, Upstream, post_json,
};
use serde_json::json;

use crate::sse::pass_one_by_one;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All routes_on_a_header,
    Ends the_upstream_sees_a_chunk_before_the_next_is_sent,
    Ends trailers_travel_both_ways,
    Ends http1_trailers_travel_both_ways,
    Ends events_arrive_one_by_one,
    Ends an_upgrade_echoes,
    Ends a_cut_request_is_recorded_as_cut,
    Ends a_cut_answer_is_an_error,
    Ends a_body_over_the_buffer_limit_is_refused,
    Ends the_access_log_and_stats_are_readable,
    Ends a_connection_is_reused,
    All a_rate_limit_service_counts_hits,
    Ends a_broken_bootstrap_is_refused,
    Ends cpu_time_grows,
];

/// Everything goes to one upstream.
fn through_to(upstream: &Upstream) -> Bootstrap {
    Bootstrap::new()
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"))
}

async fn routes_on_a_header(stage: &Stage) -> Result<()> {
    let (small, large) = (
        Upstream::named("small").await?,
        Upstream::named("large").await?,
    );
    let bootstrap = Bootstrap::new()
        .cluster("small", small.address())
        .http2_cluster("large", large.address())
        .route(Route::to("large").header("x-model", "large"))
        .route(Route::to("small"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.listener_address("main").await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/v1?x=1")
            .by(protocol)
            .json(&json!({"model": "large"}));
        let response = request.clone().send(address).await?.expect_status(200)?;
        same("fallback", only(&response.headers, "x-served-by")?, "small")?;
        let response = request
            .header("x-model", "large")
            .send(address)
            .await?
            .expect_status(200)?;
        same("routed", only(&response.headers, "x-served-by")?, "large")?;
        same("body", response.json()?, json!({"served_by": "large"}))?;
    }
    let seen = large.request().await?;
    same("method", seen.method.as_str(), "POST")?;
    same("path", seen.path.as_str(), "/v1?x=1")?;
    same("authority", seen.authority.as_str(), address.to_string())?;
    same("body", seen.json()?, json!({"model": "large"}))?;
    same("header", only(&seen.headers, "x-model")?, "large")?;
    same("requests", large.requests().len(), 2)
}

async fn the_upstream_sees_a_chunk_before_the_next_is_sent(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let envoy = stage.envoy(&through_to(&upstream)).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (mut body, response) = Request::post("/")
            .by(protocol)
            .open(envoy.address().await?)
            .await?;
        let mut expected = String::new();
        for chunk in ["first", "second", "third"] {
            body.send(chunk).await?;
            expected += chunk;
            let seen = upstream
                .request_where(chunk, |request| request.text() == expected)
                .await?;
            same("end", seen.end, End::Open)?;
            let last = seen.chunks.last().map(|last| last.data.as_ref());
            same("last chunk", last, Some(chunk.as_bytes()))?;
            ensure!(
                seen.chunks.is_sorted_by(|one, next| one.at < next.at),
                "chunks carry no arrival times"
            );
        }
        body.finish();
        same(
            "echo",
            response.response().await?.text(),
            "firstsecondthird",
        )?;
    }
    Ok(())
}

async fn trailers_travel_both_ways(stage: &Stage) -> Result<()> {
    let upstream =
        Upstream::answering(Answer::chunks(["body"]).trailer("x-after", "response")).await?;
    let bootstrap = Bootstrap::new()
        .http2_cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let request = Request::post("/")
        .http2()
        .chunks(["body"])
        .trailer("x-after", "request");
    let response = request.send(envoy.address().await?).await?;
    same(
        "response trailer",
        only(&response.trailers, "x-after")?,
        "response",
    )?;
    same(
        "request trailer",
        only(&upstream.request().await?.trailers, "x-after")?,
        "request",
    )
}

async fn http1_trailers_travel_both_ways(stage: &Stage) -> Result<()> {
    let upstream =
        Upstream::answering(Answer::chunks(["body"]).trailer("x-after", "response")).await?;
    let envoy = stage.envoy(&through_to(&upstream).http1_trailers()).await?;
    let address = envoy.address().await?;
    let request = Request::post("/")
        .header("te", "trailers")
        .trailer("x-after", "request");
    let response = request.clone().chunks(["body"]).send(address).await?;
    same(
        "response trailer",
        only(&response.trailers, "x-after")?,
        "response",
    )?;
    same(
        "request trailer",
        only(&upstream.request().await?.trailers, "x-after")?,
        "request",
    )?;

    let (mut body, response) = request.open(address).await?;
    body.send("by hand").await?;
    body.finish_with(&[("x-after", "later")]).await?;
    response.response().await?.expect_status(200)?;
    same(
        "request trailer",
        only(&upstream.request().await?.trailers, "x-after")?,
        "later",
    )
}

async fn events_arrive_one_by_one(stage: &Stage) -> Result<()> {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (events, answer) = Answer::stream("text/event-stream");
        let upstream = Upstream::answering(answer).await?;
        let envoy = stage.envoy(&through_to(&upstream)).await?;
        let mut response = Request::get("/events")
            .by(protocol)
            .stream(envoy.address().await?)
            .await?;
        same(
            "content type",
            only(&response.headers, "content-type")?,
            "text/event-stream",
        )?;
        pass_one_by_one(events, &mut response).await?;
    }
    Ok(())
}

async fn an_upgrade_echoes(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(Answer::websocket_echo()).await?;
    let envoy = stage.envoy(&through_to(&upstream).websockets()).await?;
    let address = envoy.address().await?;
    let (mut connection, _) = RawConnection::upgrade(address, "/", "websocket", &[]).await?;
    connection.echo("ping.").await?;
    connection.echo("pong.").await
}

async fn a_cut_request_is_recorded_as_cut(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let clusters = Bootstrap::new()
        .cluster("http1", upstream.address())
        .http2_cluster("http2", upstream.address());
    let bootstrap = clusters
        .route(Route::to("http1").prefix("/http1"))
        .route(Route::to("http2").prefix("/http2"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let begun = |request: &RecordedRequest| request.text() == "half" && request.end == End::Open;
    let broken = |request: &RecordedRequest| matches!(request.end, End::Broken(_));
    for path in ["/http1", "/http2"] {
        let mut connection = RawConnection::open(address).await?;
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n");
        connection.send(head + "half").await?;
        upstream.request_where("half a body", begun).await?;
        connection.reset()?;
        upstream.request_where("the reset", broken).await?;

        let (mut body, _response) = Request::post(path).http2().open(address).await?;
        body.send("half").await?;
        upstream.request_where("half a body", begun).await?;
        body.abort();
        upstream.request_where("the abort", broken).await?;
    }
    Ok(())
}

async fn a_cut_answer_is_an_error(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(Answer::chunks(["half"]).abort()).await?;
    let envoy = stage.envoy(&through_to(&upstream)).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::get("/").by(protocol);
        let mut response = request.stream(envoy.address().await?).await?;
        let first = response.next().await?.context("no body")?;
        same("first part", first.data.as_ref(), b"half")?;
        ensure!(
            response.next().await.is_err(),
            "{protocol:?}: the cut went unnoticed"
        );
    }
    Ok(())
}

async fn a_body_over_the_buffer_limit_is_refused(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let buffer = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": 1000,
    });
    let bootstrap = through_to(&upstream)
        .http_filter("envoy.filters.http.buffer", &buffer)
        .buffer_limit(2000);
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    Request::post("/")
        .body(vec![b'x'; 900])
        .send(address)
        .await?
        .expect_status(200)?;
    Request::post("/")
        .body(vec![b'x'; 1100])
        .send(address)
        .await?
        .expect_status(413)?;
    same("requests", upstream.requests().len(), 1)
}

async fn the_access_log_and_stats_are_readable(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let bootstrap =
        through_to(&upstream).access_log("%REQ(:PATH)% %RESPONSE_CODE% %UPSTREAM_CLUSTER%");
    let envoy = stage.envoy(&bootstrap).await?;
    post_json(envoy.address().await?, "/a", &json!({})).await?;
    same(
        "access log",
        envoy.access_log(1).await?,
        ["/a 200 upstream"],
    )?;
    same(
        "stat",
        envoy.stat("cluster.upstream.upstream_rq_200").await?,
        1,
    )?;
    same(
        "unknown stat",
        envoy.stat("cluster.upstream.no_such_thing").await?,
        0,
    )
}

async fn a_connection_is_reused(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let envoy = stage.envoy(&through_to(&upstream)).await?;
    for (opened, protocol) in [(1, Protocol::Http1), (2, Protocol::Http2)] {
        let mut connection = Connection::open(envoy.address().await?, protocol).await?;
        for text in ["a", "b", "c"] {
            same(
                "echo",
                connection.send(Request::post("/").body(text)).await?.text(),
                text,
            )?;
        }
        same(
            "connections",
            envoy.stat("http.main.downstream_cx_total").await?,
            opened,
        )?;
    }
    Ok(())
}

/// Three hits for each request, and at the stream's end as many as the metadata tells.
async fn a_rate_limit_service_counts_hits(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let limits = RateLimitService::start(10).await?;
    let filter = "envoy.filters.http.ratelimit";
    let message = "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3";
    let actions =
        json!([{"request_headers": {"header_name": "x-tenant", "descriptor_key": "tenant"}}]);
    let per_route = json!({filter: {"@type": format!("{message}.RateLimitPerRoute"), "rate_limits": [
        {"actions": actions, "hits_addend": {"number": 3}},
        {
            "actions": actions,
            "hits_addend": {"format": "%DYNAMIC_METADATA(used:hits)%"},
            "apply_on_stream_done": true,
        },
    ]}});
    let service = json!({"envoy_grpc": {"cluster_name": "limits"}});
    let bootstrap = Bootstrap::new()
        .http_filter(
            filter,
            &json!({
                "@type": format!("{message}.RateLimit"),
                "domain": "hits",
                "timeout": "5s",
                "rate_limit_service": {"transport_api_version": "V3", "grpc_service": service},
            }),
        )
        .http_filter(
            "envoy.filters.http.set_metadata",
            &json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
                "metadata": [{"metadata_namespace": "used", "value": {"hits": 4}}],
            }),
        )
        .cluster("upstream", upstream.address())
        .http2_cluster("limits", limits.address())
        .route(Route::to("upstream").field("typed_per_filter_config", per_route));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for _ in 0..2 {
        // 3 + 4, then 10 are not over 10, then 14 + 3 are.
        for (status, hits) in [(200, 7), (200, 14), (429, 17)] {
            let request = Request::get("/").header("x-tenant", "acme");
            request.send(address).await?.expect_status(status)?;
            limits.expect_hits("tenant=acme", hits).await?;
            same("hits", &limits.hits()["tenant=acme"], &hits)?;
        }
        limits.next_window();
    }
    Ok(())
}

async fn a_broken_bootstrap_is_refused(stage: &Stage) -> Result<()> {
    let broken = Bootstrap::new()
        .route(Route::to("nowhere"))
        .build(stage.release);
    let log = stage
        .launch(broken.clone())
        .start_expecting_refusal()
        .await?;
    ensure!(
        log.contains("unknown cluster 'nowhere'"),
        "the log does not say why: {log}"
    );
    let validation = stage.launch(broken.clone()).validate().await?;
    ensure!(
        !validation.status.success(),
        "validated: {}",
        validation.output
    );
    let error = stage
        .launch(broken)
        .start()
        .await
        .err()
        .context("it started")?;
    ensure!(
        format!("{error:#}").contains("nowhere"),
        "the error does not say why: {error:#}"
    );

    let sound = Bootstrap::new()
        .route(Route::direct_response(200, "ok"))
        .build(stage.release);
    let validation = stage.launch(sound).validate().await?;
    ensure!(
        validation.status.success(),
        "not valid: {}",
        validation.output
    );
    Ok(())
}

async fn cpu_time_grows(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let envoy = stage.envoy(&through_to(&upstream)).await?;
    let before = envoy.cpu_time()?;
    let mut connection = Connection::open(envoy.address().await?, Protocol::Http1).await?;
    let mut used = Duration::ZERO;
    while used < Duration::from_millis(20) {
        connection
            .send(Request::post("/").body(vec![b'x'; 100_000]))
            .await?
            .expect_status(200)?;
        used = envoy.cpu_time()?.saturating_sub(before);
    }
    same("release", envoy.release(), stage.release)?;
    Ok(())
}
