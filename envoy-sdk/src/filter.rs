//! What a module implements.

use crate::abi::{
    HttpCalloutResult, LocalReplyStatus, RequestBodyStatus, RequestHeadersStatus,
    RequestTrailersStatus, ResponseBodyStatus, ResponseHeadersStatus, ResponseTrailersStatus,
};
use crate::buffer::EnvoyBuffer;
use crate::handle::EnvoyHttpFilter;

/// The configuration of one filter, shared by every worker thread.
pub trait HttpFilterConfig: Send + Sync {
    /// Makes the filter of one stream.
    ///
    /// Envoy has not attached the stream yet: on `envoy` only metrics work, everything else is
    /// inert. A panic here does not reject the stream silently: it is answered with 500.
    fn new_http_filter(&self, envoy: &mut EnvoyHttpFilter) -> Box<dyn HttpFilter>;

    /// A hook of one of this configuration's filters panicked. The panic is logged and the stream
    /// is answered with 500 or reset whatever this does; use it to count. `hook` is the name, such
    /// as `request_body`.
    fn on_panic(&self, _envoy: &mut EnvoyHttpFilter, _hook: &'static str) {}
}

/// The filter of one stream. Every hook runs on the stream's worker thread.
///
/// Hooks take `&self` because they nest: a hook of the same filter may start while another is on
/// the stack, for instance when a callout fails at once. Keep state in `Cell`s and `RefCell`s, and
/// no `RefCell` borrowed across a call on `envoy`.
///
/// A hook that panics ends the filter: it is dropped, no hook of it runs again, and the stream is
/// answered with 500 (request hooks) or reset (response hooks).
#[allow(unused_variables)] // the names document the defaults
pub trait HttpFilter {
    /// The request headers arrived; `end_of_stream`: nothing follows.
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> RequestHeadersStatus {
        RequestHeadersStatus::Continue
    }

    /// A part of the request body arrived; `end_of_stream`: nothing follows. A request with
    /// trailers ends in [`Self::on_request_trailers`] instead.
    fn on_request_body(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> RequestBodyStatus {
        RequestBodyStatus::Continue
    }

    /// The request trailers arrived, and with them the end of the request.
    fn on_request_trailers(&self, envoy: &mut EnvoyHttpFilter) -> RequestTrailersStatus {
        RequestTrailersStatus::Continue
    }

    /// The response headers arrived; `end_of_stream`: nothing follows.
    fn on_response_headers(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> ResponseHeadersStatus {
        ResponseHeadersStatus::Continue
    }

    /// A part of the response body arrived; `end_of_stream`: nothing follows. A response with
    /// trailers ends in [`Self::on_response_trailers`] instead.
    fn on_response_body(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> ResponseBodyStatus {
        ResponseBodyStatus::Continue
    }

    /// The response trailers arrived, and with them the end of the response.
    fn on_response_trailers(&self, envoy: &mut EnvoyHttpFilter) -> ResponseTrailersStatus {
        ResponseTrailersStatus::Continue
    }

    /// The stream is over, however it ended; the last hook. Nothing can be sent any more.
    fn on_stream_complete(&self, envoy: &mut EnvoyHttpFilter) {}

    /// Envoy is about to answer by itself, on this filter's or anyone's behalf. Envoy 1.38 and
    /// later.
    fn on_local_reply(
        &self,
        envoy: &mut EnvoyHttpFilter,
        code: u32,
        details: EnvoyBuffer<'_>,
        reset_imminent: bool,
    ) -> LocalReplyStatus {
        LocalReplyStatus::Continue
    }

    /// An event committed to an [`crate::EnvoyHttpFilterScheduler`] of this filter is due.
    fn on_scheduled(&self, envoy: &mut EnvoyHttpFilter, event_id: u64) {}

    /// A callout of this filter ended. Without [`HttpCalloutResult::Success`] there are neither
    /// headers nor body.
    fn on_http_callout_done(
        &self,
        envoy: &mut EnvoyHttpFilter,
        callout_id: u64,
        result: HttpCalloutResult,
        headers: &[(EnvoyBuffer<'_>, EnvoyBuffer<'_>)],
        body: &[EnvoyBuffer<'_>],
    ) {
    }

    /// The downstream connection has more unsent bytes than its high watermark: produce no more.
    /// Envoy 1.37 and later.
    fn on_downstream_above_write_buffer_high_watermark(&self, envoy: &mut EnvoyHttpFilter) {}

    /// The downstream connection is below its low watermark again. Envoy 1.37 and later.
    fn on_downstream_below_write_buffer_low_watermark(&self, envoy: &mut EnvoyHttpFilter) {}
}
