//! Hooks of one stream's life: its filter, its events and its end.

use std::rc::Rc;
use std::sync::Arc;

use super::Hook;
use super::config::FilterConfig;
use crate::HttpBody;
use crate::abi::{
    FilterConfigModulePtr, FilterEnvoyPtr, FilterModulePtr, HttpCalloutResult, LocalReplyStatus,
    RawEnvoyBuffer, RawEnvoyHeader,
};
use crate::buffer::EnvoyBuffer;
use crate::filter::HttpFilter;
use crate::guard;
use crate::handle::{EnvoyEvent, EnvoyHttpFilter};
use crate::host::Host;
use crate::instance::{Instance, Verdict};
use crate::program;

/// The one way into a filter: checks the pointers, keeps the instance alive while `code` runs and
/// lets no panic out. Returns what `code` does, `pass` when there is nothing to run, and `stop` when
/// the stream was answered, reset or failed.
///
/// # Safety
/// Unless null, `module` must be what [`envoy_dynamic_module_on_http_filter_new`] returned, not
/// yet destroyed.
#[inline]
pub(super) unsafe fn enter<S: Copy>(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    hook: Hook,
    end_of_stream: bool,
    (pass, stop): (S, S),
    code: impl Fn(&dyn HttpFilter, &mut EnvoyHttpFilter) -> S,
) -> S {
    let mut status = pass;
    let mut code =
        |filter: &dyn HttpFilter, handle: &mut EnvoyHttpFilter| status = code(filter, handle);
    // SAFETY: as for this function.
    match unsafe { enter_any(envoy, module, hook, end_of_stream, &mut code) } {
        Verdict::Passed => status,
        Verdict::Stopped => stop,
    }
}

/// What [`enter`] shares between all hooks: compiled once, it stays in the processor's cache.
///
/// # Safety
/// As [`enter`].
#[inline(never)]
unsafe fn enter_any(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    hook: Hook,
    end_of_stream: bool,
    code: &mut dyn FnMut(&dyn HttpFilter, &mut EnvoyHttpFilter),
) -> Verdict {
    if envoy.is_null() || module.is_null() {
        return Verdict::Passed;
    }
    let module = module.cast::<Instance>();
    // SAFETY: `module` came from `Rc::into_raw` and Envoy still owns that reference; the handle's
    // keeps the instance until the hook is over, even if Envoy destroys the filter meanwhile.
    let (instance, shared) = unsafe {
        Rc::increment_strong_count(module);
        (&*module, Rc::from_raw(module))
    };
    let mut handle = EnvoyHttpFilter::new(shared, hook, end_of_stream);
    let verdict = guard::catch(|| instance.run(&mut handle, code)).unwrap_or_else(|panic| {
        panic.log(hook.name());
        guard::quietly(hook.name(), || instance.fail(&mut handle));
        Verdict::Stopped
    });
    guard::release(handle.into_instance());
    verdict
}

/// Whether the filter leaves out the hook of `body`, which then goes on.
///
/// # Safety
/// As [`enter`].
#[inline]
pub(super) unsafe fn leaves_out(
    module: FilterModulePtr,
    body: HttpBody,
    end_of_stream: bool,
) -> bool {
    // SAFETY: unless null, made by `Rc::into_raw` of this type and not destroyed; nothing runs that
    // could have Envoy destroy it meanwhile.
    let instance = unsafe { module.cast::<Instance>().as_ref() };
    instance.is_some_and(|instance| instance.leaves_out(body, end_of_stream))
}

/// Makes the filter of one stream. Never null: up to Envoy 1.39 that is a crash.
///
/// # Safety
/// Called by Envoy: `config` is what the configuration hook returned, `envoy` its filter object.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    config: FilterConfigModulePtr,
    envoy: FilterEnvoyPtr,
) -> FilterModulePtr {
    // SAFETY: unless null, made by `Box::into_raw` of this type, and not destroyed before its
    // streams.
    let config = unsafe { config.cast::<FilterConfig>().as_ref() };
    let callbacks = match config {
        Some(config) => Some(config.program.callbacks),
        None => program::current().map(|program| program.callbacks),
    };
    let Some(callbacks) = callbacks else {
        return std::ptr::null(); // not initialized: no Envoy would be here
    };
    let config = config.map(|config| Arc::clone(&config.config));
    // SAFETY: Envoy's filter object lives until it calls the destroy hook.
    let instance = unsafe { Instance::new(envoy, callbacks, config) };
    if envoy.is_null() {
        instance.destroy(); // inert: there is no stream to work on
    }
    Rc::into_raw(instance).cast()
}

