//! What a module implements.

use crate::abi::{
    HttpCalloutResult, LocalReplyStatus, RequestBodyStatus, RequestHeadersStatus,
    RequestTrailersStatus, ResponseBodyStatus, ResponseHeadersStatus, ResponseTrailersStatus,
};
use crate::buffer::EnvoyBuffer;
use crate::flow::{EventFlow, RequestFlow, ResponseFlow};
use crate::handle::{EnvoyEvent, EnvoyHttpFilter, EnvoyMetrics, EnvoyRequest, EnvoyResponse};

/// The configuration of one filter, shared by every worker thread.
pub trait HttpFilterConfig: Send + Sync {
    /// Makes the filter of one stream.
    ///
    /// Envoy has not attached the stream yet: there are only metrics. A panic here does not reject
    /// the stream silently: it is answered with 500.
    fn new_http_filter(&self, envoy: &EnvoyMetrics) -> Box<dyn HttpFilter>;

    /// A hook of one of this configuration's filters panicked. The panic is logged and the stream
    /// is answered with 500 or reset whatever this does; use it to count. `hook` is the name, such
    /// as `request_body`.
    fn on_panic(&self, _envoy: &mut EnvoyMetrics, _hook: &'static str) {}
}

/// The filter of one stream. Every hook runs on the stream's worker thread.
///
/// Hooks take `&self` because they nest: a hook of the same filter may start while another is on
/// the stack, for instance when a callout fails at once. Keep state in `Cell`s and `RefCell`s, and
/// no `RefCell` borrowed across a call on `envoy`.
///
/// A hook that panics ends the filter: it is dropped, no hook of it runs again, and the stream is
/// answered with 500 (request hooks, events) or reset (response hooks). After a panic in
/// [`Self::on_local_reply`] Envoy's answer goes on; after one in a watermark hook, the next hook of a
/// message fails the stream.
#[allow(unused_variables)] // the names document the defaults
pub trait HttpFilter {
    /// The request headers arrived; `end_of_stream`: nothing follows.
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyRequest,
        end_of_stream: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        RequestHeadersStatus::Continue.into()
    }

    /// A part of the request body arrived; `end_of_stream`: nothing follows. A request with
    /// trailers ends in [`Self::on_request_trailers`] instead.
    fn on_request_body(
        &self,
        envoy: &mut EnvoyRequest,
        end_of_stream: bool,
    ) -> RequestFlow<RequestBodyStatus> {
        RequestBodyStatus::Continue.into()
    }

    /// The request trailers arrived, and with them the end of the request.
    fn on_request_trailers(&self, envoy: &mut EnvoyRequest) -> RequestFlow<RequestTrailersStatus> {
        RequestTrailersStatus::Continue.into()
    }

    /// The response headers arrived; `end_of_stream`: nothing follows.
    fn on_response_headers(
        &self,
        envoy: &mut EnvoyResponse,
        end_of_stream: bool,
    ) -> ResponseFlow<ResponseHeadersStatus> {
        ResponseHeadersStatus::Continue.into()
    }

    /// A part of the response body arrived; `end_of_stream`: nothing follows. A response with
    /// trailers ends in [`Self::on_response_trailers`] instead.
    fn on_response_body(
        &self,
        envoy: &mut EnvoyResponse,
        end_of_stream: bool,
    ) -> ResponseFlow<ResponseBodyStatus> {
        ResponseBodyStatus::Continue.into()
    }

    /// The response trailers arrived, and with them the end of the response.
    fn on_response_trailers(
        &self,
        envoy: &mut EnvoyResponse,
    ) -> ResponseFlow<ResponseTrailersStatus> {
        ResponseTrailersStatus::Continue.into()
    }

    /// The stream is over, however it ended; the last hook. Nothing can be sent any more. In a
    /// cluster's chain Envoy does not run it.
    fn on_stream_complete(&self, envoy: &mut EnvoyHttpFilter) {}

    /// Envoy is about to send a local reply, on this filter's, another's or its own behalf, with the
    /// status `code` and the response code details `details`. `reset_imminent`: another filter has
    /// the stream reset instead. It does not run for a route's `direct_response`. Envoy 1.38 and later.
    fn on_local_reply(
        &self,
        envoy: &mut EnvoyHttpFilter,
        code: u32,
        details: EnvoyBuffer<'_>,
        reset_imminent: bool,
    ) -> LocalReplyStatus {
        LocalReplyStatus::Continue
    }

    /// An event is due that was committed, as `event_id`, to an
    /// [`crate::EnvoyHttpFilterScheduler`] of this filter.
    fn on_scheduled(&self, envoy: &mut EnvoyEvent, event_id: u64) -> EventFlow {
        EventFlow::Wait
    }

    /// The callout ended for which [`crate::EnvoyClient::send_http_callout`] returned
    /// `callout_id`. Without [`HttpCalloutResult::Success`] there are neither headers nor body; with
    /// it, `:status` is among the headers, and may be an error.
    ///
    /// No callout can be made within this hook. It may run inside the call that starts the callout. The
    /// message of that hook is not held yet
    /// then, so nothing can resume it; an answer is sent when that hook has returned.
    fn on_http_callout_done(
        &self,
        envoy: &mut EnvoyEvent,
        callout_id: u64,
        result: HttpCalloutResult,
        headers: &[(EnvoyBuffer<'_>, EnvoyBuffer<'_>)],
        body: &[EnvoyBuffer<'_>],
    ) -> EventFlow {
        EventFlow::Wait
    }

    /// The downstream connection has more unsent bytes than its high watermark: produce no more. May
    /// run before Envoy has attached the stream, so there are only metrics. Envoy 1.37 and later.
    fn on_downstream_above_write_buffer_high_watermark(&self, envoy: &EnvoyMetrics) {}

    /// The downstream connection is below its low watermark again. Envoy 1.37 and later.
    fn on_downstream_below_write_buffer_low_watermark(&self, envoy: &EnvoyMetrics) {}
}
