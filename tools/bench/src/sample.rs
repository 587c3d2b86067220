//! One measurement: a running Envoy under the load of one request.

use std::time::Duration;

use anyhow::Result;

use super::spread::{Spread, quantile};
use super::stage::Running;

/// What is sent before the measurement, for connections, caches and allocators to settle.
const WARM_UP: Duration = Duration::from_millis(300);

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Those answered.
    pub(super) requests: usize,
    /// Envoy's processor time per request, user and kernel mode.
    pub(super) cpu_microseconds: f64,
    pub(super) requests_per_second: f64,
    pub(super) p50_microseconds: f64,
    pub(super) p99_microseconds: f64,
    /// The most resident memory that Envoy ever had.
    pub(super) peak_memory_mebibytes: f64,
    /// The share of the time that Envoy computed.
    pub(super) envoy_busy: f64,
}

impl Sample {
    /// Sends this request over and over for this long.
    ///
    /// # Errors
    /// As [`Load::run`](super::load::Load::run).
    pub(super) fn take(running: &Running<'_>, request: &[u8], time: Duration) -> Result<Self> {
        let mut load = running.load()?;
        load.run(request, WARM_UP.min(time))?;
        let before = running.envoy.cpu_time()?;
        let served = load.run(request, time)?;
        let cpu = running
            .envoy
            .cpu_time()?
            .saturating_sub(before)
            .as_secs_f64();
        let mut latencies = served.latencies;
        latencies.sort_unstable();
        let requests = latencies.len();
        let microseconds = |share| quantile(&latencies, share).as_secs_f64() * 1e6;
        let elapsed = served.elapsed.as_secs_f64();
        Ok(Self {
            requests,
            cpu_microseconds: cpu / requests.max(1) as f64 * 1e6,
            requests_per_second: requests as f64 / elapsed,
            p50_microseconds: microseconds(0.5),
            p99_microseconds: microseconds(0.99),
            peak_memory_mebibytes: mebibytes(running.envoy.peak_memory()?),
            envoy_busy: cpu / elapsed,
        })
    }

    /// One of its figures over several rounds.
    pub(super) fn spread(samples: &[Self], of: fn(&Self) -> f64) -> Spread {
        Spread::of(samples.iter().map(of))
    }

    /// The processor time over that of the floor, within each round.
    pub(super) fn over(samples: &[Self], floor: &[Self]) -> Spread {
        let rounds = samples.iter().zip(floor);
        Spread::of(rounds.map(|(sample, floor)| sample.cpu_microseconds - floor.cpu_microseconds))
    }
}

pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn costs_are_counted_from_the_floor_of_the_same_round() {
        let samples = |cpu: [f64; 3]| {
            cpu.map(|cpu_microseconds| Sample {
                requests: 10,
                cpu_microseconds,
                requests_per_second: 0.0,
                p50_microseconds: 0.0,
                p99_microseconds: 0.0,
                peak_memory_mebibytes: 0.0,
                envoy_busy: 0.0,
            })
        };
        // A machine that grows slower, and a filter that always costs 2.
        let (floor, lua) = (samples([50.0, 60.0, 80.0]), samples([52.0, 62.0, 82.0]));
        let over = Sample::over(&lua, &floor);
        assert_eq!((over.lowest, over.median, over.highest), (2.0, 2.0, 2.0));
        let cpu = Sample::spread(&lua, |sample| sample.cpu_microseconds);
        assert_eq!(cpu.median, 62.0);
    }
}