/// Ends the filter of one stream; its pointer and Envoy's are gone afterwards.
///
/// # Safety
/// Called by Envoy, once, with what [`envoy_dynamic_module_on_http_filter_new`] returned.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(module: FilterModulePtr) {
    if module.is_null() {
        return;
    }
    // SAFETY: made by `Rc::into_raw`, and Envoy gives its reference back once.
    let instance = unsafe { Rc::from_raw(module.cast::<Instance>()) };
    guard::quietly("destroy", || instance.destroy());
    guard::drop_quietly(instance);
}

/// See [`HttpFilter::on_stream_complete`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
) {
    // SAFETY: unless null, made by `Rc::into_raw` of this type and not destroyed; nothing runs that
    // could have Envoy destroy it meanwhile.
    let instance = unsafe { module.cast::<Instance>().as_ref() };
    if instance.is_some_and(Instance::leaves_out_complete) {
        return;
    }
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::StreamComplete,
            false,
            ((), ()),
            |filter, handle| filter.on_stream_complete(handle),
        );
    }
}

/// See [`HttpFilter::on_local_reply`].
///
/// # Safety
/// Called by Envoy with its own filter object, the module's and a readable buffer.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_local_reply(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    code: u32,
    details: RawEnvoyBuffer,
    reset_imminent: bool,
) -> LocalReplyStatus {
    // A filter that failed has nothing to say about Envoy's answer.
    let values = (LocalReplyStatus::Continue, LocalReplyStatus::Continue);
    // SAFETY: Envoy's buffer is readable during the call, and the hook borrows it no longer.
    let details = unsafe { EnvoyBuffer::from_raw(details) };
    let hook = |filter: &dyn HttpFilter, handle: &mut EnvoyHttpFilter| {
        let status = filter.on_local_reply(handle, code, details, reset_imminent);
        handle.settle_local_reply(status)
    };
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe { enter(envoy, module, Hook::LocalReply, false, values, hook) }
}

/// See [`HttpFilter::on_scheduled`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    event_id: u64,
) {
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::Scheduled,
            false,
            ((), ()),
            |filter, handle| {
                let flow = filter.on_scheduled(EnvoyEvent::over(handle), event_id);
                handle.settle_event(flow);
            },
        );
    }
}

/// See [`HttpFilter::on_http_callout_done`].
///
/// # Safety
/// Called by Envoy with its own filter object, the module's, and lists of the given sizes or null.
#[allow(clippy::too_many_arguments)] // the ABI's
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_http_callout_done(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    callout_id: u64,
    result: u32,
    headers: *const RawEnvoyHeader,
    headers_size: usize,
    body: *const RawEnvoyBuffer,
    body_size: usize,
) {
    let code = |filter: &dyn HttpFilter, handle: &mut EnvoyHttpFilter| {
        // 1.36 passes 32 bits and leaves the register's other half undefined.
        let callout_id = match handle.host() {
            Host::V1_36 => callout_id & u64::from(u32::MAX),
            _ => callout_id,
        };
        // SAFETY: Envoy's list is readable during the call.
        let headers: Vec<_> = unsafe { list(headers, headers_size) }
            .iter()
            .map(|header| {
                // SAFETY: Envoy's headers are readable during the call, and the hook borrows them
                // no longer.
                unsafe {
                    (
                        EnvoyBuffer::from_raw_parts(header.key_ptr, header.key_length),
                        EnvoyBuffer::from_raw_parts(header.value_ptr, header.value_length),
                    )
                }
            })
            .collect();
        // SAFETY: as above.
        let body: Vec<_> = unsafe { list(body, body_size) }
            .iter()
            // SAFETY: as above.
            .map(|chunk| unsafe { EnvoyBuffer::from_raw(*chunk) })
            .collect();
        let result = HttpCalloutResult::from_raw(result);
        let instance = handle.instance();
        let _callout = instance.end_callout();
        let event = EnvoyEvent::over(handle);
        let flow = filter.on_http_callout_done(event, callout_id, result, &headers, &body);
        handle.settle_event(flow);
    };
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(envoy, module, Hook::HttpCalloutDone, false, ((), ()), code);
    }
}

/// A list of Envoy's; null is empty whatever the length says.
///
/// # Safety
/// Unless null, `first` must be readable for `length` items and for `'a`.
unsafe fn list<'a, T>(first: *const T, length: usize) -> &'a [T] {
    if first.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { std::slice::from_raw_parts(first, length) }
}

/// See [`HttpFilter::on_downstream_above_write_buffer_high_watermark`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
) {
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::AboveWriteBufferHighWatermark,
            false,
            ((), ()),
            |filter, handle| {
                filter.on_downstream_above_write_buffer_high_watermark(handle.metrics())
            },
        );
    }
}

/// See [`HttpFilter::on_downstream_below_write_buffer_low_watermark`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
) {
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::BelowWriteBufferLowWatermark,
            false,
            ((), ()),
            |filter, handle| {
                filter.on_downstream_below_write_buffer_low_watermark(handle.metrics())
            },
        );
    }
}
