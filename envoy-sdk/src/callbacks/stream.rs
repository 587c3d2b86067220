//! Routes, callouts, events and the small things of a stream.

use std::ffi::c_void;

use super::{Callbacks, FilterCallbacks, Generation};
use crate::abi::{PerRouteConfigModulePtr, RawModuleBuffer, RawModuleHeader};

impl FilterCallbacks {
    /// Has Envoy match the route again.
    pub(crate) fn clear_route_cache(self) {
        // SAFETY: the filter is live.
        unsafe { (self.callbacks.shared.http_clear_route_cache)(self.filter) }
    }

    /// Has Envoy choose the cluster of the route again; false before 1.38.
    pub(crate) fn clear_route_cluster_cache(self) -> bool {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return false;
        };
        let Some(clear) = table.http_clear_route_cluster_cache else {
            return false;
        };
        // SAFETY: the filter is live.
        unsafe { clear(self.filter) };
        true
    }

    /// What the module returned for the per-route configuration that applies; null when none.
    pub(crate) fn most_specific_route_config(self) -> PerRouteConfigModulePtr {
        // SAFETY: the filter is live.
        unsafe { (self.callbacks.shared.get_most_specific_route_config)(self.filter) }
    }

    /// Starts an HTTP callout. `own_id` identifies it on 1.36, later releases choose the id.
    /// Envoy's result code and the id.
    pub(crate) fn http_callout(
        self,
        own_id: u32,
        cluster: &str,
        headers: &[RawModuleHeader],
        body: &[u8],
        timeout_milliseconds: u64,
    ) -> (u32, u64) {
        let cluster = RawModuleBuffer::new(cluster.as_bytes());
        let body = RawModuleBuffer::new(body);
        match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let start = table.http_filter_http_callout;
                // SAFETY: the filter is live; Envoy copies the arguments.
                let result = unsafe {
                    start(
                        self.filter,
                        own_id,
                        cluster.ptr,
                        cluster.length,
                        headers.as_ptr(),
                        headers.len(),
                        body.ptr,
                        body.length,
                        timeout_milliseconds,
                    )
                };
                (result, own_id.into())
            }
            Generation::V1_37(table) => {
                let start = table.http_filter_http_callout;
                let mut id = 0;
                // SAFETY: the filter is live; Envoy copies the arguments.
                let result = unsafe {
                    start(
                        self.filter,
                        &mut id,
                        cluster,
                        headers.as_ptr(),
                        headers.len(),
                        body,
                        timeout_milliseconds,
                    )
                };
                (result, id)
            }
        }
    }

    /// A scheduler of this filter.
    pub(crate) fn scheduler_new(self) -> *mut c_void {
        // SAFETY: the filter is live.
        unsafe { (self.callbacks.shared.http_filter_scheduler_new)(self.filter) }
    }

    /// The worker thread this stream belongs to; `None` before 1.38.
    pub(crate) fn worker_index(self) -> Option<u32> {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return None;
        };
        let index = table.http_filter_get_worker_index?;
        // SAFETY: the filter is live.
        Some(unsafe { index(self.filter) })
    }

    /// Adds a flag for the access log; false on 1.36.
    pub(crate) fn add_custom_flag(self, flag: &str) -> bool {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return false;
        };
        let flag = RawModuleBuffer::new(flag.as_bytes());
        // SAFETY: the filter is live; Envoy copies the flag.
        unsafe { (table.http_add_custom_flag)(self.filter, flag) };
        true
    }

    /// Tags the active span; false when there is none or before 1.38.
    pub(crate) fn set_span_tag(self, key: &str, value: &str) -> bool {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return false;
        };
        let (Some(active), Some(set)) = (table.http_get_active_span, table.http_span_set_tag)
        else {
            return false;
        };
        // SAFETY: the filter is live.
        let span = unsafe { active(self.filter) };
        if span.is_null() {
            return false;
        }
        let key = RawModuleBuffer::new(key.as_bytes());
        let value = RawModuleBuffer::new(value.as_bytes());
        // SAFETY: the span is live while the filter is; Envoy copies the tag.
        unsafe { set(span, key, value) };
        true
    }
}

impl Callbacks {
    /// Schedules `event_id` on the filter's worker; from any thread.
    ///
    /// # Safety
    /// `scheduler` came from [`FilterCallbacks::scheduler_new`] and is not deleted.
    pub(crate) unsafe fn scheduler_commit(&self, scheduler: *mut c_void, event_id: u64) {
        // SAFETY: the caller vouches for the scheduler; Envoy checks that the filter lives.
        unsafe { (self.shared.http_filter_scheduler_commit)(scheduler, event_id) }
    }

    /// Deletes a scheduler; from any thread.
    ///
    /// # Safety
    /// As [`Self::scheduler_commit`]; the scheduler is gone afterwards.
    pub(crate) unsafe fn scheduler_delete(&self, scheduler: *mut c_void) {
        // SAFETY: the caller vouches for the scheduler.
        unsafe { (self.shared.http_filter_scheduler_delete)(scheduler) }
    }
}
