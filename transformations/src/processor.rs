//! Processor time, for what bounds it: other threads may run at the same time.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// How long this thread has run on a processor.
pub(crate) fn time() -> Duration {
    // Linux has the clock of every thread.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// The steps of a render or evaluation. Unoptimised code is about as much slower as this is less.
#[cfg(test)]
pub(crate) const FUEL: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    1_000_000
};

/// The most that one render or evaluation may take: more in unoptimised code.
#[cfg(test)]
pub(crate) const BOUND: Duration =
    Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 200 });
