//! Envoy's hooks, each handed to the stream.

use std::cell::RefCell;
use std::sync::Arc;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, HttpFilter, RequestBodyStatus, RequestHeadersStatus, RequestTrailersStatus,
    ResponseBodyStatus, ResponseHeadersStatus, ResponseTrailersStatus, envoy_log_error,
};
use transformations::{Direction, Hold, Program};

use crate::stats::Stats;
use crate::stream::{Step, Stream};

/// The filter of one stream.
pub(crate) struct Filter(RefCell<Stream>);

impl Filter {
    pub(crate) fn new(program: Arc<Program>, listener: u64, stats: Stats) -> Self {
        Self(RefCell::new(Stream::new(program, listener, stats)))
    }

    /// Hooks of one stream do not nest here: nothing that the engine calls makes Envoy call back
    /// before the hook has returned. Were it to happen, the inner message would go on untouched.
    fn step(&self, step: impl FnOnce(&mut Stream) -> Step) -> Step {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => step(&mut stream),
            Err(_) => {
                envoy_log_error!("a hook ran inside another; the message goes on as it is");
                Step::Continue
            }
        }
    }
}

impl HttpFilter for Filter {
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> RequestHeadersStatus {
        match self.step(|stream| stream.on_headers(envoy, Direction::Request, end_of_stream)) {
            Step::Continue => RequestHeadersStatus::Continue,
            Step::Hold(_) | Step::Drop => RequestHeadersStatus::StopIteration,
        }
    }

    fn on_request_body(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> RequestBodyStatus {
        match self.step(|stream| stream.on_body(envoy, Direction::Request, end_of_stream)) {
            Step::Continue => RequestBodyStatus::Continue,
            Step::Hold(Hold::Buffer) => RequestBodyStatus::StopIterationAndBuffer,
            Step::Hold(Hold::Watermark) => RequestBodyStatus::StopIterationAndWatermark,
            Step::Hold(Hold::Kept) | Step::Drop => RequestBodyStatus::StopIterationNoBuffer,
        }
    }

    fn on_request_trailers(&self, envoy: &mut EnvoyHttpFilter) -> RequestTrailersStatus {
        match self.step(|stream| stream.on_trailers(envoy, Direction::Request)) {
            Step::Continue => RequestTrailersStatus::Continue,
            Step::Hold(_) | Step::Drop => RequestTrailersStatus::StopIteration,
        }
    }

    fn on_response_headers(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> ResponseHeadersStatus {
        match self.step(|stream| stream.on_headers(envoy, Direction::Response, end_of_stream)) {
            Step::Continue => ResponseHeadersStatus::Continue,
            Step::Hold(_) | Step::Drop => ResponseHeadersStatus::StopIteration,
        }
    }

    fn on_response_body(
        &self,
        envoy: &mut EnvoyHttpFilter,
        end_of_stream: bool,
    ) -> ResponseBodyStatus {
        match self.step(|stream| stream.on_body(envoy, Direction::Response, end_of_stream)) {
            Step::Continue => ResponseBodyStatus::Continue,
            Step::Hold(Hold::Buffer) => ResponseBodyStatus::StopIterationAndBuffer,
            Step::Hold(Hold::Watermark) => ResponseBodyStatus::StopIterationAndWatermark,
            Step::Hold(Hold::Kept) | Step::Drop => ResponseBodyStatus::StopIterationNoBuffer,
        }
    }

    fn on_response_trailers(&self, envoy: &mut EnvoyHttpFilter) -> ResponseTrailersStatus {
        match self.step(|stream| stream.on_trailers(envoy, Direction::Response)) {
            Step::Continue => ResponseTrailersStatus::Continue,
            Step::Hold(_) | Step::Drop => ResponseTrailersStatus::StopIteration,
        }
    }

    fn on_stream_complete(&self, envoy: &mut EnvoyHttpFilter) {
        self.step(|stream| {
            stream.on_complete(envoy);
            Step::Continue
        });
    }
}
