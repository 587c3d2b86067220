//! Events from other threads.

use std::ffi::c_void;
use std::ptr::NonNull;

use super::EnvoyHttpFilter;
use crate::callbacks::Callbacks;

/// Wakes one stream's filter from any thread.
#[derive(Debug)]
pub struct EnvoyHttpFilterScheduler {
    scheduler: Option<NonNull<c_void>>,
    callbacks: &'static Callbacks,
}

// SAFETY: Envoy's scheduler may be used and deleted on any thread: it only posts to the worker, and
// holds the filter weakly.
unsafe impl Send for EnvoyHttpFilterScheduler {}
// SAFETY: as above; committing changes nothing in the scheduler.
unsafe impl Sync for EnvoyHttpFilterScheduler {}

impl EnvoyHttpFilterScheduler {
    /// Has [`crate::HttpFilter::on_scheduled`] called with `event_id` on the stream's worker thread,
    /// unless the stream is gone by then.
    pub fn commit(&self, event_id: u64) {
        if let Some(scheduler) = self.scheduler {
            // SAFETY: made by Envoy, deleted only by `drop`.
            unsafe {
                self.callbacks
                    .scheduler_commit(scheduler.as_ptr(), event_id)
            }
        }
    }
}

impl Drop for EnvoyHttpFilterScheduler {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler {
            // SAFETY: made by Envoy and not used after this.
            unsafe { self.callbacks.scheduler_delete(scheduler.as_ptr()) }
        }
    }
}

impl EnvoyHttpFilter {
    /// A scheduler for this filter. Inert when the stream is gone.
    pub fn new_scheduler(&mut self) -> EnvoyHttpFilterScheduler {
        let scheduler = self
            .callbacks()
            .and_then(|callbacks| NonNull::new(callbacks.scheduler_new()));
        EnvoyHttpFilterScheduler {
            scheduler,
            callbacks: self.instance.callbacks(),
        }
    }
}
