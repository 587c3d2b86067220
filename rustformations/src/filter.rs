//! Envoy's hooks, each handed to the stream.

use std::cell::RefCell;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyEvent, EnvoyHttpFilter, EnvoyRequest, EnvoyResponse, EventFlow, HttpFilter,
    RequestBodyStatus, RequestFlow, RequestHeadersStatus, RequestTrailersStatus,
    ResponseBodyStatus, ResponseFlow, ResponseHeadersStatus, ResponseTrailersStatus,
    envoy_log_error,
};
use transformations::{Direction, Hold};

use crate::counted_end;
use crate::stream::{Step, Stream};

/// Response code details of a stream whose hooks nested.
const NESTED_DETAILS: &str = "rustformations_nested_hook";

/// The events in which a message goes on that waits with its end or its trailers, beside [`counted_end::EVENT`].
const REQUEST_GOES_ON: u64 = 1;
const RESPONSE_GOES_ON: u64 = 2;

/// The filter of one stream.
pub(crate) struct Filter(RefCell<Stream>);

impl Filter {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(RefCell::new(stream))
    }

    /// Hooks of one stream do not nest here: nothing that the engine calls makes Envoy call back
    /// before the hook has returned. Were it to happen, no rule could be kept for the inner message,
    /// so it must not go on.
    #[inline(always)]
    fn step(&self, step: impl FnOnce(&mut Stream) -> Step) -> Step {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => step(&mut stream),
            Err(_) => nested(),
        }
    }
}

/// Has what is held of a request go on in an event.
#[cold]
#[inline(never)]
fn request_goes_on_later(envoy: &mut EnvoyRequest) {
    envoy.new_scheduler().commit(REQUEST_GOES_ON);
}

#[cold]
fn nested() -> Step {
    envoy_log_error!("a hook ran inside another, which is a bug; the stream is reset");
    Step::reset(NESTED_DETAILS)
}

impl HttpFilter for Filter {
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyRequest,
        end_of_stream: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        self.step(|stream| stream.on_headers(envoy, Direction::Request, end_of_stream))
            .request(RequestHeadersStatus::Continue, |_| {
                RequestHeadersStatus::StopIteration
            })
    }

    fn on_request_body(
        &self,
        envoy: &mut EnvoyRequest,
        end_of_stream: bool,
    ) -> RequestFlow<RequestBodyStatus> {
        self.step(|stream| stream.on_body(envoy, Direction::Request, end_of_stream))
            .request(RequestBodyStatus::Continue, |hold| {
                if end_of_stream {
                    request_goes_on_later(envoy);
                }
                match hold {
                    Hold::Buffer => RequestBodyStatus::StopIterationAndBuffer,
                    Hold::Watermark => RequestBodyStatus::StopIterationAndWatermark,
                    Hold::Kept => RequestBodyStatus::StopIterationNoBuffer,
                }
            })
    }

    fn on_request_trailers(&self, envoy: &mut EnvoyRequest) -> RequestFlow<RequestTrailersStatus> {
        let step = self.step(|stream| stream.on_trailers(envoy, Direction::Request));
        if matches!(step, Step::Hold(_)) {
            request_goes_on_later(envoy);
        }
        step.request(RequestTrailersStatus::Continue, |_| {
            RequestTrailersStatus::StopIteration
        })
    }

    fn on_response_headers(
        &self,
        envoy: &mut EnvoyResponse,
        end_of_stream: bool,
    ) -> ResponseFlow<ResponseHeadersStatus> {
        self.step(|stream| stream.on_headers(envoy, Direction::Response, end_of_stream))
            .response(ResponseHeadersStatus::Continue, |_| {
                ResponseHeadersStatus::StopIteration
            })
    }

    fn on_response_body(
        &self,
        envoy: &mut EnvoyResponse,
        end_of_stream: bool,
    ) -> ResponseFlow<ResponseBodyStatus> {
        let step = self.step(|stream| stream.on_body(envoy, Direction::Response, end_of_stream));
        if matches!(step, Step::Hold(_)) {
            match end_of_stream {
                true => envoy.new_scheduler().commit(RESPONSE_GOES_ON),
                false => counted_end::look_later(envoy),
            }
        }
        step.response(ResponseBodyStatus::Continue, |hold| match hold {
            Hold::Buffer => ResponseBodyStatus::StopIterationAndBuffer,
            Hold::Watermark => ResponseBodyStatus::StopIterationAndWatermark,
            Hold::Kept => ResponseBodyStatus::StopIterationNoBuffer,
        })
    }

    fn on_response_trailers(
        &self,
        envoy: &mut EnvoyResponse,
    ) -> ResponseFlow<ResponseTrailersStatus> {
        let step = self.step(|stream| stream.on_trailers(envoy, Direction::Response));
        if matches!(step, Step::Hold(_)) {
            envoy.new_scheduler().commit(RESPONSE_GOES_ON);
        }
        step.response(ResponseTrailersStatus::Continue, |_| {
            ResponseTrailersStatus::StopIteration
        })
    }

    fn on_scheduled(&self, envoy: &mut EnvoyEvent, event_id: u64) -> EventFlow {
        match event_id {
            REQUEST_GOES_ON => {
                let held = envoy.held_request();
                held.map_or(EventFlow::Wait, EventFlow::ContinueRequest)
            }
            RESPONSE_GOES_ON => {
                let held = envoy.held_response();
                held.map_or(EventFlow::Wait, EventFlow::ContinueResponse)
            }
            _ => {
                let step = self.step(|stream| stream.on_counted_end(envoy));
                step.event(envoy.held_response())
            }
        }
    }

    fn on_stream_complete(&self, envoy: &mut EnvoyHttpFilter) {
        self.step(|stream| {
            stream.on_complete(envoy);
            Step::Continue
        });
    }
}
