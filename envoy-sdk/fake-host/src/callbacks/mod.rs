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

/// Callbacks that not every release of their way of calling has: the first and the last that does.
const SOME: &[(&str, Generation, Generation)] = {
    use Generation::{V1_36_GLOO, V1_37_1, V1_38, V1_39, V1_40, V1_41};
    &[
        ("http_add_request_header", V1_36_GLOO, V1_36_GLOO),
        ("http_add_response_header", V1_36_GLOO, V1_36_GLOO),
        ("http_set_dynamic_metadata_bool", V1_37_1, V1_41),
        ("http_get_metadata_bool", V1_37_1, V1_41),
        ("http_filter_get_attribute_bool", V1_37_1, V1_41),
        ("http_received_buffered_request_body", V1_38, V1_41),
        ("http_received_buffered_response_body", V1_38, V1_41),
        ("http_get_buffer_limit", V1_38, V1_41),
        ("http_set_buffer_limit", V1_38, V1_41),
        ("http_filter_reset_stream", V1_38, V1_41),
        ("http_clear_route_cluster_cache", V1_38, V1_41),
        ("http_filter_get_worker_index", V1_38, V1_41),
        ("http_get_cluster_name", V1_38, V1_41),
        ("http_get_active_span", V1_38, V1_41),
        ("http_span_set_tag", V1_38, V1_41),
        ("http_filter_config_set_gauge", V1_39, V1_41),
        ("http_get_header_values", V1_39, V1_41),
        ("http_set_filter_state_object", V1_39, V1_41),
        ("http_get_timing_info", V1_40, V1_41),
        ("http_has_filter_state", V1_40, V1_41),
        ("http_nobody_knows_yet", V1_41, V1_41),
    ]
};

/// Whether a release has a callback, if its way of calling does.
pub(crate) fn has(generation: Generation, name: &str) -> bool {
    SOME.iter()
        .find(|(own, ..)| *own == name)
        .is_none_or(|(_, first, last)| (*first..=*last).contains(&generation))
}

/// Ends the tests when a callback panics: the module's guard would take it for an exception that the
/// test has asked for.
struct Loud;

impl Drop for Loud {
    fn drop(&mut self) {
        eprintln!("a callback of the fake host failed, see above");
        std::process::abort();
    }
}

/// Defines the callbacks that take a filter pointer, and finds them by name. Each is counted, and
/// unwinds when the test has asked for it.
macro_rules! filter_callbacks {
    ($($name:ident($stream:ident $(, $argument:ident: $type:ty)* $(,)?) $(-> $result:ty)? $body:block)+) => {
        $(
            unsafe extern "C-unwind" fn $name(
                filter: ::envoy_proxy_dynamic_modules_rust_sdk::abi::FilterEnvoyPtr
                $(, $argument: $type)*
            ) $(-> $result)? {
                let loud = $crate::callbacks::Loud;
                // SAFETY: modules pass the filter pointer they were given.
                let $stream = unsafe { $crate::callbacks::stream(filter) };
                let unwinds = $stream.record(stringify!($name));
                let result = (!unwinds).then(|| $body);
                ::std::mem::forget(loud);
                result.unwrap_or_else(|| ::std::panic::resume_unwind(Box::new("an exception of Envoy")))
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
