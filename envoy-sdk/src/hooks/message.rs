//! Hooks of a stream's two messages.

use super::Hook;
use super::stream::{enter, leaves_out};
use crate::HttpBody;
use crate::abi::{
    FilterEnvoyPtr, FilterModulePtr, RequestBodyStatus, RequestHeadersStatus,
    RequestTrailersStatus, ResponseBodyStatus, ResponseHeadersStatus, ResponseTrailersStatus,
};
use crate::filter::HttpFilter;
use crate::handle::{EnvoyHttpFilter, EnvoyRequest, EnvoyResponse, Fate};

/// See [`HttpFilter::on_request_headers`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    end_of_stream: bool,
) -> RequestHeadersStatus {
    use RequestHeadersStatus::{
        Continue, ContinueAndDontEndStream, StopAllIterationAndBuffer,
        StopAllIterationAndWatermark, StopIteration,
    };
    let values = (Continue, StopIteration);
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::RequestHeaders,
            end_of_stream,
            values,
            |filter, handle| {
                handle.message(HttpBody::Request).unwatched.set(false);
                let flow = filter.on_request_headers(EnvoyRequest::over(handle), end_of_stream);
                let status = handle.settle_request(flow, StopIteration);
                let held = !matches!(status, Continue | ContinueAndDontEndStream);
                handle.message(HttpBody::Request).note_headers(held);
                match status {
                    // Nothing follows, and Envoy would lose the end of a body that the filter adds.
                    StopAllIterationAndBuffer | StopAllIterationAndWatermark if end_of_stream => {
                        StopIteration
                    }
                    _ => status,
                }
            },
        )
    }
}

/// See [`HttpFilter::on_request_body`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    end_of_stream: bool,
) -> RequestBodyStatus {
    use RequestBodyStatus::{Continue, StopIterationNoBuffer};
    // SAFETY: Envoy passes the module pointer it was given.
    if unsafe { leaves_out(module, HttpBody::Request, end_of_stream) } {
        return Continue;
    }
    let values = (Continue, StopIterationNoBuffer);
    let code = |filter: &dyn HttpFilter, handle: &mut EnvoyHttpFilter| {
        if end_of_stream {
            handle.find_last_frame(HttpBody::Request);
        }
        let flow = filter.on_request_body(EnvoyRequest::over(handle), end_of_stream);
        let status = handle.settle_request(flow, StopIterationNoBuffer);
        handle
            .message(HttpBody::Request)
            .note_rest(status != Continue);
        if !end_of_stream {
            let fate = match status {
                Continue => Fate::Passes,
                StopIterationNoBuffer => Fate::Dropped,
                _ => Fate::Held,
            };
            handle.note_frame(HttpBody::Request, fate);
        }
        status
    };
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::RequestBody,
            end_of_stream,
            values,
            code,
        )
    }
}

/// See [`HttpFilter::on_request_trailers`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
) -> RequestTrailersStatus {
    use RequestTrailersStatus::{Continue, StopIteration};
    let values = (Continue, StopIteration);
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::RequestTrailers,
            true,
            values,
            |filter, handle| {
                let flow = filter.on_request_trailers(EnvoyRequest::over(handle));
                let status = handle.settle_request(flow, StopIteration);
                handle
                    .message(HttpBody::Request)
                    .note_rest(status == StopIteration);
                status
            },
        )
    }
}

/// See [`HttpFilter::on_response_headers`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    end_of_stream: bool,
) -> ResponseHeadersStatus {
    use ResponseHeadersStatus::{
        Continue, ContinueAndDontEndStream, StopAllIterationAndBuffer,
        StopAllIterationAndWatermark, StopIteration,
    };
    let values = (Continue, StopIteration);
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::ResponseHeaders,
            end_of_stream,
            values,
            |filter, handle| {
                handle.message(HttpBody::Response).unwatched.set(false);
                let flow = filter.on_response_headers(EnvoyResponse::over(handle), end_of_stream);
                let status = handle.settle_response(flow, StopIteration);
                let held = !matches!(status, Continue | ContinueAndDontEndStream);
                handle.message(HttpBody::Response).note_headers(held);
                match status {
                    // As in a request.
                    StopAllIterationAndBuffer | StopAllIterationAndWatermark if end_of_stream => {
                        StopIteration
                    }
                    _ => status,
                }
            },
        )
    }
}

/// See [`HttpFilter::on_response_body`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_body(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
    end_of_stream: bool,
) -> ResponseBodyStatus {
    use ResponseBodyStatus::{Continue, StopIterationNoBuffer};
    // SAFETY: Envoy passes the module pointer it was given.
    if unsafe { leaves_out(module, HttpBody::Response, end_of_stream) } {
        return Continue;
    }
    let values = (Continue, StopIterationNoBuffer);
    let code = |filter: &dyn HttpFilter, handle: &mut EnvoyHttpFilter| {
        if end_of_stream {
            handle.find_last_frame(HttpBody::Response);
        }
        let flow = filter.on_response_body(EnvoyResponse::over(handle), end_of_stream);
        let status = handle.settle_response(flow, StopIterationNoBuffer);
        handle
            .message(HttpBody::Response)
            .note_rest(status != Continue);
        if !end_of_stream {
            let fate = match status {
                Continue => Fate::Passes,
                StopIterationNoBuffer => Fate::Dropped,
                _ => Fate::Held,
            };
            handle.note_frame(HttpBody::Response, fate);
        }
        status
    };
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::ResponseBody,
            end_of_stream,
            values,
            code,
        )
    }
}

/// See [`HttpFilter::on_response_trailers`].
///
/// # Safety
/// Called by Envoy with its own filter object and the module's.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(
    envoy: FilterEnvoyPtr,
    module: FilterModulePtr,
) -> ResponseTrailersStatus {
    use ResponseTrailersStatus::{Continue, StopIteration};
    let values = (Continue, StopIteration);
    // SAFETY: Envoy passes the module pointer it was given.
    unsafe {
        enter(
            envoy,
            module,
            Hook::ResponseTrailers,
            true,
            values,
            |filter, handle| {
                let flow = filter.on_response_trailers(EnvoyResponse::over(handle));
                let status = handle.settle_response(flow, StopIteration);
                handle
                    .message(HttpBody::Response)
                    .note_rest(status == StopIteration);
                status
            },
        )
    }
}
