//! One stream: Envoy's hooks handed to a session, and what the session decides done with Envoy.

use std::sync::Arc;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, EventFlow, HeldResponse, LocalReply, RequestFlow, Reset, ResponseFlow,
    StreamResetReason,
};
use transformations::{Action, Direction, Hold, Program, Reply, Session};

use crate::counted_end;
use crate::ops::{Ops, http_body};
use crate::stats::Stats;

/// What a hook does with the message.
pub(crate) enum Step {
    /// Lets it go on.
    Continue,
    /// Holds it: more of it has to arrive.
    Hold(Hold),
    /// Answers in place of what was to come.
    Reply(Box<LocalReply>),
    /// Cuts the stream off.
    Reset(Box<Reset>),
}

impl Step {
    /// Cuts the stream off, for what the response code details name.
    #[cold]
    pub(crate) fn reset(details: &'static str) -> Self {
        Self::Reset(Box::new(Reset::new(StreamResetReason::LocalReset, details)))
    }

    /// As a request hook returns it; `hold` is the hook's status for what is held.
    #[inline(always)]
    pub(crate) fn request<S>(self, go_on: S, hold: impl FnOnce(Hold) -> S) -> RequestFlow<S> {
        match self {
            Self::Continue => RequestFlow::Status(go_on),
            Self::Hold(kind) => RequestFlow::Status(hold(kind)),
            Self::Reply(reply) => RequestFlow::Reply(reply),
            Self::Reset(reset) => RequestFlow::Reset(reset),
        }
    }

    /// As a response hook returns it.
    #[inline(always)]
    pub(crate) fn response<S>(self, go_on: S, hold: impl FnOnce(Hold) -> S) -> ResponseFlow<S> {
        match self {
            Self::Continue => ResponseFlow::Status(go_on),
            Self::Hold(kind) => ResponseFlow::Status(hold(kind)),
            Self::Reply(reply) => ResponseFlow::Reply(reply),
            Self::Reset(reset) => ResponseFlow::Reset(reset),
        }
    }

    /// As the hook of an event returns it; `held` is the answer, if it is held.
    pub(crate) fn event(self, held: Option<HeldResponse>) -> EventFlow {
        match self {
            Self::Continue => held.map_or(EventFlow::Wait, EventFlow::ContinueResponse),
            Self::Hold(_) => EventFlow::Wait,
            Self::Reply(reply) => EventFlow::Reply(reply),
            Self::Reset(reset) => EventFlow::Reset(reset),
        }
    }
}

/// One stream.
pub(crate) struct Stream {
    session: Session,
    /// The number of the filter's configuration.
    listener: u64,
    stats: Arc<Stats>,
    /// How much Envoy holds of a body, unless a filter of the stream changes it.
    limit: Option<u64>,
}

impl Stream {
    pub(crate) fn new(
        program: Arc<Program>,
        listener: u64,
        stats: Arc<Stats>,
        limit: Option<u64>,
    ) -> Self {
        Self {
            session: Session::new(program),
            listener,
            stats,
            limit,
        }
    }

    pub(crate) fn on_headers(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
        end: bool,
    ) -> Step {
        let ops = &mut Ops::new(envoy, self.listener, &self.stats, self.limit);
        let action = self.session.on_headers(ops, direction, end);
        self.leave_out_body(envoy, direction);
        if direction == Direction::Response {
            envoy.leave_out_complete(self.session.is_through());
        }
        step(action)
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
        let ops = &mut Ops::new(envoy, self.listener, &self.stats, self.limit);
        let action = self.session.on_body(ops, direction, end);
        self.leave_out_body(envoy, direction);
        step(action)
    }

    /// Leaves out the hooks of what is still to come of a body, if it goes on as it is.
    #[inline(always)]
    fn leave_out_body(&self, envoy: &mut EnvoyHttpFilter, direction: Direction) {
        if self.session.is_through_with(direction) {
            envoy.leave_out_body(http_body(direction));
        }
    }

    pub(crate) fn on_trailers(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
    ) -> Step {
        let ops = &mut Ops::new(envoy, self.listener, &self.stats, self.limit);
        let action = self.session.on_trailers(ops, direction);
        step(action)
    }

    /// Ends a held answer whose end Envoy has not reported, if it has arrived whole.
    #[cold]
    pub(crate) fn on_counted_end(&mut self, envoy: &mut EnvoyHttpFilter) -> Step {
        let ops = &mut Ops::new(envoy, self.listener, &self.stats, self.limit);
        match self.session.held(ops, Direction::Response) {
            Some(held) if counted_end::is_whole(envoy, held) => {
                self.on_trailers(envoy, Direction::Response)
            }
            _ => Step::Hold(Hold::Kept),
        }
    }

    pub(crate) fn on_complete(&mut self, envoy: &mut EnvoyHttpFilter) {
        let ops = &mut Ops::new(envoy, self.listener, &self.stats, self.limit);
        self.session.on_complete(ops);
    }
}

#[inline]
fn step(action: Action) -> Step {
    match action {
        Action::Continue => Step::Continue,
        Action::Hold(hold) => Step::Hold(hold),
        Action::Answer(reply) => Step::Reply(local_reply(&reply)),
        Action::Reset(details) => Step::reset(details),
    }
}

#[cold]
fn local_reply(reply: &Reply) -> Box<LocalReply> {
    let answer = LocalReply::new(reply.status)
        .body(reply.body.as_bytes())
        .details(reply.details);
    Box::new(reply.headers.iter().fold(answer, |answer, (name, value)| {
        answer.header(name, value.as_bytes())
    }))
}
