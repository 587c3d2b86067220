//! Which versions of a resource may answer now.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The versions of one resource, and since when each is written or applied.
#[derive(Debug)]
pub(super) struct InForce {
    /// A worker may take this long to see what Envoy's main thread has applied.
    lag: Duration,
    versions: Mutex<Versions>,
}

#[derive(Debug)]
struct Versions {
    written: u32,
    /// Oldest first.
    applied: Vec<(Instant, u32)>,
}

impl InForce {
    pub(super) fn new(first: u32, lag: Duration) -> Self {
        let versions = Mutex::new(Versions {
            written: first,
            applied: vec![(Instant::now(), first)],
        });
        Self { lag, versions }
    }

    pub(super) fn write(&self, version: u32) {
        self.versions().written = version;
    }

    pub(super) fn apply(&self, version: u32) {
        let now = Instant::now();
        self.versions().applied.push((now, version));
    }

    /// The versions that may have answered what began then and has ended now.
    pub(super) fn since(&self, began: Instant) -> RangeInclusive<u32> {
        let versions = self.versions();
        let settled = |(at, _): &&(Instant, u32)| *at + self.lag <= began;
        let oldest = versions.applied.iter().rfind(settled);
        let oldest = oldest.or(versions.applied.first());
        oldest.map_or(0, |(_, version)| *version)..=versions.written
    }

    fn versions(&self) -> std::sync::MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
