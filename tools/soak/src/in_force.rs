//! Which versions of a resource may answer now.

use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a worker on a busy machine may have what Envoy's main thread has replaced.
const LAG: Duration = Duration::from_secs(1);

/// The versions of one resource, and since when each is applied.
#[derive(Debug)]
pub(crate) struct InForce(Mutex<Versions>);

#[derive(Debug)]
struct Versions {
    written: u32,
    /// Oldest first.
    applied: Vec<(Instant, u32)>,
}

impl InForce {
    pub(crate) fn new(first: u32) -> Self {
        Self(Mutex::new(Versions {
            written: first,
            applied: vec![(Instant::now(), first)],
        }))
    }

    /// Envoy may apply this one from now on.
    pub(crate) fn write(&self, version: u32) {
        self.versions().written = version;
    }

    /// Envoy has applied this one.
    pub(crate) fn apply(&self, version: u32) {
        self.versions().applied.push((Instant::now(), version));
    }

    /// Those that may have answered what began then and has ended now.
    pub(crate) fn since(&self, began: Instant) -> RangeInclusive<u32> {
        let versions = self.versions();
        let settled = |(at, _): &&(Instant, u32)| *at + LAG <= began;
        let oldest = versions.applied.iter().rfind(settled);
        let oldest = oldest.or(versions.applied.first());
        oldest.map_or(0, |(_, version)| *version)..=versions.written
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_long_ago_may_not_answer() {
        let in_force = InForce::new(1);
        in_force.write(2);
        let now = Instant::now();
        assert_eq!(in_force.since(now), 1..=2);
        in_force.apply(2);
        assert_eq!(in_force.since(now + LAG * 2), 2..=2);
    }
}
