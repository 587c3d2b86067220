//! One stream: Envoy's hooks handed to a session, and what the session decides done with Envoy.

use std::sync::Arc;

use envoy_proxy_dynamic_modules_rust_sdk::{EnvoyHttpFilter, StreamResetReason};
use transformations::{Action, Direction, Hold, Program, Reply, Session};

use crate::ops::Ops;
use crate::stats::Stats;

/// What a hook does with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Lets it go on.
    Continue,
    /// Holds it: more of it has to arrive.
    Hold(Hold),
    /// Throws away what arrived: the stream was answered or cut off.
    Drop,
}

/// One stream.
pub(crate) struct Stream {
    session: Session,
    /// The number of the filter's configuration.
    listener: u64,
    stats: Stats,
}

impl Stream {
    pub(crate) fn new(program: Arc<Program>, listener: u64, stats: Stats) -> Self {
        Self {
            session: Session::new(program),
            listener,
            stats,
        }
    }

    pub(crate) fn on_headers(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
        end: bool,
    ) -> Step {
        let ops = &mut Ops::new(envoy, self.listener, self.stats);
        let action = self.session.on_headers(ops, direction, end);
        perform(envoy, action)
    }

    #[inline(always)]
    pub(crate) fn on_body(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
        end: bool,
    ) -> Step {
        if self.session.is_through_with(direction) {
            return Step::Continue;
        }
        let ops = &mut Ops::new(envoy, self.listener, self.stats);
        let action = self.session.on_body(ops, direction, end);
        perform(envoy, action)
    }

    pub(crate) fn on_trailers(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
    ) -> Step {
        let ops = &mut Ops::new(envoy, self.listener, self.stats);
        let action = self.session.on_trailers(ops, direction);
        perform(envoy, action)
    }

    pub(crate) fn on_complete(&mut self, envoy: &mut EnvoyHttpFilter) {
        let ops = &mut Ops::new(envoy, self.listener, self.stats);
        self.session.on_complete(ops);
    }
}

#[inline]
fn perform(envoy: &mut EnvoyHttpFilter, action: Action) -> Step {
    match action {
        Action::Continue => Step::Continue,
        Action::Hold(hold) => Step::Hold(hold),
        Action::Answer(reply) => {
            answer(envoy, &reply);
            Step::Drop
        }
        Action::Reset(details) => {
            envoy.reset_stream(StreamResetReason::LocalReset, details);
            Step::Drop
        }
    }
}

#[cold]
fn answer(envoy: &mut EnvoyHttpFilter, reply: &Reply) {
    let headers: Vec<(&str, &[u8])> = reply
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    envoy.send_response(reply.status, &headers, reply.body.as_bytes(), reply.details);
}
