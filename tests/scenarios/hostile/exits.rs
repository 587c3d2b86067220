//! Envoy exits while threads of the module still work.

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};

use super::cases::Case;
use super::rig::{Rig, play};
use crate::stage::Stage;

const ROUNDS: usize = 3;
const STREAMS: usize = 12;

/// Threads commit to schedulers without an end: of streams that are held, and of some that are over.
pub(crate) async fn envoy_exits_while_threads_schedule(stage: &Stage) -> Result<()> {
    let cases = [
        "request_headers=schedule_forever,stop | Alone | Proxied | (Http1, Get)",
        "request_headers=schedule_forever,continue | Alone | Direct | (Http2, Get)",
        "request_headers=schedule_forever,stop_all_and_buffer | Twice | Proxied | (Http2, Chunks)",
        "response_headers=schedule_forever,stop | Alone | Cluster | (Http1, Chunks)",
    ];
    let cases: Option<Vec<Case>> = cases.into_iter().map(Case::parse).collect();
    let cases = cases.context("no case")?;
    for round in 0..ROUNDS {
        let rig = Rig::start(stage).await?;
        let mut streams = JoinSet::new();
        for case in cases.iter().cycle().take(STREAMS) {
            let case = case.clone();
            let address = rig.address(case.listener())?;
            streams.spawn(async move { play(&case, address).await });
        }
        let all_schedule = async {
            while rig.count("schedule_forever").await? < STREAMS as u64 {
                sleep(Duration::from_millis(10)).await;
            }
            anyhow::Ok(())
        };
        timeout(Duration::from_secs(10), all_schedule)
            .await
            .context("not all streams schedule")??;
        let status = rig.envoy.terminate().await?;
        let log = rig.envoy.log();
        ensure!(status.success(), "round {round}: {status}\n{log}");
    }
    Ok(())
}
