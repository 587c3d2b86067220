//! An answer that the filter sends bit by bit.

use super::EnvoyEvent;
use crate::deferred::Action;
use crate::flow::OwnedHeaders;

/// The answer that the filter began with [`crate::RequestFlow::Stream`] or
/// [`crate::EventFlow::Stream`]. What is sent leaves when the hook has returned.
#[derive(Debug)]
pub struct ReplyStream<'e> {
    envoy: &'e mut EnvoyEvent,
}

impl<'e> ReplyStream<'e> {
    pub(super) fn new(envoy: &'e mut EnvoyEvent) -> Self {
        Self { envoy }
    }

    /// Sends a part of the body.
    pub fn send(&mut self, data: &[u8]) {
        self.defer(Action::SendData {
            data: data.to_vec(),
            end_of_stream: false,
        });
    }

    /// Sends the last part of the body, which may be empty, and ends the answer.
    pub fn end(self, data: &[u8]) {
        self.defer(Action::SendData {
            data: data.to_vec(),
            end_of_stream: true,
        });
        self.envoy.instance.end_reply();
    }

    /// Ends the answer with trailers. One that is not valid in HTTP is left out, with a warning.
    pub fn end_with_trailers(self, trailers: &[(&str, &[u8])]) {
        self.defer(Action::SendTrailers(OwnedHeaders::checked(trailers)));
        self.envoy.instance.end_reply();
    }

    fn defer(&self, action: Action) {
        self.envoy.instance.defer(action);
    }
}
