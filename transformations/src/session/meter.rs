//! What is counted and measured of one exchange, and recorded once, when it is over.

use std::sync::Arc;
use std::time::Duration;

use bodies::content::MediaType;

use super::begin::succeeds;
use super::exchange::Exchange;
use super::host::{Chain, Host};
use super::run::Ended;
use super::{Action, Session, State};
use crate::headers::Snapshot;
use crate::metrics::{Meters, Metric, RequestOutcome, TokenType};
use crate::ops::Direction;
use crate::program::{Pass, Program};
use crate::rejection::Reply;

/// The measuring of one exchange.
#[derive(Debug)]
pub(super) struct Meter {
    meters: Arc<Meters>,
    /// The request's headers as they arrived, as far as labels look at them.
    request: Snapshot,
    started: Duration,
    outcome: RequestOutcome,
    /// How many bytes had arrived of the request when it went on, if it was held.
    held_request: Option<usize>,
    /// The same of the response.
    held_response: Option<usize>,
    /// Whether the request went on before its end.
    released_early: bool,
    /// Whether the answer is a success.
    succeeds: bool,
    /// Whether the answer is a stream of events.
    streams: bool,
    /// When the first byte of the answer's body arrived.
    first_byte: Option<Duration>,
}

impl Meter {
    #[inline(never)]
    pub(super) fn new(meters: &Arc<Meters>, host: &dyn Host) -> Box<Self> {
        Box::new(Self {
            meters: Arc::clone(meters),
            request: Snapshot::take(host, Direction::Request, meters.request_headers()),
            started: host.now(),
            outcome: RequestOutcome::Routed,
            held_request: None,
            held_response: None,
            released_early: false,
            succeeds: false,
            streams: false,
            first_byte: None,
        })
    }

    /// Notes how the pass over the request ended.
    pub(super) fn ran(&mut self, pass: &Pass, ended: &Ended, exchange: &Exchange) {
        if ended.failures.len() > ended.field_failures.unwrap_or(0) {
            self.became(RequestOutcome::Failed);
        }
        match (ended.field_failures, &exchange.extracted) {
            (Some(1..), _) => self.became(RequestOutcome::Invalid),
            (Some(0), Some(extracted)) if pass.extraction.lacks_header(extracted) => {
                self.became(RequestOutcome::Missing);
            }
            _ => {}
        }
    }

    /// Notes the answer in place of a message.
    pub(super) fn answered(&mut self, reply: &Reply) {
        self.became(if reply.rejects() {
            RequestOutcome::Rejected
        } else {
            RequestOutcome::Failed
        });
    }

    /// Notes that a message could not be transformed.
    pub(super) fn failed(&mut self, direction: Direction) {
        if direction == Direction::Request {
            self.became(RequestOutcome::Failed);
        }
    }

    fn became(&mut self, outcome: RequestOutcome) {
        self.outcome = self.outcome.max(outcome);
    }

    /// Notes that a message that was held goes on; `early`: before its end, as soon as its fields are
    /// known. On a route that is chosen again it may be held once more.
    pub(super) fn released(&mut self, direction: Direction, bytes: usize, early: bool) {
        let held = match direction {
            Direction::Request => &mut self.held_request,
            Direction::Response => &mut self.held_response,
        };
        *held = Some(held.unwrap_or(0).max(bytes));
        self.released_early |= early;
    }

    /// Notes that the exchange is over, and the request never went on.
    fn stayed(&mut self) {
        self.became(RequestOutcome::Unsent);
    }

    /// Forgets what a client forged in headers of a program that was found later.
    pub(super) fn forget(&mut self, program: &Program) {
        for name in program.own_headers() {
            self.request.forget(name);
        }
    }

    /// Whether the next piece of the answer's body matters.
    pub(super) fn awaits_body(&self) -> bool {
        self.first_byte.is_none()
    }

    /// Notes when the body of the answer begins.
    fn arrived(&mut self, host: &dyn Host) {
        let received = || host.received_chunks(Direction::Response);
        if self.first_byte.is_none() && received().iter().any(|chunk| !chunk.is_empty()) {
            self.first_byte = Some(host.now());
        }
    }

