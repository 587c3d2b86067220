//! What the fake host exports, in both ways of calling. Both are thin: [`operations`] does the work.

mod operations;
pub(crate) mod shared;
pub(crate) mod v1_36;
pub(crate) mod v1_37;

use envoy_proxy_dynamic_modules_rust_sdk::HttpHeaderType;
use envoy_proxy_dynamic_modules_rust_sdk::abi::{
    FilterConfigEnvoyPtr, FilterEnvoyPtr, HttpBodyType, RawModuleBuffer, RawModuleHeader,
};

use crate::generation::Generation;
use crate::host::ConfigState;
use crate::message::HeaderMap;
use crate::stream::Stream;

/// Callbacks that came with a later release than those of their generation.
const LATER: &[(&str, Generation)] = &[
    ("http_set_dynamic_metadata_bool", Generation::V1_37),
    ("http_get_metadata_bool", Generation::V1_37),
    ("http_filter_get_attribute_bool", Generation::V1_37),
    ("http_received_buffered_request_body", Generation::V1_38),
    ("http_received_buffered_response_body", Generation::V1_38),
    ("http_get_buffer_limit", Generation::V1_38),
    ("http_set_buffer_limit", Generation::V1_38),
    ("http_filter_reset_stream", Generation::V1_38),
    ("http_clear_route_cluster_cache", Generation::V1_38),
    ("http_filter_get_worker_index", Generation::V1_38),
    ("http_get_active_span", Generation::V1_38),
    ("http_span_set_tag", Generation::V1_38),
    ("http_get_header_values", Generation::V1_39),
    ("http_get_timing_info", Generation::V1_40),
];

/// The release that brought a callback, if it was not there from the start of its generation.
pub(crate) fn since(name: &str) -> Option<Generation> {
    LATER
        .iter()
        .find(|(own, _)| *own == name)
        .map(|(_, generation)| *generation)
}

/// Defines the callbacks that take a filter pointer, and finds them by name. Each is counted.
macro_rules! filter_callbacks {
    ($($name:ident($stream:ident $(, $argument:ident: $type:ty)* $(,)?) $(-> $result:ty)? $body:block)+) => {
        $(
            unsafe extern "C" fn $name(
                filter: ::envoy_proxy_dynamic_modules_rust_sdk::abi::FilterEnvoyPtr
                $(, $argument: $type)*
            ) $(-> $result)? {
                // SAFETY: modules pass the filter pointer they were given.
                let $stream = unsafe { $crate::callbacks::stream(filter) };
                $stream.record(stringify!($name));
                $body
            }
        )+

        fn resolve_filter_callback(name: &str) -> Option<*const ::std::ffi::c_void> {
            $(
                if name == stringify!($name) {
                    return Some($name as *const ::std::ffi::c_void);
                }
            )+
            None
        }
    };
}
use filter_callbacks;

/// # Safety
/// `filter` is the pointer of a stream that is alive.
unsafe fn stream<'a>(filter: FilterEnvoyPtr) -> &'a Stream {
    assert!(!filter.is_null(), "null filter pointer");
    // SAFETY: the caller vouches for it.
    unsafe { &*filter.cast::<Stream>() }
}

/// # Safety
/// `config` is the pointer of a configuration that is alive.
unsafe fn config<'a>(config: FilterConfigEnvoyPtr) -> &'a ConfigState {
    assert!(!config.is_null(), "null configuration pointer");
    // SAFETY: the caller vouches for it.
    unsafe { &*config.cast::<ConfigState>() }
}

/// # Safety
/// Unless null, `ptr` is readable for `length` bytes.
unsafe fn bytes<'a>(ptr: *const u8, length: usize) -> &'a [u8] {
    if ptr.is_null() {
        assert_eq!(length, 0, "a null pointer with a length");
        return &[];
    }
    // SAFETY: the caller vouches for it.
    unsafe { std::slice::from_raw_parts(ptr, length) }
}

/// # Safety
/// As [`bytes`].
unsafe fn text(ptr: *const u8, length: usize) -> String {
    // SAFETY: the caller vouches for it.
    String::from_utf8_lossy(unsafe { bytes(ptr, length) }).into_owned()
}

/// # Safety
/// As [`bytes`].
unsafe fn buffer<'a>(buffer: RawModuleBuffer) -> &'a [u8] {
    // SAFETY: the caller vouches for it.
    unsafe { bytes(buffer.ptr, buffer.length) }
}

/// # Safety
/// As [`bytes`].
unsafe fn buffer_text(buffer: RawModuleBuffer) -> String {
    // SAFETY: the caller vouches for it.
    unsafe { text(buffer.ptr, buffer.length) }
}

/// # Safety
/// `first` is readable for `length` buffers, each of which is readable.
unsafe fn texts(first: *const RawModuleBuffer, length: usize) -> Vec<String> {
    (0..length)
        // SAFETY: the caller vouches for it.
        .map(|index| unsafe { buffer_text(*first.add(index)) })
        .collect()
}

/// # Safety
/// `first` is readable for `length` headers, each of which is readable.
unsafe fn headers(first: *const RawModuleHeader, length: usize) -> HeaderMap {
    let mut map = HeaderMap::default();
    for index in 0..length {
        // SAFETY: the caller vouches for it.
        let (name, value) = unsafe {
            let header = *first.add(index);
            (
                text(header.key_ptr, header.key_length),
                bytes(header.value_ptr, header.value_length),
            )
        };
        map.add(&name, value);
    }
    map
}

fn header_type(raw: u32) -> HttpHeaderType {
    match raw {
        0 => HttpHeaderType::RequestHeader,
        1 => HttpHeaderType::RequestTrailer,
        2 => HttpHeaderType::ResponseHeader,
        3 => HttpHeaderType::ResponseTrailer,
        other => panic!("unknown header type {other}"),
    }
}

fn body_type(raw: u32) -> HttpBodyType {
    match raw {
        0 => HttpBodyType::ReceivedRequest,
        1 => HttpBodyType::BufferedRequest,
        2 => HttpBodyType::ReceivedResponse,
        3 => HttpBodyType::BufferedResponse,
        other => panic!("unknown body type {other}"),
    }
}
