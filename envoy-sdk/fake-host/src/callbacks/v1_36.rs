//! Callbacks of 1.36.3 and later of 1.36: pointers and lengths apart.

use std::ffi::c_void;

use envoy_proxy_dynamic_modules_rust_sdk::HttpHeaderType;
use envoy_proxy_dynamic_modules_rust_sdk::abi::{
    FilterConfigEnvoyPtr, HttpBodyType, RawEnvoyBuffer, RawEnvoyHeader, RawModuleBuffer,
    RawModuleHeader,
};

use super::{bytes, config, filter_callbacks, headers, text, texts};
use crate::log;
use crate::message::{Callout, HeaderMap, LocalReply, MetadataValue};
use crate::metrics::{Change, Kind, SUCCESS};

/// Writes a buffer to the module's two results; none clears them, as Envoy does.
///
/// # Safety
/// Both are writable.
unsafe fn write(value: Option<RawEnvoyBuffer>, ptr: *mut *const u8, length: *mut usize) -> bool {
    let buffer = value.unwrap_or(RawEnvoyBuffer::EMPTY);
    // SAFETY: the caller vouches for it.
    unsafe {
        *ptr = buffer.ptr;
        *length = buffer.length;
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

/// Defines the callbacks of each header map and each body buffer, which differ in name only.
macro_rules! per_map_and_body {
    (
        maps { $($map:ident: $get:ident, $count:ident, $all:ident, $set:ident;)+ }
        bodies { $($body:ident: $chunks:ident, $chunks_size:ident, $append:ident, $drain:ident;)+ }
        others { $($others:tt)+ }
    ) => {
        filter_callbacks! {
            $(
                $get(stream, key: *const u8, key_length: usize, ptr: *mut *const u8, length: *mut usize, index: usize) -> usize {
                    // SAFETY: the module's name is readable, its results are writable.
                    unsafe {
                        let name = text(key, key_length);
                        let (value, values) = stream.header(HttpHeaderType::$map, &name, index);
                        write(value, ptr, length);
                        values
                    }
                }

                $count(stream) -> usize {
                    stream.headers_size(HttpHeaderType::$map)
                }

                $all(stream, first: *mut RawEnvoyHeader) -> bool {
                    // SAFETY: the module's list has room for every header.
                    unsafe { fill(stream.headers_list(HttpHeaderType::$map), first) }
                }

                $set(stream, key: *const u8, key_length: usize, value: *const u8, length: usize) -> bool {
                    // SAFETY: the module's name and value are readable.
                    let (name, value) = unsafe {
                        (text(key, key_length), (!value.is_null()).then(|| bytes(value, length)))
                    };
                    stream.set_header(HttpHeaderType::$map, &name, value)
                }
            )+

            $(
                $chunks(stream, first: *mut RawEnvoyBuffer) -> bool {
                    // SAFETY: the module's list has room for every chunk.
                    unsafe { fill(stream.chunks(HttpBodyType::$body), first) }
                }

                $chunks_size(stream, size: *mut usize) -> bool {
                    let chunks = stream.chunks(HttpBodyType::$body);
                    if let Some(chunks) = &chunks {
                        // SAFETY: the module's result is writable.
                        unsafe { *size = chunks.len() };
                    }
                    chunks.is_some()
                }

                $append(stream, data: *const u8, length: usize) -> bool {
                    // SAFETY: the module's data is readable.
                    stream.append(HttpBodyType::$body, unsafe { bytes(data, length) })
                }

                $drain(stream, size: usize) -> bool {
                    stream.drain(HttpBodyType::$body, size)
                }
            )+

            $($others)+
        }
    };
}

/// Defines the callbacks of metrics, which differ in name and effect only.
macro_rules! metrics {
    (
        define { $($define:ident, $define_vec:ident: $kind:ident;)+ }
        change { $($change:ident, $change_vec:ident: $changed:ident $effect:ident;)+ }
    ) => {
        $(
            unsafe extern "C-unwind" fn $define(envoy: FilterConfigEnvoyPtr, name: *const u8, length: usize, id: *mut usize) -> u32 {
                // SAFETY: as below, without labels.
                unsafe { $define_vec(envoy, name, length, std::ptr::null(), 0, id) }
            }

            unsafe extern "C-unwind" fn $define_vec(
                envoy: FilterConfigEnvoyPtr,
                name: *const u8,
                length: usize,
                labels: *const RawModuleBuffer,
                labels_length: usize,
                id: *mut usize,
            ) -> u32 {
                // SAFETY: the configuration is alive, the name readable and the id writable.
                unsafe {
                    match config(envoy).metrics.define(Kind::$kind, text(name, length), texts(labels, labels_length).len()) {
                        Ok(new) => {
                            *id = new;
                            SUCCESS
                        }
                        Err(code) => code,
                    }
                }
            }
        )+

        mod changes {
            use super::*;

            filter_callbacks! {
                $(
                    $change(stream, id: usize, value: u64) -> u32 {
                        stream.config.metrics.change(Kind::$changed, Change::$effect, id, Vec::new(), value)
                    }

                    $change_vec(stream, id: usize, labels: *const RawModuleBuffer, labels_length: usize, value: u64) -> u32 {
                        // SAFETY: the module's labels are readable.
                        let labels = unsafe { texts(labels, labels_length) };
                        stream.config.metrics.change(Kind::$changed, Change::$effect, id, labels, value)
                    }
                )+
            }

            pub(super) fn resolve(name: &str) -> Option<*const c_void> {
                resolve_filter_callback(name)
            }
        }

        fn resolve_metric(name: &str) -> Option<*const c_void> {
            $(
                if name == stringify!($define) {
                    return Some($define as *const c_void);
                }
                if name == stringify!($define_vec) {
                    return Some($define_vec as *const c_void);
                }
            )+
            changes::resolve(name)
        }
    };
}

metrics! {
    define {
        http_filter_config_define_counter, http_filter_config_define_counter_vec: Counter;
        http_filter_config_define_gauge, http_filter_config_define_gauge_vec: Gauge;
        http_filter_config_define_histogram, http_filter_config_define_histogram_vec: Histogram;
    }
    change {
        http_filter_increment_counter, http_filter_increment_counter_vec: Counter Add;
        http_filter_increase_gauge, http_filter_increase_gauge_vec: Gauge Add;
        http_filter_decrease_gauge, http_filter_decrease_gauge_vec: Gauge Subtract;
        http_filter_set_gauge, http_filter_set_gauge_vec: Gauge Set;
        http_filter_record_histogram_value, http_filter_record_histogram_value_vec: Histogram Record;
    }
}

per_map_and_body! {
    maps {
        RequestHeader: http_get_request_header, http_get_request_headers_count, http_get_request_headers, http_set_request_header;
        RequestTrailer: http_get_request_trailer, http_get_request_trailers_count, http_get_request_trailers, http_set_request_trailer;
        ResponseHeader: http_get_response_header, http_get_response_headers_count, http_get_response_headers, http_set_response_header;
        ResponseTrailer: http_get_response_trailer, http_get_response_trailers_count, http_get_response_trailers, http_set_response_trailer;
    }
    bodies {
        ReceivedRequest: http_get_received_request_body_vector, http_get_received_request_body_vector_size, http_append_received_request_body, http_drain_received_request_body;
        BufferedRequest: http_get_buffered_request_body_vector, http_get_buffered_request_body_vector_size, http_append_buffered_request_body, http_drain_buffered_request_body;
        ReceivedResponse: http_get_received_response_body_vector, http_get_received_response_body_vector_size, http_append_received_response_body, http_drain_received_response_body;
        BufferedResponse: http_get_buffered_response_body_vector, http_get_buffered_response_body_vector_size, http_append_buffered_response_body, http_drain_buffered_response_body;
    }
    others {
        http_add_request_header(stream, key: *const u8, key_length: usize, value: *const u8, length: usize) -> bool {
            // SAFETY: the module's name and value are readable.
            let (name, value) = unsafe { (text(key, key_length), bytes(value, length)) };
            stream.add_header(HttpHeaderType::RequestHeader, &name, value)
        }

        http_add_response_header(stream, key: *const u8, key_length: usize, value: *const u8, length: usize) -> bool {
            // SAFETY: the module's name and value are readable.
            let (name, value) = unsafe { (text(key, key_length), bytes(value, length)) };
            stream.add_header(HttpHeaderType::ResponseHeader, &name, value)
        }

        http_send_response(
            stream, status: u32, first: *const RawModuleHeader, size: usize, body: *const u8, length: usize,
        ) {
            // SAFETY: the module's headers and body are readable.
            let (headers, body) = unsafe { (headers(first, size), bytes(body, length).to_vec()) };
            let details = "dynamic_module".to_owned();
            stream.send_response(LocalReply { status, headers, body, details });
        }

        http_send_response_data(stream, data: *const u8, length: usize, end: bool) {
            // SAFETY: the module's data is readable.
            stream.send_response_data(unsafe { bytes(data, length) }, end);
        }

        http_set_dynamic_metadata_string(
            stream, ns: *const u8, ns_length: usize, key: *const u8, key_length: usize, value: *const u8, length: usize,
        ) -> bool {
            // SAFETY: the module's arguments are readable.
            let (ns, key, value) = unsafe { (text(ns, ns_length), text(key, key_length), text(value, length)) };
            stream.set_dynamic_metadata(ns, key, MetadataValue::String(value));
            true
        }

        http_set_dynamic_metadata_number(
            stream, ns: *const u8, ns_length: usize, key: *const u8, key_length: usize, value: f64,
        ) -> bool {
            // SAFETY: the module's arguments are readable.
            let (ns, key) = unsafe { (text(ns, ns_length), text(key, key_length)) };
            stream.set_dynamic_metadata(ns, key, MetadataValue::Number(value));
            true
        }

        http_get_metadata_string(
            stream, source: u32, ns: *const u8, ns_length: usize, key: *const u8, key_length: usize,
            ptr: *mut *const u8, length: *mut usize,
        ) -> bool {
            // SAFETY: the module's arguments are readable, its results writable.
            unsafe {
                let value = stream.metadata_string(source, text(ns, ns_length), text(key, key_length));
                write(value, ptr, length)
            }
        }

        http_get_metadata_number(
            stream, source: u32, ns: *const u8, ns_length: usize, key: *const u8, key_length: usize, result: *mut f64,
        ) -> bool {
            // SAFETY: the module's arguments are readable.
            let (ns, key) = unsafe { (text(ns, ns_length), text(key, key_length)) };
            let value = stream.metadata_number(source, &ns, &key);
            if let Some(value) = value {
                // SAFETY: the module's result is writable.
                unsafe { *result = value };
            }
            value.is_some()
        }

        http_set_filter_state_bytes(
            stream, key: *const u8, key_length: usize, value: *const u8, length: usize,
        ) -> bool {
            // SAFETY: the module's arguments are readable.
            unsafe { stream.set_filter_state_bytes(bytes(key, key_length), bytes(value, length)) }
        }

        http_get_filter_state_bytes(
            stream, key: *const u8, key_length: usize, ptr: *mut *const u8, length: *mut usize,
        ) -> bool {
            // SAFETY: the module's key is readable, its results writable.
            unsafe { write(stream.filter_state_bytes(bytes(key, key_length)), ptr, length) }
        }

        http_filter_get_attribute_string(stream, id: u32, ptr: *mut *const u8, length: *mut usize) -> bool {
            // SAFETY: the module's results are writable.
            unsafe { write(stream.attribute_string(id), ptr, length) }
        }

        http_filter_http_callout(
            stream, id: u32, cluster: *const u8, cluster_length: usize, first: *const RawModuleHeader, size: usize,
            body: *const u8, length: usize, timeout_milliseconds: u64,
        ) -> u32 {
            // SAFETY: the module's arguments are readable.
            let (cluster, headers, body): (_, HeaderMap, _) = unsafe {
                (text(cluster, cluster_length), headers(first, size), bytes(body, length).to_vec())
            };
            stream.start_callout(Callout { id: id.into(), cluster, headers, body, timeout_milliseconds })
        }
    }
}

unsafe extern "C-unwind" fn log(level: u32, message: *const u8, length: usize) {
    // SAFETY: the module's message is readable.
    log::write(level, unsafe { text(message, length) });
}

/// Finds a callback by its name.
pub(crate) fn resolve(name: &str) -> Option<*const c_void> {
    if name == "log" {
        return Some(log as *const c_void);
    }
    resolve_metric(name).or_else(|| resolve_filter_callback(name))
}
