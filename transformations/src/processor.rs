//! Processor time, for tests that bound it: other programs may run at the same time.

use std::time::Duration;

/// How long this thread has run on a processor, where the system tells.
pub(crate) fn time() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = times.split(' ').next().and_then(|time| time.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// The steps of a render or evaluation. Unoptimised code is about as much slower as this is less.
pub(crate) const FUEL: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    1_000_000
};

/// The most that one render or evaluation may take: more in unoptimised code.
pub(crate) const BOUND: Duration =
    Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 200 });
