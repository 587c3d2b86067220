//! Callbacks as Envoy 1.37.0 and every later release exports them: pointer and length together in
//! a struct. Releases only add to this list.

use std::ffi::c_void;

use super::table::table;
use crate::abi::{
    FilterConfigEnvoyPtr, FilterEnvoyPtr, RawEnvoyBuffer, RawEnvoyHeader, RawModuleBuffer,
    RawModuleHeader,
};

/// Defines a metric; no label names means a metric without labels.
pub(crate) type DefineMetric = unsafe extern "C-unwind" fn(
    FilterConfigEnvoyPtr,
    RawModuleBuffer,
    *const RawModuleBuffer,
    usize,
    *mut usize,
) -> u32;
/// Changes a metric.
pub(crate) type ChangeMetric =
    unsafe extern "C-unwind" fn(FilterEnvoyPtr, usize, *const RawModuleBuffer, usize, u64) -> u32;

table! {
    /// What only 1.37.0 and later have: the functions from 1.37.0 on, the rest from a later release.
    Table {
        types {
            DefineMetric:
                http_filter_config_define_counter,
                http_filter_config_define_gauge,
                http_filter_config_define_histogram;
            ChangeMetric:
                http_filter_increment_counter,
                http_filter_increment_gauge,
                http_filter_decrement_gauge,
                http_filter_set_gauge,
                http_filter_record_histogram_value;
        }
        functions {
            http_get_header(FilterEnvoyPtr, u32, RawModuleBuffer, *mut RawEnvoyBuffer, usize, *mut usize) -> bool;
            http_get_headers_size(FilterEnvoyPtr, u32) -> usize;
            http_get_headers(FilterEnvoyPtr, u32, *mut RawEnvoyHeader) -> bool;
            http_set_header(FilterEnvoyPtr, u32, RawModuleBuffer, RawModuleBuffer) -> bool;
            http_add_header(FilterEnvoyPtr, u32, RawModuleBuffer, RawModuleBuffer) -> bool;
            http_get_body_chunks(FilterEnvoyPtr, u32, *mut RawEnvoyBuffer) -> bool;
            http_get_body_chunks_size(FilterEnvoyPtr, u32) -> usize;
            http_get_body_size(FilterEnvoyPtr, u32) -> usize;
            http_append_body(FilterEnvoyPtr, u32, RawModuleBuffer) -> bool;
            http_drain_body(FilterEnvoyPtr, u32, usize) -> bool;
            http_send_response(FilterEnvoyPtr, u32, *const RawModuleHeader, usize, RawModuleBuffer, RawModuleBuffer);
            http_send_response_data(FilterEnvoyPtr, RawModuleBuffer, bool);
            http_set_dynamic_metadata_string(FilterEnvoyPtr, RawModuleBuffer, RawModuleBuffer, RawModuleBuffer);
            http_set_dynamic_metadata_number(FilterEnvoyPtr, RawModuleBuffer, RawModuleBuffer, f64);
            http_get_metadata_string(FilterEnvoyPtr, u32, RawModuleBuffer, RawModuleBuffer, *mut RawEnvoyBuffer) -> bool;
            http_get_metadata_number(FilterEnvoyPtr, u32, RawModuleBuffer, RawModuleBuffer, *mut f64) -> bool;
            http_set_filter_state_bytes(FilterEnvoyPtr, RawModuleBuffer, RawModuleBuffer) -> bool;
            http_get_filter_state_bytes(FilterEnvoyPtr, RawModuleBuffer, *mut RawEnvoyBuffer) -> bool;
            http_filter_get_attribute_string(FilterEnvoyPtr, u32, *mut RawEnvoyBuffer) -> bool;
            http_filter_http_callout(FilterEnvoyPtr, *mut u64, RawModuleBuffer, *const RawModuleHeader, usize, RawModuleBuffer, u64) -> u32;
            http_add_custom_flag(FilterEnvoyPtr, RawModuleBuffer);
        }
        since V1_37_1 {
            http_set_dynamic_metadata_bool(FilterEnvoyPtr, RawModuleBuffer, RawModuleBuffer, bool);
            http_get_metadata_bool(FilterEnvoyPtr, u32, RawModuleBuffer, RawModuleBuffer, *mut bool) -> bool;
            http_filter_get_attribute_bool(FilterEnvoyPtr, u32, *mut bool) -> bool;
        }
        since V1_38 {
            http_received_buffered_request_body(FilterEnvoyPtr) -> bool;
            http_received_buffered_response_body(FilterEnvoyPtr) -> bool;
            http_get_buffer_limit(FilterEnvoyPtr) -> u64;
            http_set_buffer_limit(FilterEnvoyPtr, u64);
            http_filter_reset_stream(FilterEnvoyPtr, u32, RawModuleBuffer);
            http_clear_route_cluster_cache(FilterEnvoyPtr);
            http_filter_get_worker_index(FilterEnvoyPtr) -> u32;
            http_get_cluster_name(FilterEnvoyPtr, *mut RawEnvoyBuffer) -> bool;
            http_get_active_span(FilterEnvoyPtr) -> *mut c_void;
            http_span_set_tag(*mut c_void, RawModuleBuffer, RawModuleBuffer);
        }
        since V1_39 {
            http_filter_config_set_gauge(FilterConfigEnvoyPtr, usize, *const RawModuleBuffer, usize, u64) -> u32;
        }
    }
}
