//! Callbacks as Envoy 1.36.3 and later of 1.36 export them: pointers and lengths as separate
//! arguments, one function per header map and per body buffer, labelled metrics apart.

use super::table::table;
use crate::abi::{
    FilterConfigEnvoyPtr, FilterEnvoyPtr, RawEnvoyBuffer, RawEnvoyHeader, RawModuleBuffer,
    RawModuleHeader,
};

/// Reads value number `index` of a header; returns the number of values.
pub(crate) type GetHeader = unsafe extern "C-unwind" fn(
    FilterEnvoyPtr,
    *const u8,
    usize,
    *mut *const u8,
    *mut usize,
    usize,
) -> usize;
/// Number of headers in a map.
pub(crate) type GetHeadersCount = unsafe extern "C-unwind" fn(FilterEnvoyPtr) -> usize;
/// Fills in every header of a map.
pub(crate) type GetHeaders =
    unsafe extern "C-unwind" fn(FilterEnvoyPtr, *mut RawEnvoyHeader) -> bool;
/// Sets a header; a null value removes it.
pub(crate) type SetHeader =
    unsafe extern "C-unwind" fn(FilterEnvoyPtr, *const u8, usize, *const u8, usize) -> bool;
/// Fills in every chunk of a body buffer.
pub(crate) type GetBodyVector =
    unsafe extern "C-unwind" fn(FilterEnvoyPtr, *mut RawEnvoyBuffer) -> bool;
/// Number of chunks in a body buffer.
pub(crate) type GetBodyVectorSize = unsafe extern "C-unwind" fn(FilterEnvoyPtr, *mut usize) -> bool;
/// Appends to a body buffer.
pub(crate) type AppendBody = unsafe extern "C-unwind" fn(FilterEnvoyPtr, *const u8, usize) -> bool;
/// Drains a body buffer from the front.
pub(crate) type DrainBody = unsafe extern "C-unwind" fn(FilterEnvoyPtr, usize) -> bool;
/// Defines a metric without labels.
pub(crate) type DefineMetric =
    unsafe extern "C-unwind" fn(FilterConfigEnvoyPtr, *const u8, usize, *mut usize) -> u32;
/// Defines a metric with labels.
pub(crate) type DefineMetricVec = unsafe extern "C-unwind" fn(
    FilterConfigEnvoyPtr,
    *const u8,
    usize,
    *const RawModuleBuffer,
    usize,
    *mut usize,
) -> u32;
/// Changes a metric without labels.
pub(crate) type ChangeMetric = unsafe extern "C-unwind" fn(FilterEnvoyPtr, usize, u64) -> u32;
/// Changes a metric with labels.
pub(crate) type ChangeMetricVec =
    unsafe extern "C-unwind" fn(FilterEnvoyPtr, usize, *const RawModuleBuffer, usize, u64) -> u32;

table! {
    /// What only 1.36 has, in every release from 1.36.3 on.
    Table {
        types {
            GetHeader:
                http_get_request_header,
                http_get_request_trailer,
                http_get_response_header,
                http_get_response_trailer;
            GetHeadersCount:
                http_get_request_headers_count,
                http_get_request_trailers_count,
                http_get_response_headers_count,
                http_get_response_trailers_count;
            GetHeaders:
                http_get_request_headers,
                http_get_request_trailers,
                http_get_response_headers,
                http_get_response_trailers;
            SetHeader:
                http_set_request_header,
                http_set_request_trailer,
                http_set_response_header,
                http_set_response_trailer;
            GetBodyVector:
                http_get_received_request_body_vector,
                http_get_buffered_request_body_vector,
                http_get_received_response_body_vector,
                http_get_buffered_response_body_vector;
            GetBodyVectorSize:
                http_get_received_request_body_vector_size,
                http_get_buffered_request_body_vector_size,
                http_get_received_response_body_vector_size,
                http_get_buffered_response_body_vector_size;
            AppendBody:
                http_append_received_request_body,
                http_append_buffered_request_body,
                http_append_received_response_body,
                http_append_buffered_response_body;
            DrainBody:
                http_drain_received_request_body,
                http_drain_buffered_request_body,
                http_drain_received_response_body,
                http_drain_buffered_response_body;
            DefineMetric:
                http_filter_config_define_counter,
                http_filter_config_define_gauge,
                http_filter_config_define_histogram;
            DefineMetricVec:
                http_filter_config_define_counter_vec,
                http_filter_config_define_gauge_vec,
                http_filter_config_define_histogram_vec;
            ChangeMetric:
                http_filter_increment_counter,
                http_filter_increase_gauge,
                http_filter_decrease_gauge,
                http_filter_set_gauge,
                http_filter_record_histogram_value;
            ChangeMetricVec:
                http_filter_increment_counter_vec,
                http_filter_increase_gauge_vec,
                http_filter_decrease_gauge_vec,
                http_filter_set_gauge_vec,
                http_filter_record_histogram_value_vec;
        }
        functions {
            http_send_response(FilterEnvoyPtr, u32, *const RawModuleHeader, usize, *const u8, usize);
            http_send_response_data(FilterEnvoyPtr, *const u8, usize, bool);
            http_set_dynamic_metadata_string(FilterEnvoyPtr, *const u8, usize, *const u8, usize, *const u8, usize) -> bool;
            http_set_dynamic_metadata_number(FilterEnvoyPtr, *const u8, usize, *const u8, usize, f64) -> bool;
            http_get_metadata_string(FilterEnvoyPtr, u32, *const u8, usize, *const u8, usize, *mut *const u8, *mut usize) -> bool;
            http_get_metadata_number(FilterEnvoyPtr, u32, *const u8, usize, *const u8, usize, *mut f64) -> bool;
            http_set_filter_state_bytes(FilterEnvoyPtr, *const u8, usize, *const u8, usize) -> bool;
            http_get_filter_state_bytes(FilterEnvoyPtr, *const u8, usize, *mut *const u8, *mut usize) -> bool;
            http_filter_get_attribute_string(FilterEnvoyPtr, u32, *mut *const u8, *mut usize) -> bool;
            http_filter_http_callout(FilterEnvoyPtr, u32, *const u8, usize, *const RawModuleHeader, usize, *const u8, usize, u64) -> u32;
        }
        // Of envoy-gloo, under the ABI hash of Envoy's own 1.36.
        extra {
            http_add_request_header(FilterEnvoyPtr, *const u8, usize, *const u8, usize) -> bool;
            http_add_response_header(FilterEnvoyPtr, *const u8, usize, *const u8, usize) -> bool;
        }
    }
}
