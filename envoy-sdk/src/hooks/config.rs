//! Hooks of configurations.
//!
//! Envoy 1.36 passes names and bytes as pointer and length, later releases as a struct of the two.
//! Both calling conventions Envoy runs on (x86-64 System V, AArch64) put either into the same
//! registers, so one function serves both.

use std::sync::Arc;

use crate::abi::{
    FilterConfigEnvoyPtr, FilterConfigModulePtr, PerRouteConfigModulePtr, RawEnvoyBuffer,
};
use crate::buffer::EnvoyBuffer;
use crate::callbacks::ConfigCallbacks;
use crate::filter::HttpFilterConfig;
use crate::filter_config::EnvoyHttpFilterConfig;
use crate::program::{self, Program};
use crate::{envoy_log_error, guard, route_config};

/// What a [`FilterConfigModulePtr`] points to.
pub(crate) struct FilterConfig {
    pub(crate) program: Program,
    pub(crate) config: Arc<dyn HttpFilterConfig>,
}

/// The filter name as text; an error is logged and rejects the configuration.
///
/// # Safety
/// Unless null, `ptr` must be readable for `length` bytes during the call.
unsafe fn filter_name<'a>(ptr: *const u8, length: usize) -> Option<&'a str> {
    let raw = RawEnvoyBuffer { ptr, length };
    // SAFETY: the caller vouches for the bytes.
    let name = unsafe { EnvoyBuffer::from_raw(raw) };
    name.to_str()
        .inspect_err(|error| {
            envoy_log_error!("filter_name: {error}: name the filter in UTF-8");
        })
        .ok()
}

/// Makes a filter configuration; null rejects it.
///
/// # Safety
/// Called by Envoy: `envoy` is its configuration object, the buffers are readable.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    envoy: FilterConfigEnvoyPtr,
    name_ptr: *const u8,
    name_length: usize,
    config_ptr: *const u8,
    config_length: usize,
) -> FilterConfigModulePtr {
    let config = guard::quietly("config_new", || {
        if envoy.is_null() {
            return None;
        }
        let program = program::for_configuration()?;
        // SAFETY: Envoy's buffers are readable during the call.
        let name = unsafe { filter_name(name_ptr, name_length) }?;
        // SAFETY: as above.
        let config = unsafe { EnvoyBuffer::from_raw_parts(config_ptr, config_length) };
        // SAFETY: not null, and Envoy's object lives during the call, as does the handle.
        let callbacks = unsafe { ConfigCallbacks::new(envoy, program.callbacks) };
        let mut handle = EnvoyHttpFilterConfig::new(callbacks, program.callbacks.host());
        let config = (program.module.new_http_filter_config)(&mut handle, name, &config)?;
        Some(Box::new(FilterConfig {
            program,
            config: Arc::from(config),
        }))
    });
    config
        .flatten()
        .map_or(std::ptr::null(), |config| Box::into_raw(config).cast())
}

/// Drops a filter configuration.
///
/// # Safety
/// Called by Envoy, once, with what [`envoy_dynamic_module_on_http_filter_config_new`] returned.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(
    config: FilterConfigModulePtr,
) {
    if config.is_null() {
        return;
    }
    // SAFETY: made by `Box::into_raw` of this type, and Envoy gives it back once.
    let config = unsafe { Box::from_raw(config.cast_mut().cast::<FilterConfig>()) };
    guard::drop_quietly(config);
}

/// An event of a configuration's scheduler: this crate makes no such scheduler.
///
/// # Safety
/// Called by Envoy; nothing is read.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    _envoy: FilterConfigEnvoyPtr,
    _config: FilterConfigModulePtr,
    _event_id: u64,
) {
}

/// Makes a per-route configuration; null rejects it.
///
/// # Safety
/// Called by Envoy: the buffers are readable.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_new(
    name_ptr: *const u8,
    name_length: usize,
    config_ptr: *const u8,
    config_length: usize,
) -> PerRouteConfigModulePtr {
    let config = guard::quietly("per_route_config_new", || {
        let program = program::for_configuration()?;
        // SAFETY: Envoy's buffers are readable during the call.
        let name = unsafe { filter_name(name_ptr, name_length) }?;
        // SAFETY: as above.
        let config = unsafe { EnvoyBuffer::from_raw_parts(config_ptr, config_length) };
        let config = (program.module.new_http_filter_per_route_config)(name, &config)?;
        let address = route_config::keep(Arc::from(config));
        if address.is_none() {
            envoy_log_error!("{name}: too many routes configure this module; refused, use fewer");
        }
        address
    });
    config.flatten().unwrap_or(std::ptr::null())
}

/// Lets go of a per-route configuration, on any thread; streams may still hold it.
///
/// # Safety
/// Called by Envoy with what [`envoy_dynamic_module_on_http_filter_per_route_config_new`] returned,
/// when no route has it any more.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_destroy(
    config: PerRouteConfigModulePtr,
) {
    guard::drop_quietly(route_config::release(config));
}