    /// Records everything, when the exchange is over.
    fn record(self, host: &mut dyn Host, exchange: &Exchange) {
        let needed = self.meters.request_headers();
        let now = host.now();
        let request = Snapshot::take(host, Direction::Request, needed).or(self.request);
        let extracted = exchange.extracted.as_ref();
        let succeeded = self.succeeds && self.outcome == RequestOutcome::Routed;
        let labels = self.meters.labels(host, &request, extracted, succeeded);
        let mut record = |metric, own: Option<&'static str>, value: u64| {
            let labels: Vec<&str> = labels.iter().map(String::as_str).chain(own).collect();
            host.record(metric, &labels, value);
        };
        record(Metric::Requests, Some(self.outcome.as_str()), 1);
        for (direction, bytes) in [
            (Direction::Request, self.held_request),
            (Direction::Response, self.held_response),
        ] {
            if let Some(bytes) = bytes {
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                record(Metric::HeldBytes, Some(direction.as_str()), bytes);
            }
        }
        if self.released_early {
            record(Metric::EarlyReleases, None, 1);
        }
        let usage = exchange.usage.unwrap_or_default();
        for (kind, tokens) in [
            (TokenType::Input, usage.input),
            (TokenType::Output, usage.output),
            (TokenType::Cached, usage.cached),
            (TokenType::Reasoning, usage.reasoning),
        ] {
            if let Some(tokens) = tokens.filter(|tokens| *tokens > 0) {
                record(Metric::Tokens, Some(kind.as_str()), tokens);
            }
        }
        let time = now.saturating_sub(self.started);
        record(Metric::ResponseTime, None, whole(time.as_millis()));
        let Some(first) = self.first_byte else {
            return;
        };
        let time = first.saturating_sub(self.started);
        record(Metric::TimeToFirstByte, None, whole(time.as_millis()));
        let later = usage.output.unwrap_or(0).saturating_sub(1);
        let time = whole(now.saturating_sub(first).as_micros());
        if let Some(time) = time.checked_div(later).filter(|_| self.streams) {
            record(Metric::TimePerOutputToken, None, time);
        }
    }
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether a body of this type is a stream of documents, of which each brings some tokens.
fn is_stream(content_type: &[u8]) -> bool {
    let kind = MediaType::of(content_type);
    matches!(
        kind,
        MediaType::Events | MediaType::Lines | MediaType::EventStream
    )
}

impl Session {
    /// Begins to measure a request, if its listener is told to.
    #[inline]
    pub(super) fn begin_measuring(&mut self, host: &dyn Host) {
        if let Some(meters) = self.listener.meters() {
            self.meter = Some(Meter::new(meters, host));
        }
    }

    /// Notes what comes of a hook; `ended`: the message has. Returns the action, for the host to do.
    #[inline]
    pub(super) fn measured(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        ended: bool,
        action: Action,
    ) -> Action {
        if self.meter.is_some() {
            self.measure(host, direction, ended, &action);
        }
        action
    }

    #[inline(never)]
    fn measure(&mut self, host: &mut dyn Host, direction: Direction, ended: bool, action: &Action) {
        let over = match action {
            Action::Answer(_) | Action::Reset(_) => true,
            Action::Continue | Action::Hold(_) => ended && direction == Direction::Response,
        };
        // Nothing reports the end of an exchange in a cluster's chain.
        if over && self.chain == Chain::Upstream {
            self.record(host);
        }
    }

    /// Whether pieces of the answer's body are measured. In a cluster's chain its end is.
    pub(super) fn measures_body(&self) -> bool {
        let awaits = |meter: &Meter| self.chain == Chain::Upstream || meter.awaits_body();
        self.meter.as_deref().is_some_and(awaits)
    }

    /// Notes what the headers of the answer say of it.
    #[inline]
    pub(super) fn measure_answer(&mut self, host: &dyn Host) {
        if let Some(meter) = &mut self.meter {
            let kind = host.first_header_value(Direction::Response, "content-type");
            meter.streams = kind.is_some_and(|(kind, _)| is_stream(kind));
            meter.succeeds = succeeds(host);
        }
    }

    /// Notes when the body of the answer begins.
    #[inline]
    pub(super) fn measure_body(&mut self, host: &dyn Host, direction: Direction) {
        if direction == Direction::Response
            && let Some(meter) = &mut self.meter
        {
            meter.arrived(host);
        }
    }

    /// Records what was measured, unless it was before.
    #[inline(never)]
    pub(super) fn record(&mut self, host: &mut dyn Host) {
        if let Some(mut meter) = self.meter.take() {
            if matches!(self.request, State::Holding(_) | State::Sizing) {
                meter.stayed();
            }
            meter.record(host, &self.exchange);
        }
    }
}
