//! The C types of Envoy's dynamic-module ABI that this crate uses, with Envoy's values.
//!
//! Enum values are never renumbered by Envoy, only appended, so one set serves every release.
//! Enums that Envoy *returns* are read as plain integers and converted, because a newer Envoy may
//! return a value that is not listed here.

use std::ffi::c_void;

/// `{pointer, length}`: a buffer owned by Envoy, passed by value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawEnvoyBuffer {
    /// First byte; may be null, which counts as empty whatever the length says.
    pub ptr: *const u8,
    /// Bytes.
    pub length: usize,
}

impl RawEnvoyBuffer {
    /// No bytes.
    pub const EMPTY: Self = Self {
        ptr: std::ptr::null(),
        length: 0,
    };
}

/// `{pointer, length}`: a buffer owned by the module and valid for the duration of one call.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawModuleBuffer {
    /// First byte; null when there are none.
    pub ptr: *const u8,
    /// Bytes.
    pub length: usize,
}

impl RawModuleBuffer {
    /// Lends `bytes` to Envoy. Empty slices become null: Envoy reads null and length 0 alike, but
    /// never sees Rust's dangling pointer.
    pub fn new(bytes: &[u8]) -> Self {
        let ptr = if bytes.is_empty() {
            std::ptr::null()
        } else {
            bytes.as_ptr()
        };
        Self {
            ptr,
            length: bytes.len(),
        }
    }
}

/// One header of a list that Envoy fills in.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawEnvoyHeader {
    /// First byte of the name.
    pub key_ptr: *const u8,
    /// Bytes of the name.
    pub key_length: usize,
    /// First byte of the value.
    pub value_ptr: *const u8,
    /// Bytes of the value.
    pub value_length: usize,
}

impl RawEnvoyHeader {
    /// A header Envoy has not filled in.
    pub const EMPTY: Self = Self {
        key_ptr: std::ptr::null(),
        key_length: 0,
        value_ptr: std::ptr::null(),
        value_length: 0,
    };
}

/// One header of a list that the module lends to Envoy.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawModuleHeader {
    /// First byte of the name.
    pub key_ptr: *const u8,
    /// Bytes of the name.
    pub key_length: usize,
    /// First byte of the value.
    pub value_ptr: *const u8,
    /// Bytes of the value.
    pub value_length: usize,
}

impl RawModuleHeader {
    /// Lends one header to Envoy.
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        let (key, value) = (RawModuleBuffer::new(name), RawModuleBuffer::new(value));
        Self {
            key_ptr: key.ptr,
            key_length: key.length,
            value_ptr: value.ptr,
            value_length: value.length,
        }
    }
}

/// Envoy's filter object of one stream.
pub type FilterEnvoyPtr = *mut c_void;
/// Envoy's filter configuration object.
pub type FilterConfigEnvoyPtr = *mut c_void;
/// The module's object behind one stream: [`crate::hooks`] defines what it points to.
pub type FilterModulePtr = *const c_void;
/// The module's filter configuration.
pub type FilterConfigModulePtr = *const c_void;
/// The module's per-route configuration.
pub type PerRouteConfigModulePtr = *const c_void;

/// Declares a C enum with Envoy's values and its official long name as an alias.
macro_rules! c_enum {
    ($(#[$doc:meta])* $name:ident = $official:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $value:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $value,)+
        }

        #[doc = concat!("The official name of [`", stringify!($name), "`].")]
        #[allow(non_camel_case_types)]
        pub type $official = $name;
    };
}

c_enum! {
    /// What a request-headers hook tells Envoy to do next.
    RequestHeadersStatus = envoy_dynamic_module_type_on_http_filter_request_headers_status {
        /// Pass the headers on.
        Continue = 0,
        /// Hold the headers; body hooks still run.
        StopIteration = 1,
        /// Pass the headers on without their end of stream: a body follows.
        ContinueAndDontEndStream = 2,
        /// Hold everything and buffer the body: no hook of the request runs until an event continues
        /// it. Over the limit Envoy answers 413.
        StopAllIterationAndBuffer = 3,
        /// As [`Self::StopAllIterationAndBuffer`], but over the limit Envoy stops reading.
        StopAllIterationAndWatermark = 4,
    }
}

c_enum! {
    /// What a request-body hook tells Envoy to do next.
    RequestBodyStatus = envoy_dynamic_module_type_on_http_filter_request_body_status {
        /// Pass on what is held and this chunk.
        Continue = 0,
        /// Keep this chunk in the buffer; over the limit Envoy answers 413.
        StopIterationAndBuffer = 1,
        /// As [`Self::StopIterationAndBuffer`], but over the limit Envoy stops reading: no hook runs
        /// then, and only an event can continue.
        StopIterationAndWatermark = 2,
        /// Drop this chunk unless the module kept it.
        StopIterationNoBuffer = 3,
    }
}

c_enum! {
    /// What a request-trailers hook tells Envoy to do next.
    RequestTrailersStatus = envoy_dynamic_module_type_on_http_filter_request_trailers_status {
        /// Pass on what is held and the trailers.
        Continue = 0,
        /// Hold the trailers.
        StopIteration = 1,
    }
}

