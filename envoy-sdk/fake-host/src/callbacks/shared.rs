//! Callbacks whose signature is the same in every release.

use std::ffi::c_void;
use std::sync::{Arc, PoisonError};

use envoy_proxy_dynamic_modules_rust_sdk::HttpBody;
use envoy_proxy_dynamic_modules_rust_sdk::abi::RawModuleHeader;

use super::{filter_callbacks, headers};
use crate::log;
use crate::stream::Events;

filter_callbacks! {
    get_most_specific_route_config(stream) -> *const c_void {
        let config = stream.route_config.borrow();
        config.as_ref().map_or(std::ptr::null(), |config| config.0.module)
    }

    http_clear_route_cache(stream) {
        stream.route_cache_cleared.set(stream.route_cache_cleared.get() + 1);
    }

    http_filter_continue_decoding(stream) {
        stream.resume(HttpBody::Request, true);
    }

    http_filter_continue_encoding(stream) {
        stream.resume(HttpBody::Response, true);
    }

    http_filter_get_attribute_int(stream, id: u32, result: *mut u64) -> bool {
        let value = stream.attribute_int(id);
        if let Some(value) = value {
            // SAFETY: the module's result is writable.
            unsafe { *result = value };
        }
        value.is_some()
    }

    http_filter_scheduler_new(stream) -> *mut c_void {
        Box::into_raw(Box::new(Arc::clone(&stream.events))).cast()
    }

    http_send_response_headers(stream, first: *const RawModuleHeader, size: usize, end: bool) {
        // SAFETY: the module's headers are readable.
        stream.send_response_headers(unsafe { headers(first, size) }, end);
    }

    http_send_response_trailers(stream, first: *const RawModuleHeader, size: usize) {
        // SAFETY: the module's trailers are readable.
        stream.send_response_trailers(unsafe { headers(first, size) });
    }
}

unsafe extern "C-unwind" fn http_filter_scheduler_commit(scheduler: *mut c_void, event: u64) {
    // SAFETY: made by `http_filter_scheduler_new` and not deleted.
    let events = unsafe { &*scheduler.cast::<Events>() };
    events
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push_back(event);
}

unsafe extern "C-unwind" fn http_filter_scheduler_delete(scheduler: *mut c_void) {
    // SAFETY: made by `http_filter_scheduler_new` and deleted once.
    drop(unsafe { Box::from_raw(scheduler.cast::<Events>()) });
}

unsafe extern "C-unwind" fn log_enabled(level: u32) -> bool {
    log::enabled(level)
}

/// Finds a callback by its name.
pub(crate) fn resolve(name: &str) -> Option<*const c_void> {
    match name {
        "http_filter_scheduler_commit" => Some(http_filter_scheduler_commit as *const c_void),
        "http_filter_scheduler_delete" => Some(http_filter_scheduler_delete as *const c_void),
        "log_enabled" => Some(log_enabled as *const c_void),
        _ => resolve_filter_callback(name),
    }
}
