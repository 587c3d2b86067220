//! Callbacks of 1.37.0 and later: pointer and length together.

use std::ffi::{c_char, c_void};

use envoy_proxy_dynamic_modules_rust_sdk::HttpBody;
use envoy_proxy_dynamic_modules_rust_sdk::abi::{
    FilterConfigEnvoyPtr, RawEnvoyBuffer, RawEnvoyHeader, RawModuleBuffer, RawModuleHeader,
};

use super::{
    body_type, buffer, buffer_text, config, filter_callbacks, header_type, headers, texts,
};
use crate::log;
use crate::message::{Callout, LocalReply, MetadataValue};
use crate::metrics::{Change, Kind, SUCCESS};
use crate::stream::Stream;

/// Writes a value to the module's result; none leaves it.
///
/// # Safety
/// `result` is writable.
unsafe fn write<T: Copy>(value: Option<T>, result: *mut T) -> bool {
    if let Some(value) = value {
        // SAFETY: the caller vouches for it.
        unsafe { *result = value };
    }
    value.is_some()
}

/// Fills the module's list.
///
/// # Safety
/// `first` is writable for as many items.
unsafe fn fill<T>(items: Option<Vec<T>>, first: *mut T) -> bool {
    let Some(items) = items else {
        return false;
    };
    for (index, item) in items.into_iter().enumerate() {
        // SAFETY: the caller vouches for it.
        unsafe { first.add(index).write(item) };
    }
    true
}

