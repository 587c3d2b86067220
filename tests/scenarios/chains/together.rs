//! Plays many cases at once, and reports every one that fails.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::Envoy;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How many cases are under way at once.
const AT_ONCE: usize = 32;

/// Cases with their names.
#[derive(Default)]
pub(crate) struct Together {
    cases: JoinSet<(String, Result<()>)>,
    permits: Option<Arc<Semaphore>>,
}

impl Together {
    /// Starts a case once there is room for it.
    pub(crate) fn play(
        &mut self,
        name: String,
        case: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        let permits = self
            .permits
            .get_or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        let permits = Arc::clone(permits);
        self.cases.spawn(async move {
            let _permit = permits.acquire().await;
            (name, case.await)
        });
    }

    /// Waits for all, and reports how many there were as `what`.
    ///
    /// # Errors
    /// Some failed: all of them by name.
    pub(crate) async fn finish(self, what: &str) -> Result<()> {
        let results = self.cases.join_all().await;
        let count = results.len();
        let failed = results.into_iter().filter_map(|(name, result)| {
            let error = result.err()?;
            Some(format!("{name}: {error:#}"))
        });
        let mut failed: Vec<String> = failed.collect();
        failed.sort();
        eprintln!("{what}: {count} cases, {} failed", failed.len());
        ensure!(
            failed.is_empty(),
            "{} of {count} cases failed\n{}\n",
            failed.len(),
            failed.join("\n")
        );
        Ok(())
    }
}

/// What the access log says behind `key` and a bar, once it does.
pub(crate) async fn logged(envoy: &Envoy, key: &str) -> Result<String> {
    let search = async {
        loop {
            let lines = envoy.access_log(0).await?;
            let mut found = lines
                .iter()
                .filter_map(|line| line.strip_prefix(key)?.strip_prefix('|'));
            if let Some(found) = found.next() {
                return Ok(found.to_owned());
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(Duration::from_secs(5), search).await;
    found.with_context(|| format!("no line {key} in the access log"))?
}
