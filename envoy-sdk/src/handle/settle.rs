//! What a hook returned, noted and queued; the status that is left goes to Envoy.

use super::EnvoyHttpFilter;
use crate::abi::{HttpHeaderType, LocalReplyStatus};
use crate::deferred::Action;
use crate::flow::{EventFlow, RequestFlow, ResponseFlow};

impl EnvoyHttpFilter {
    /// The status of a request hook; `stop` when the filter answers or resets.
    #[inline]
    pub(crate) fn settle_request<S>(&self, flow: RequestFlow<S>, stop: S) -> S {
        match flow {
            RequestFlow::Status(status) => status,
            RequestFlow::Reply(reply) => self.end_with(Action::Reply(reply), stop),
            RequestFlow::Reset(reset) => self.end_with(Action::Reset(reset), stop),
            RequestFlow::Stream(reply) => {
                self.instance.begin_reply(reply);
                stop
            }
        }
    }

    /// The status of a response hook; `stop` when the filter answers or resets.
    #[inline]
    pub(crate) fn settle_response<S>(&self, flow: ResponseFlow<S>, stop: S) -> S {
        match flow {
            ResponseFlow::Status(status) => status,
            ResponseFlow::Reply(reply) => self.end_with(Action::Reply(reply), stop),
            ResponseFlow::Reset(reset) => self.end_with(Action::Reset(reset), stop),
        }
    }

    /// Queues what the hook of an event has Envoy do.
    pub(crate) fn settle_event(&self, flow: EventFlow) {
        let action = match flow {
            EventFlow::Wait => return,
            EventFlow::ContinueRequest(_) => Action::ContinueDecoding,
            EventFlow::ContinueResponse(_) => Action::ContinueEncoding,
            EventFlow::Reply(reply) => Action::Reply(reply),
            EventFlow::Reset(reset) => Action::Reset(reset),
            EventFlow::Stream(reply) => return self.instance.begin_reply(reply),
        };
        self.instance.defer(action);
    }

    /// The status of the hook of a local reply. Once there is a response, Envoy may be about to go on with
    /// it, and does not survive that the stream is reset meanwhile.
    pub(crate) fn settle_local_reply(&self, status: LocalReplyStatus) -> LocalReplyStatus {
        // To remove what cannot be there does nothing, and fails only without the map.
        let has_response = || {
            self.instance.live().is_some_and(|callbacks| {
                callbacks.set_header(HttpHeaderType::ResponseHeader, b":absent", b"")
            })
        };
        match status {
            LocalReplyStatus::ContinueAndResetStream if has_response() => {
                LocalReplyStatus::Continue
            }
            status => status,
        }
    }

    #[cold]
    fn end_with<S>(&self, action: Action, stop: S) -> S {
        self.instance.defer(action);
        stop
    }
}
