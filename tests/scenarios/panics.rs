//! A panic in a hook, which only a bug can cause: 500 or a reset, and Envoy lives.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Filter, Protocol, Request, Route, Upstream};

use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_panic_in_a_request_hook_is_answered_with_500,
    All a_panic_in_a_response_hook_never_looks_like_success,
    Ends a_panic_while_a_stream_ends_does_no_harm,
    Ends a_panic_while_configuring_refuses_the_configuration,
];

fn panics_in(hook: &str) -> Filter {
    Filter::new(hook)
        .module("hostile_module")
        .filter_name("panic")
}

/// An Envoy whose filter panics in `hook`.
async fn behind(
    stage: &Stage,
    hook: &str,
    upstream: &Upstream,
) -> Result<std::sync::Arc<harness::Envoy>> {
    let bootstrap = Bootstrap::new()
        .filter(panics_in(hook))
        .http2_cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    stage.envoy(&bootstrap).await
}

fn request(protocol: Protocol) -> Request {
    Request::post("/")
        .by(protocol)
        .header("te", "trailers")
        .chunks(["one", "two"])
}

async fn a_panic_in_a_request_hook_is_answered_with_500(stage: &Stage) -> Result<()> {
    for hook in ["new", "request_headers", "request_body", "request_trailers"] {
        // It answers once the request has ended, which is after the panic.
        let upstream = Upstream::named("never").await?;
        let envoy = behind(stage, hook, &upstream).await?;
        let address = envoy.address().await?;
        for round in 0..3 {
            let request = request(Protocol::Http2).trailer("x-after", "sent");
            same(hook, request.send(address).await?.status, 500)?;
            ensure!(envoy.is_alive(), "{hook}: envoy died in round {round}");
        }
        check_counted(&envoy, hook, 3).await?;
    }
    Ok(())
}

async fn a_panic_in_a_response_hook_never_looks_like_success(stage: &Stage) -> Result<()> {
    for hook in ["response_headers", "response_body", "response_trailers"] {
        let answer = harness::Answer::chunks(["one", "two"]).trailer("x-after", "sent");
        let upstream = Upstream::answering(answer).await?;
        let envoy = behind(stage, hook, &upstream).await?;
        let address = envoy.address().await?;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            if let Ok(response) = request(protocol).send(address).await {
                ensure!(response.status >= 500, "{hook}, {protocol:?}: {response:?}");
            }
            ensure!(envoy.is_alive(), "{hook}: envoy died");
        }
        check_counted(&envoy, hook, 2).await?;
    }
    Ok(())
}

async fn a_panic_while_a_stream_ends_does_no_harm(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let envoy = behind(stage, "stream_complete", &upstream).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let response = request(protocol)
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        same("body", response.text().as_str(), "onetwo")?;
    }
    envoy
        .log_containing("stream_complete panics on purpose")
        .await?;
    Ok(())
}

async fn a_panic_while_configuring_refuses_the_configuration(stage: &Stage) -> Result<()> {
    let listener = Bootstrap::new()
        .filter(panics_in("config_new"))
        .route(Route::direct_response(200, "ok"));
    let route = Route::direct_response(200, "ok").per_route(panics_in("per_route_config_new"));
    let route = Bootstrap::new().filter(panics_in("nothing")).route(route);
    for (bootstrap, hook) in [(listener, "config_new"), (route, "per_route_config_new")] {
        let log = stage
            .launch(bootstrap.build(stage.release))
            .start_expecting_refusal()
            .await?;
        ensure!(log.contains(&format!("{hook} panics on purpose")), "{log}");
    }
    Ok(())
}

async fn check_counted(envoy: &harness::Envoy, hook: &str, count: u32) -> Result<()> {
    ensure!(
        envoy.log().contains(&format!("{hook} panics on purpose")),
        "{hook}: the panic is not in the log"
    );
    let stats = envoy.admin("/stats/prometheus").await?;
    let line = stats.lines().find(|line| line.contains("hostile_panics{"));
    ensure!(
        line.is_some_and(|line| line.ends_with(&format!("}} {count}"))),
        "{hook}: {line:?} is not {count}\n{stats}"
    );
    Ok(())
}
