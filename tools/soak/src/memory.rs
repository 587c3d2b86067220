//! Envoy's memory while the load goes on, and whether it stays flat.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::Envoy;
use serde_json::Value;

/// The time between two samples.
const PERIOD: Duration = Duration::from_secs(1);

/// One sample of so many is shown to who waits.
const SHOWN: usize = 30;

/// Fewer samples after the warm-up allow no verdict.
const FEWEST: usize = 8;

/// What counts as flat: so much for the run, for allocators and tables, and so much each time, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    run: f64,
    each: f64,
}

impl Bound {
    /// The smallest block that could be lost with each request is larger.
    pub(crate) const REQUESTS: Self = Self {
        run: 2.0 * 1024.0 * 1024.0,
        each: 8.0,
    };

    /// A version that is not freed has tables of ten thousand bytes and more.
    pub(crate) const UPDATES: Self = Self {
        run: 4.0 * 1024.0 * 1024.0,
        each: 200.0,
    };
}

/// Envoy at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) elapsed: Duration,
    pub(crate) done: u64,
    /// Bytes.
    pub(crate) resident: u64,
    /// Bytes that Envoy and its modules have allocated and not freed.
    pub(crate) allocated: u64,
    pub(crate) active: u64,
}

impl Sample {
    /// What Envoy has now.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) async fn take(envoy: &Envoy, elapsed: Duration, done: u64) -> Result<Self> {
        let memory: Value = serde_json::from_str(&envoy.admin("/memory").await?)?;
        let allocated = memory.get("allocated").and_then(Value::as_str);
        Ok(Self {
            elapsed,
            done,
            resident: envoy.memory()?,
            allocated: allocated.context("envoy reports no memory")?.parse()?,
            active: envoy.stat("http.main.downstream_rq_active").await?,
        })
    }
}

/// Takes samples until what it is raced with ends it.
///
/// # Errors
/// Envoy has ended.
pub(crate) async fn watch(
    envoy: &Envoy,
    done: impl Fn() -> u64,
    samples: &mut Vec<Sample>,
) -> Result<()> {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        ticks.tick().await;
        let sample = Sample::take(envoy, began.elapsed(), done()).await?;
        if samples.len().is_multiple_of(SHOWN) {
            eprintln!(
                "after {} s: {} done, {} active, {} KiB resident",
                sample.elapsed.as_secs(),
                sample.done,
                sample.active,
                sample.resident / 1024
            );
        }
        samples.push(sample);
    }
}

/// What the samples after the first tenth show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trend {
    /// What a straight line through them rises by, in bytes.
    pub(crate) resident: f64,
    pub(crate) allocated: f64,
    /// What it may rise by.
    pub(crate) bound: f64,
}

impl Trend {
    /// # Errors
    /// There are too few samples.
    pub(crate) fn of(samples: &[Sample], times: u64, bound: Bound) -> Result<Self> {
        let settled = settled(samples, times);
        ensure!(
            settled.len() >= FEWEST,
            "{} samples allow no verdict: the run has to be longer",
            settled.len()
        );
        Ok(Self {
            resident: rise(settled.iter().map(|sample| sample.point(sample.resident))),
            allocated: rise(settled.iter().map(|sample| sample.point(sample.allocated))),
            bound: bound.run + bound.each * times as f64,
        })
    }

    pub(crate) fn is_flat(&self) -> bool {
        self.resident <= self.bound && self.allocated <= self.bound
    }
}

impl Sample {
    fn point(&self, bytes: u64) -> (f64, f64) {
        (self.done as f64, bytes as f64)
    }
}

/// Those after the warm-up.
pub(crate) fn settled(samples: &[Sample], times: u64) -> Vec<Sample> {
    let warm = samples.iter().filter(|sample| sample.done >= times / 10);
    warm.copied().collect()
}

/// What the line of least squares rises by between the first and the last point.
fn rise(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let count = points.clone().count().max(1) as f64;
    let (x, y) = points
        .clone()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (mut product, mut square) = (0.0, 0.0);
    let (mut first, mut last) = (f64::INFINITY, f64::NEG_INFINITY);
    for point in points {
        product += (point.0 - x) * (point.1 - y);
        square += (point.0 - x) * (point.0 - x);
        (first, last) = (first.min(point.0), last.max(point.0));
    }
    match square > 0.0 {
        true => product / square * (last - first),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: impl Fn(u64) -> u64) -> Vec<Sample> {
        let sample = |second: u64| Sample {
            elapsed: Duration::from_secs(second),
            done: second * 10_000,
            resident: resident(second),
            allocated: 30_000_000,
            active: 0,
        };
        (0..100).map(sample).collect()
    }

    #[test]
    fn a_steady_level_is_flat_and_the_warm_up_does_not_count() {
        let noisy = samples(|second| match second {
            0..10 => 10_000_000 * second,
            _ => 100_000_000 + second * 7919 % 13 * 100_000,
        });
        let trend = Trend::of(&noisy, 1_000_000, Bound::REQUESTS).unwrap();
        assert!(trend.is_flat(), "{trend:?}");
    }

    #[test]
    fn sixteen_bytes_for_each_request_are_a_leak() {
        let leaking = samples(|second| 100_000_000 + second * 160_000);
        let trend = Trend::of(&leaking, 1_000_000, Bound::REQUESTS).unwrap();
        assert!(!trend.is_flat(), "{trend:?}");
        assert!((trend.resident - 89.0 * 160_000.0).abs() < 1.0, "{trend:?}");
    }

    #[test]
    fn few_samples_are_no_verdict() {
        let few = samples(|_| 1);
        let few = few.get(..15).unwrap();
        let error = Trend::of(few, 1_000_000, Bound::REQUESTS).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("longer"), "{error}");
    }
}
