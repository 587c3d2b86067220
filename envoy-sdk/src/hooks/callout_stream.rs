//! Hooks of streaming callouts. Envoy 1.37 and later reject a module without them; this crate
//! starts no such callouts, so they never run.

use std::ffi::c_void;

/// Declares hooks that do nothing.
macro_rules! unused {
    ($($hook:ident($($argument:ty),*);)+) => {
        $(
            /// Does nothing.
            ///
            /// # Safety
            /// Called by Envoy; nothing is read.
            #[cfg_attr(not(test), unsafe(no_mangle))]
            pub unsafe extern "C" fn $hook($(_: $argument),*) {}
        )+
    };
}

type Filter = *mut c_void;
type Module = *const c_void;
type List = *const c_void;

unused! {
    envoy_dynamic_module_on_http_filter_http_stream_headers(Filter, Module, u64, List, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_data(Filter, Module, u64, List, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_trailers(Filter, Module, u64, List, usize);
    envoy_dynamic_module_on_http_filter_http_stream_complete(Filter, Module, u64);
    envoy_dynamic_module_on_http_filter_http_stream_reset(Filter, Module, u64, u32);
}
