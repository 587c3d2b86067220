//! Who asks while others attack.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{Protocol, Request};
use tokio::time::sleep;

use super::target::body;
use crate::gateway::Gateway;
use crate::stage::{only, same};

/// How many requests are answered beside each attack, at least.
const ENOUGH: usize = 4;

/// What they leave between two requests: the flood is what Envoy is to be busy with.
const PAUSE: Duration = Duration::from_millis(10);

/// How long an answer may take: a machine is shared, and its clocks are coarse.
const PATIENCE: Duration = Duration::from_secs(3);

/// Plays an attack. All the while others ask, and get the right answers in time.
pub(super) async fn unharmed(
    gateway: &Gateway,
    what: &str,
    attack: impl Future<Output = Result<()>>,
) -> Result<()> {
    let over = AtomicBool::new(false);
    let attacking = async {
        let attacked = attack.await;
        over.store(true, Ordering::Relaxed);
        attacked
    };
    let asking = async {
        let mut answered = 0;
        while answered < ENOUGH || !over.load(Ordering::Relaxed) {
            ask(gateway, answered).await.context("a bystander")?;
            answered += 1;
            sleep(PAUSE).await;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(attacking, asking).with_context(|| what.to_owned())?;
    Ok(())
}

async fn ask(gateway: &Gateway, number: usize) -> Result<()> {
    let (model, upstream) = [("gpt-4o", "routed"), ("other", "fallback")][number % 2];
    let protocol = [Protocol::Http1, Protocol::Http2][number / 2 % 2];
    let asked = Instant::now();
    let request = Request::post("/").by(protocol).body(body(model));
    let answer = request.send(gateway.address).await?.expect_status(200)?;
    same(
        "served by",
        only(&answer.headers, "x-served-by")?.as_str(),
        upstream,
    )?;
    let taken = asked.elapsed();
    ensure!(taken < PATIENCE, "answered after {taken:?}");
    Ok(())
}
