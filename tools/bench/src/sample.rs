//! One measurement: a running Envoy under the load of one request.

use std::time::Duration;

use anyhow::Result;

use super::load::Load;
use super::spread::{Spread, quantile};
use super::stage::Running;

/// What is sent before the measurement, for connections, caches and allocators to settle.
const WARM_UP: Duration = Duration::from_millis(300);

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Those answered.
    pub(super) requests: usize,
    /// Those that were due and not sent.
    pub(super) missed: usize,
    /// The processor time of Envoy and the router per request, user and kernel mode.
    pub(super) cpu_microseconds: f64,
    /// The router's part of it.
    pub(super) router_microseconds: f64,
    pub(super) requests_per_second: f64,
    pub(super) p50_microseconds: f64,
    pub(super) p99_microseconds: f64,
    pub(super) p999_microseconds: f64,
    /// The most resident memory that Envoy ever had.
    pub(super) peak_memory_mebibytes: f64,
    /// The share of the time that Envoy computed.
    pub(super) envoy_busy: f64,
}

impl Sample {
    /// Sends this request over and over for this long.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub(super) fn take(running: &Running<'_>, request: &[u8], time: Duration) -> Result<Self> {
        Self::under(&mut running.load()?, running, request, time)
    }

    /// The same with this load, whichever way it takes to the measured Envoy.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub(super) fn under(
        load: &mut Load,
        running: &Running<'_>,
        request: &[u8],
        time: Duration,
    ) -> Result<Self> {
        load.run(request, WARM_UP.min(time))?;
        let before = running.cpu_time()?;
        let served = load.run(request, time)?;
        let cpu = running.cpu_time()?.since(before);
        let mut latencies = served.latencies;
        latencies.sort_unstable();
        let requests = latencies.len();
        let microseconds = |share| quantile(&latencies, share).as_secs_f64() * 1e6;
        let elapsed = served.elapsed.as_secs_f64();
        let per_request = |seconds: f64| seconds / requests.max(1) as f64 * 1e6;
        Ok(Self {
            requests,
            missed: served.missed,
            cpu_microseconds: per_request(cpu.envoy.as_secs_f64() + cpu.router.as_secs_f64()),
            router_microseconds: per_request(cpu.router.as_secs_f64()),
            requests_per_second: requests as f64 / elapsed,
            p50_microseconds: microseconds(0.5),
            p99_microseconds: microseconds(0.99),
            p999_microseconds: microseconds(0.999),
            peak_memory_mebibytes: mebibytes(running.envoy.peak_memory()?),
            envoy_busy: cpu.envoy.as_secs_f64() / elapsed,
        })
    }

    /// One of its figures over several rounds.
    pub(super) fn spread(samples: &[Self], of: fn(&Self) -> f64) -> Spread {
        Spread::of(samples.iter().map(of))
    }

    /// The processor time over that of the floor, within each round.
    pub(super) fn over(samples: &[Self], floor: &[Self]) -> Spread {
        Spread::of(Self::added(samples, floor, |sample| {
            sample.cpu_microseconds
        }))
    }

    /// One of its figures less that of the floor, round by round.
    pub(super) fn added(samples: &[Self], floor: &[Self], of: fn(&Self) -> f64) -> Vec<f64> {
        let rounds = samples.iter().zip(floor);
        rounds
            .map(|(sample, floor)| of(sample) - of(floor))
            .collect()
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
                cpu_microseconds,
                ..Sample::default()
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
