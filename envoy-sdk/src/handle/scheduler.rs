//! Events from other threads.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use super::EnvoyOpenStream;
use crate::callbacks::Callbacks;

/// Wakes one stream's filter from any thread, until the stream is over.
#[derive(Debug)]
pub struct EnvoyHttpFilterScheduler {
    shared: Arc<Shared>,
}

/// Envoy's scheduler, until the stream ends: Envoy 1.36 and 1.37 follow a pointer to the worker in
/// it, and a thread of the module's may outlive the worker while Envoy exits.
#[derive(Debug)]
struct Shared {
    scheduler: Mutex<Option<Scheduler>>,
    callbacks: &'static Callbacks,
}

#[derive(Debug)]
struct Scheduler(NonNull<c_void>);

// SAFETY: Envoy's scheduler may be used and deleted on any thread: it only posts to the worker, and
// holds the filter weakly.
unsafe impl Send for Scheduler {}

impl Shared {
    /// Runs `code` on the scheduler, if it is still there. The lock keeps the stream from ending
    /// meanwhile; nothing that Envoy does with a scheduler waits for the stream.
    fn with(&self, code: impl FnOnce(&mut Option<Scheduler>)) {
        code(
            &mut self
                .scheduler
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn delete(&self) {
        self.with(|scheduler| {
            if let Some(Scheduler(scheduler)) = scheduler.take() {
                // SAFETY: made by Envoy, and taken out: nobody uses it after this.
                unsafe { self.callbacks.scheduler_delete(scheduler.as_ptr()) }
            }
        });
    }
}

impl EnvoyHttpFilterScheduler {
    /// Has [`crate::HttpFilter::on_scheduled`] called with `event_id` on the stream's worker thread,
    /// unless the stream is over by then.
    pub fn commit(&self, event_id: u64) {
        self.shared.with(|scheduler| {
            if let Some(Scheduler(scheduler)) = scheduler {
                // SAFETY: made by Envoy, and not deleted: that takes the lock.
                unsafe {
                    self.shared
                        .callbacks
                        .scheduler_commit(scheduler.as_ptr(), event_id);
                }
            }
        });
    }
}

impl Drop for EnvoyHttpFilterScheduler {
    fn drop(&mut self) {
        self.shared.delete();
    }
}

/// The schedulers that a stream has made.
#[derive(Debug, Default)]
pub(crate) struct Schedulers(RefCell<Vec<Arc<Shared>>>);

impl Schedulers {
    /// The stream is over: its schedulers do nothing any more.
    #[inline]
    pub(crate) fn end(&self) {
        if !self.0.borrow().is_empty() {
            self.0.take().iter().for_each(|shared| shared.delete());
        }
    }

    fn add(&self, shared: &Arc<Shared>) {
        let mut schedulers = self.0.borrow_mut();
        schedulers.retain(|shared| Arc::strong_count(shared) > 1);
        schedulers.push(Arc::clone(shared));
    }
}

impl EnvoyOpenStream {
    /// A scheduler for this filter. Inert when the stream is gone.
    pub fn new_scheduler(&mut self) -> EnvoyHttpFilterScheduler {
        let scheduler = self
            .callbacks()
            .and_then(|callbacks| NonNull::new(callbacks.scheduler_new()));
        let shared = Arc::new(Shared {
            scheduler: Mutex::new(scheduler.map(Scheduler)),
            callbacks: self.instance.callbacks(),
        });
        self.instance.schedulers().add(&shared);
        EnvoyHttpFilterScheduler { shared }
    }
}
