//! Envoy's overload manager, whose actions end requests that the filter holds.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{
    Bootstrap, END_HEADERS, Envoy, FrameConnection, FrameType, Request, Route, StreamEnd, Upstream,
    fields, frame,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::http2::HEAD;
use super::target::{body, strict};
use crate::stage::{Stage, same};

const MONITOR: &str = "envoy.resource_monitors.injected_resource";
const REFUSE: &str = "envoy.overload_actions.stop_accepting_requests";
const RESET: &str = "envoy.overload_actions.reset_high_memory_stream";

/// The requests that Envoy has.
const ACTIVE: &str = "http.main.downstream_rq_active";

/// Clients whose bodies are held at once, and how often.
const CLIENTS: u64 = 200;
const ROUNDS: usize = 4;

/// Bytes of a body that is held: Envoy's first window takes no more.
const HELD: u64 = 50_000;

/// How long Envoy may take to notice, and the time between two looks.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// From 0.9 on requests are refused, and from 0.95 on the largest streams are reset.
fn manager(file: &Path) -> Value {
    let trigger = |threshold: Value| json!([{"name": MONITOR, "scaled": threshold}]);
    json!({
        "refresh_interval": "0.05s",
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": 16},
        "resource_monitors": [{"name": MONITOR, "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig",
            "filename": file,
        }}],
        "actions": [
            {"name": REFUSE, "triggers": [{"name": MONITOR, "threshold": {"value": 0.9}}]},
            {"name": RESET, "triggers": trigger(json!({"scaling_threshold": 0.95, "saturation_threshold": 0.99}))},
        ],
    })
}

/// Sets the pressure. Envoy looks for a file that takes the place of the last.
fn press(file: &Path, pressure: &str) -> Result<()> {
    let next = file.with_extension("next");
    fs::write(&next, pressure)?;
    Ok(fs::rename(next, file)?)
}

async fn wait_for(envoy: &Envoy, stat: &str, wanted: impl Fn(u64) -> bool) -> Result<()> {
    let begun = Instant::now();
    while !wanted(envoy.stat(stat).await?) {
        ensure!(begun.elapsed() < PATIENCE, "{stat} does not change");
        sleep(POLL).await;
    }
    Ok(())
}

/// A request that the filter holds: so many bytes of its body, without an end.
async fn held(envoy: &Arc<Envoy>, bytes: u64) -> Result<FrameConnection> {
    let mut connection = FrameConnection::open(envoy.address().await?).await?;
    let mut frames = frame(FrameType::Headers, END_HEADERS, 1, &fields(&HEAD));
    let text = format!(
        "{{\"model\":\"gpt-4o\",\"x\":\"{}",
        "a".repeat(bytes.try_into()?)
    );
    for piece in text.as_bytes().chunks(16_000) {
        frames.extend(frame(FrameType::Data, 0, 1, piece));
    }
    connection.write(&frames).await?;
    Ok(connection)
}

/// Presses until nothing is held. Envoy resets fifty requests of a worker at most when the pressure changes.
async fn press_until_idle(file: &Path, envoy: &Envoy) -> Result<()> {
    let begun = Instant::now();
    while envoy.stat(ACTIVE).await? > 0 {
        ensure!(begun.elapsed() < PATIENCE, "requests are still held");
        for pressure in ["0.97", "0.99"] {
            press(file, pressure)?;
            sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// The gateway with the manager, and the upstream behind it.
async fn start(stage: &Stage, file: &Path) -> Result<(Arc<Envoy>, Upstream)> {
    press(file, "0.0")?;
    let upstream = Upstream::named("upstream").await?;
    let bootstrap = Bootstrap::new()
        .filter(strict())
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let mut bootstrap = bootstrap.build(stage.release);
    bootstrap["overload_manager"] = manager(file);
    let envoy = stage.start(stage.launch(bootstrap)).await?;
    Ok((envoy, upstream))
}

/// Requests that are held are reset or go on; new ones are refused; afterwards all is as before.
pub(super) async fn overload_refuses_and_ends_what_is_held(stage: &Stage) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("pressure");
    let (envoy, upstream) = start(stage, &file).await?;
    let address = envoy.address().await?;
    let ask = async || Request::post("/").body(body("gpt-4o")).send(address).await;
    ask().await?.expect_status(200)?;

    let mut small = held(&envoy, 1000).await?;
    let mut large = held(&envoy, HELD).await?;
    wait_for(&envoy, ACTIVE, |active| active == 2).await?;
    press(&file, "0.92")?;
    wait_for(&envoy, &format!("overload.{REFUSE}.active"), |active| {
        active == 1
    })
    .await?;
    ask().await?.expect_status(503)?;

    press(&file, "0.99")?;
    same("the large one", large.end_of(1).await?, StreamEnd::Cut)?;
    let end = frame(FrameType::Data, harness::END_STREAM, 1, b"\"}");
    small.write(&end).await?;
    same("the small one", small.end_of(1).await?, StreamEnd::Served)?;

    press(&file, "0.1")?;
    wait_for(&envoy, &format!("overload.{REFUSE}.active"), |active| {
        active == 0
    })
    .await?;
    ask().await?.expect_status(200)?;
    same("requests that got through", upstream.requests().len(), 3)
}

/// All that is held is reset, again and again: what it took is free for the next.
pub(super) async fn overload_frees_what_was_held(stage: &Stage) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("pressure");
    let (envoy, upstream) = start(stage, &file).await?;
    let refused = format!("overload.{REFUSE}.active");
    let mut peaks = Vec::new();
    for _ in 0..ROUNDS {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(held(&envoy, HELD).await?);
        }
        wait_for(&envoy, ACTIVE, |active| active == CLIENTS).await?;
        press_until_idle(&file, &envoy).await?;
        for client in &mut clients {
            same("a large one", client.end_of(1).await?, StreamEnd::Cut)?;
        }
        press(&file, "0.1")?;
        wait_for(&envoy, &refused, |active| active == 0).await?;
        peaks.push(envoy.peak_memory()?);
    }
    let (first, last) = peaks.first().zip(peaks.last()).context("no round")?;
    ensure!(last - first < CLIENTS * HELD, "it grows: {peaks:?}");
    let request = Request::post("/").body(body("gpt-4o"));
    request
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    same("requests that got through", upstream.requests().len(), 1)
}