filter_callbacks! {
    http_get_header(
        stream, map: u32, key: RawModuleBuffer, result: *mut RawEnvoyBuffer, index: usize, count: *mut usize,
    ) -> bool {
        // SAFETY: the module's name is readable, its results writable or null.
        unsafe {
            let (value, values) = stream.header(header_type(map), &buffer_text(key), index);
            if !count.is_null() {
                *count = values;
            }
            *result = value.unwrap_or(RawEnvoyBuffer::EMPTY);
            value.is_some()
        }
    }

    http_get_headers_size(stream, map: u32) -> usize {
        stream.headers_size(header_type(map))
    }

    http_get_headers(stream, map: u32, first: *mut RawEnvoyHeader) -> bool {
        // SAFETY: the module's list has room for every header.
        unsafe { fill(stream.headers_list(header_type(map)), first) }
    }

    http_set_header(stream, map: u32, key: RawModuleBuffer, value: RawModuleBuffer) -> bool {
        // SAFETY: the module's name and value are readable.
        let (name, value) = unsafe { (buffer_text(key), buffer(value)) };
        stream.set_header(header_type(map), &name, (!value.is_empty()).then_some(value))
    }

    http_add_header(stream, map: u32, key: RawModuleBuffer, value: RawModuleBuffer) -> bool {
        // SAFETY: the module's name and value are readable.
        let (name, value) = unsafe { (buffer_text(key), buffer(value)) };
        stream.add_header(header_type(map), &name, value)
    }

    http_get_body_chunks(stream, body: u32, first: *mut RawEnvoyBuffer) -> bool {
        // SAFETY: the module's list has room for every chunk.
        unsafe { fill(stream.chunks(body_type(body)), first) }
    }

    http_get_body_chunks_size(stream, body: u32) -> usize {
        stream.chunks(body_type(body)).map_or(0, |chunks| chunks.len())
    }

    http_get_body_size(stream, body: u32) -> usize {
        stream.body_size(body_type(body))
    }

    http_append_body(stream, body: u32, data: RawModuleBuffer) -> bool {
        // SAFETY: the module's data is readable.
        stream.append(body_type(body), unsafe { buffer(data) })
    }

    http_drain_body(stream, body: u32, size: usize) -> bool {
        stream.drain(body_type(body), size)
    }

    http_received_buffered_request_body(stream) -> bool {
        stream.received_is_buffered(HttpBody::Request)
    }

    http_received_buffered_response_body(stream) -> bool {
        stream.received_is_buffered(HttpBody::Response)
    }

    http_get_buffer_limit(stream) -> u64 {
        stream.buffer_limit.get()
    }

    http_set_buffer_limit(stream, limit: u64) {
        stream.buffer_limit.set(limit);
    }

    http_send_response(
        stream, status: u32, first: *const RawModuleHeader, size: usize, body: RawModuleBuffer,
        details: RawModuleBuffer,
    ) {
        // SAFETY: the module's arguments are readable.
        let (headers, body, details) =
            unsafe { (headers(first, size), buffer(body).to_vec(), buffer_text(details)) };
        stream.send_response(LocalReply { status, headers, body, details });
    }

    http_send_response_data(stream, data: RawModuleBuffer, end: bool) {
        // SAFETY: the module's data is readable.
        stream.send_response_data(unsafe { buffer(data) }, end);
    }

    http_filter_reset_stream(stream, reason: u32, details: RawModuleBuffer) {
        // SAFETY: the module's details are readable.
        stream.reset_stream(reason, unsafe { buffer_text(details) });
    }

    http_clear_route_cluster_cache(stream) {
        let cleared = &stream.route_cluster_cache_cleared;
        cleared.set(cleared.get() + 1);
    }

    http_get_cluster_name(stream, result: *mut RawEnvoyBuffer) -> bool {
        // SAFETY: the module's result is writable.
        unsafe { write(stream.cluster_name(), result) }
    }

    http_set_dynamic_metadata_string(stream, ns: RawModuleBuffer, key: RawModuleBuffer, value: RawModuleBuffer) {
        // SAFETY: the module's arguments are readable.
        let (ns, key, value) = unsafe { (buffer_text(ns), buffer_text(key), buffer_text(value)) };
        stream.set_dynamic_metadata(ns, key, MetadataValue::String(value));
    }

    http_set_dynamic_metadata_number(stream, ns: RawModuleBuffer, key: RawModuleBuffer, value: f64) {
        // SAFETY: the module's arguments are readable.
        let (ns, key) = unsafe { (buffer_text(ns), buffer_text(key)) };
        stream.set_dynamic_metadata(ns, key, MetadataValue::Number(value));
    }

    http_set_dynamic_metadata_bool(stream, ns: RawModuleBuffer, key: RawModuleBuffer, value: bool) {
        // SAFETY: the module's arguments are readable.
        let (ns, key) = unsafe { (buffer_text(ns), buffer_text(key)) };
        stream.set_dynamic_metadata(ns, key, MetadataValue::Bool(value));
    }

    http_get_metadata_string(
        stream, source: u32, ns: RawModuleBuffer, key: RawModuleBuffer, result: *mut RawEnvoyBuffer,
    ) -> bool {
        // SAFETY: the module's arguments are readable, its result writable.
        unsafe { write(stream.metadata_string(source, buffer_text(ns), buffer_text(key)), result) }
    }

    http_get_metadata_number(
        stream, source: u32, ns: RawModuleBuffer, key: RawModuleBuffer, result: *mut f64,
    ) -> bool {
        // SAFETY: the module's arguments are readable, its result writable.
        unsafe { write(stream.metadata_number(source, &buffer_text(ns), &buffer_text(key)), result) }
    }

    http_get_metadata_bool(
        stream, source: u32, ns: RawModuleBuffer, key: RawModuleBuffer, result: *mut bool,
    ) -> bool {
        // SAFETY: the module's arguments are readable, its result writable.
        unsafe {
            let value = match stream.metadata(source, &buffer_text(ns), &buffer_text(key)) {
                Some(MetadataValue::Bool(value)) => Some(value),
                _ => None,
            };
            write(value, result)
        }
    }

    http_set_filter_state_bytes(stream, key: RawModuleBuffer, value: RawModuleBuffer) -> bool {
        // SAFETY: the module's arguments are readable.
        unsafe { stream.set_filter_state_bytes(buffer(key), buffer(value)) }
    }

    http_get_filter_state_bytes(stream, key: RawModuleBuffer, result: *mut RawEnvoyBuffer) -> bool {
        // SAFETY: the module's key is readable, its result writable.
        unsafe { write(stream.filter_state_bytes(buffer(key)), result) }
    }

    http_filter_get_attribute_string(stream, id: u32, result: *mut RawEnvoyBuffer) -> bool {
        // SAFETY: the module's result is writable.
        unsafe { write(stream.attribute_string(id), result) }
    }

    http_filter_get_attribute_bool(stream, id: u32, result: *mut bool) -> bool {
        // SAFETY: the module's result is writable.
        unsafe { write(stream.attribute_bool(id), result) }
    }

    http_filter_increment_counter(
        stream, id: usize, labels: *const RawModuleBuffer, size: usize, value: u64,
    ) -> u32 {
        // SAFETY: the module's labels are readable.
        unsafe { change(stream, Kind::Counter, Change::Add, id, (labels, size), value) }
    }

    http_filter_increment_gauge(
        stream, id: usize, labels: *const RawModuleBuffer, size: usize, value: u64,
    ) -> u32 {
        // SAFETY: the module's labels are readable.
        unsafe { change(stream, Kind::Gauge, Change::Add, id, (labels, size), value) }
    }

    http_filter_decrement_gauge(
        stream, id: usize, labels: *const RawModuleBuffer, size: usize, value: u64,
    ) -> u32 {
        // SAFETY: the module's labels are readable.
        unsafe { change(stream, Kind::Gauge, Change::Subtract, id, (labels, size), value) }
    }

    http_filter_set_gauge(
        stream, id: usize, labels: *const RawModuleBuffer, size: usize, value: u64,
    ) -> u32 {
        // SAFETY: the module's labels are readable.
        unsafe { change(stream, Kind::Gauge, Change::Set, id, (labels, size), value) }
    }

    http_filter_record_histogram_value(
        stream, id: usize, labels: *const RawModuleBuffer, size: usize, value: u64,
    ) -> u32 {
        // SAFETY: the module's labels are readable.
        unsafe { change(stream, Kind::Histogram, Change::Record, id, (labels, size), value) }
    }

    http_filter_http_callout(
        stream, id: *mut u64, cluster: RawModuleBuffer, first: *const RawModuleHeader, size: usize,
        body: RawModuleBuffer, timeout_milliseconds: u64,
    ) -> u32 {
        // Never the id that a module would choose itself.
        let new = 1000 + stream.callouts.borrow().len() as u64;
        // SAFETY: the module's arguments are readable, its result writable.
        let (cluster, headers, body) = unsafe {
            *id = new;
            (buffer_text(cluster), headers(first, size), buffer(body).to_vec())
        };
        stream.start_callout(Callout { id: new, cluster, headers, body, timeout_milliseconds })
    }

    http_filter_get_worker_index(_stream) -> u32 {
        0
    }

    http_add_custom_flag(stream, flag: RawModuleBuffer) {
        // SAFETY: the module's flag is readable.
        stream.custom_flags.borrow_mut().push(unsafe { buffer_text(flag) });
    }

    http_get_active_span(stream) -> *mut c_void {
        if stream.span_tags.borrow().is_some() {
            stream.envoy() // the stream is its own span
        } else {
            std::ptr::null_mut()
        }
    }

    http_span_set_tag(stream, key: RawModuleBuffer, value: RawModuleBuffer) {
        // SAFETY: the module's tag is readable.
        let (key, value) = unsafe { (buffer_text(key), buffer_text(value)) };
        if let Some(tags) = stream.span_tags.borrow_mut().as_mut() {
            tags.insert(key, value);
        }
    }
}

