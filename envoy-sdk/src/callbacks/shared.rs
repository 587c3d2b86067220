//! Callbacks whose signature is the same from 1.36.3 on.

use std::ffi::c_void;

use super::table::table;
use crate::abi::{FilterEnvoyPtr, PerRouteConfigModulePtr, RawModuleHeader};

table! {
    /// Present in every supported release.
    Table {
        functions {
            get_most_specific_route_config(FilterEnvoyPtr) -> PerRouteConfigModulePtr;
            http_clear_route_cache(FilterEnvoyPtr);
            http_filter_continue_decoding(FilterEnvoyPtr);
            http_filter_continue_encoding(FilterEnvoyPtr);
            http_filter_get_attribute_int(FilterEnvoyPtr, u32, *mut u64) -> bool;
            http_filter_scheduler_new(FilterEnvoyPtr) -> *mut c_void;
            http_filter_scheduler_commit(*mut c_void, u64);
            http_filter_scheduler_delete(*mut c_void);
            http_send_response_headers(FilterEnvoyPtr, *const RawModuleHeader, usize, bool);
            http_send_response_trailers(FilterEnvoyPtr, *const RawModuleHeader, usize);
        }
    }
}