c_enum! {
    /// What a response-headers hook tells Envoy to do next.
    ResponseHeadersStatus = envoy_dynamic_module_type_on_http_filter_response_headers_status {
        /// Pass the headers on.
        Continue = 0,
        /// Hold the headers; body hooks still run.
        StopIteration = 1,
        /// Pass the headers on without their end of stream: a body follows.
        ContinueAndDontEndStream = 2,
        /// Hold everything and buffer the body: no hook of the response runs until an event continues
        /// it. Over the limit Envoy answers 500.
        StopAllIterationAndBuffer = 3,
        /// As [`Self::StopAllIterationAndBuffer`], but over the limit Envoy stops reading.
        StopAllIterationAndWatermark = 4,
    }
}

c_enum! {
    /// What a response-body hook tells Envoy to do next.
    ResponseBodyStatus = envoy_dynamic_module_type_on_http_filter_response_body_status {
        /// Pass on what is held and this chunk.
        Continue = 0,
        /// Keep this chunk in the buffer; over the limit Envoy answers 500.
        StopIterationAndBuffer = 1,
        /// As [`Self::StopIterationAndBuffer`], but over the limit Envoy stops reading: no hook runs
        /// then, and only an event can continue.
        StopIterationAndWatermark = 2,
        /// Drop this chunk unless the module kept it.
        StopIterationNoBuffer = 3,
    }
}

c_enum! {
    /// What a response-trailers hook tells Envoy to do next.
    ResponseTrailersStatus = envoy_dynamic_module_type_on_http_filter_response_trailers_status {
        /// Pass on what is held and the trailers.
        Continue = 0,
        /// Hold the trailers.
        StopIteration = 1,
    }
}

c_enum! {
    /// What a local-reply hook tells Envoy to do next (Envoy 1.38 and later).
    LocalReplyStatus = envoy_dynamic_module_type_on_http_filter_local_reply_status {
        /// Send the local reply.
        Continue = 0,
        /// Reset the stream instead; once there is a response that the local reply replaces, the local
        /// reply is sent all the same.
        ContinueAndResetStream = 1,
    }
}

c_enum! {
    /// One of the four header maps of a stream.
    HttpHeaderType = envoy_dynamic_module_type_http_header_type {
        /// Request headers.
        RequestHeader = 0,
        /// Request trailers.
        RequestTrailer = 1,
        /// Response headers.
        ResponseHeader = 2,
        /// Response trailers.
        ResponseTrailer = 3,
    }
}

c_enum! {
    /// One of Envoy's four body buffers. Filters use [`crate::HttpBody`] instead.
    HttpBodyType = envoy_dynamic_module_type_http_body_type {
        /// The chunk the request-body hook was called with.
        ReceivedRequest = 0,
        /// What is held of the request body.
        BufferedRequest = 1,
        /// The chunk the response-body hook was called with.
        ReceivedResponse = 2,
        /// What is held of the response body.
        BufferedResponse = 3,
    }
}

c_enum! {
    /// Envoy's log levels.
    LogLevel = envoy_dynamic_module_type_log_level {
        /// Everything.
        Trace = 0,
        /// For debugging.
        Debug = 1,
        /// Normal events.
        Info = 2,
        /// Something is off, the module copes.
        Warn = 3,
        /// Something failed.
        Error = 4,
        /// The process is in danger.
        Critical = 5,
        /// Nothing is logged.
        Off = 6,
    }
}

c_enum! {
    /// Where a metadata value is looked up.
    MetadataSource = envoy_dynamic_module_type_metadata_source {
        /// The stream's dynamic metadata.
        Dynamic = 0,
        /// The route's metadata.
        Route = 1,
        /// The upstream cluster's metadata.
        Cluster = 2,
        /// The upstream host's metadata.
        Host = 3,
        /// The metadata of the upstream host's locality.
        HostLocality = 4,
    }
}

c_enum! {
    /// How a stream is reset (Envoy 1.38 and later).
    StreamResetReason = envoy_dynamic_module_type_http_filter_stream_reset_reason {
        /// An ordinary reset.
        LocalReset = 0,
        /// A refusal, which tells the peer that it may retry.
        LocalRefusedStreamReset = 1,
    }
}

c_enum! {
    /// How an HTTP callout ended.
    HttpCalloutResult = envoy_dynamic_module_type_http_callout_result {
        /// A response arrived, or Envoy made one: 503 when it cannot reach the cluster, 504 when the
        /// time is over.
        Success = 0,
        /// The stream was reset before that.
        Reset = 1,
        /// The response is larger than the buffer limit.
        ExceedResponseBufferLimit = 2,
    }
}

impl HttpCalloutResult {
    /// Values of a newer Envoy count as a reset: no usable response either way.
    pub(crate) fn from_raw(raw: u32) -> Self {
        match raw {
            0 => Self::Success,
            2 => Self::ExceedResponseBufferLimit,
            _ => Self::Reset,
        }
    }
}