/// # Safety
/// The labels are readable.
unsafe fn change(
    stream: &Stream,
    kind: Kind,
    change: Change,
    id: usize,
    (labels, size): (*const RawModuleBuffer, usize),
    value: u64,
) -> u32 {
    // SAFETY: the caller vouches for it.
    let labels = unsafe { texts(labels, size) };
    stream
        .config
        .metrics
        .change(kind, change, id, labels, value)
}

/// Defines the callbacks that define metrics, which differ in kind only.
macro_rules! definitions {
    ($($name:ident: $kind:ident;)+) => {
        $(
            unsafe extern "C-unwind" fn $name(
                envoy: FilterConfigEnvoyPtr,
                name: RawModuleBuffer,
                labels: *const RawModuleBuffer,
                size: usize,
                id: *mut usize,
            ) -> u32 {
                // SAFETY: the configuration is alive, the arguments readable, the id writable.
                unsafe {
                    let labels = texts(labels, size).len();
                    match config(envoy).metrics.define(Kind::$kind, buffer_text(name), labels) {
                        Ok(new) => {
                            *id = new;
                            SUCCESS
                        }
                        Err(code) => code,
                    }
                }
            }
        )+

        fn resolve_definition(name: &str) -> Option<*const c_void> {
            $(
                if name == stringify!($name) {
                    return Some($name as *const c_void);
                }
            )+
            None
        }
    };
}

definitions! {
    http_filter_config_define_counter: Counter;
    http_filter_config_define_gauge: Gauge;
    http_filter_config_define_histogram: Histogram;
}

unsafe extern "C-unwind" fn http_filter_config_set_gauge(
    envoy: FilterConfigEnvoyPtr,
    id: usize,
    labels: *const RawModuleBuffer,
    size: usize,
    value: u64,
) -> u32 {
    // SAFETY: the configuration is alive, the module's labels are readable.
    unsafe {
        let labels = texts(labels, size);
        let metrics = &config(envoy).metrics;
        metrics.change(Kind::Gauge, Change::Set, id, labels, value)
    }
}

unsafe extern "C-unwind" fn log(level: u32, message: RawModuleBuffer) {
    // SAFETY: the module's message is readable.
    log::write(level, unsafe { buffer_text(message) });
}

/// Stands for callbacks that mark a release and that the SDK does not call.
static UNCALLED: c_char = 0;

/// Finds a callback by its name.
pub(crate) fn resolve(name: &str) -> Option<*const c_void> {
    match name {
        "log" => Some(log as *const c_void),
        "http_filter_config_set_gauge" => Some(http_filter_config_set_gauge as *const c_void),
        "http_get_header_values"
        | "http_set_filter_state_object"
        | "http_get_timing_info"
        | "http_has_filter_state"
        | "http_nobody_knows_yet" => Some((&raw const UNCALLED).cast()),
        _ => resolve_definition(name).or_else(|| resolve_filter_callback(name)),
    }
}
