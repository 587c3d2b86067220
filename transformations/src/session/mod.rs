//! The life of an exchange: what becomes of a request and of its response, hook by hook.
//!
//! Each direction is in one [`State`]. A hook hands over what has just arrived and does with the
//! message what the [`Action`] says. What has gone on is never looked at again: others in the chain
//! may hold it, and show it with what arrives later.

mod answer;
mod attempts;
mod begin;
mod exchange;
mod holding;
mod host;
mod letting_go;
mod look;
mod meter;
mod passing;
mod run;
mod shown;

use std::mem;
use std::sync::Arc;

pub use host::{Arrival, Chain, Host, RouteProgram};

use exchange::Exchange;
use holding::{Holding, Verdict};
use letting_go::Late;
use meter::Meter;
use passing::Watching;
use run::{Condition, Ended, Running};
use shown::Shown;

use crate::edits::patch::Stream;
use crate::extent::Extent;
use crate::fields::Usage;
use crate::ops::Direction;
use crate::program::{Program, Turn};
use crate::rejection::{Api, Rejection, Reply};

/// What a hook does with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes on, with what was held of it.
    Continue,
    /// It waits: more of it has to arrive.
    Hold(Hold),
    /// It goes no further: this is the answer.
    Answer(Box<Reply>),
    /// It goes no further, and it is too late for an answer: the stream is reset, with these
    /// details.
    Reset(&'static str),
}

/// How the host holds what has arrived of a body. In a hook of headers or trailers all are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// In its buffer. A body that grows over the host's limit is answered by the host.
    Buffer,
    /// In its buffer. The host reads no more at its limit, and the session lets go by then.
    Watermark,
    /// Not at all: the session keeps it, and puts it back.
    Kept,
}

/// The life of one request and its response.
#[derive(Debug)]
pub struct Session {
    listener: Arc<Program>,
    /// The program that runs: the listener's, or that of the route.
    program: Arc<Program>,
    exchange: Exchange,
    chain: Chain,
    request: State,
    response: State,
    request_shown: Shown,
    response_shown: Shown,
    /// Whether the length that the request announces may be that of an earlier attempt's body.
    length_in_doubt: bool,
    /// What a message that has gone on is still owed.
    late: Option<Box<Late>>,
    /// What is measured of a request whose listener is told to.
    meter: Option<Box<Meter>>,
}

/// How far a message is. A state is moved at every hook, so its data lies elsewhere.
#[derive(Debug)]
enum State {
    /// Nothing of it has arrived.
    Idle,
    /// It is held until its pass can run.
    Holding(Box<Holding>),
    /// The headers of the request wait for its body, whose length is in doubt.
    Sizing,
    /// The request has gone on, and is read as it passes.
    Watching(Box<Watching>),
    /// Its documents are edited as they pass.
    Editing(Box<Stream>),
    /// Nothing more is to be done to it.
    Done,
}

impl State {
    /// Whether nothing of the message is held or looked at.
    #[inline]
    fn is_through(&self) -> bool {
        matches!(self, Self::Idle | Self::Done)
    }
}

/// How much of a message has arrived when a pass begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrived {
    Headers,
    /// A part of the body too, which is held.
    Part,
    All,
}

impl Session {
    /// The session of a stream whose listener has this program.
    pub fn new(listener: Arc<Program>) -> Self {
        Self {
            program: Arc::clone(&listener),
            listener,
            exchange: Exchange::default(),
            chain: Chain::Downstream,
            request: State::Idle,
            response: State::Idle,
            request_shown: Shown::default(),
            response_shown: Shown::default(),
            length_in_doubt: false,
            late: None,
            meter: None,
        }
    }

    /// The headers of a message have arrived; `end`: nothing follows.
    pub fn on_headers(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        let action = self.begin(host, direction, end);
        self.measured(host, direction, end, action)
    }

    #[inline]
    fn begin(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        let begun = match direction {
            Direction::Request => {
                let begun = self.begin_request(host);
                self.begin_measuring(host);
                begun
            }
            Direction::Response => {
                self.measure_answer(host);
                self.begin_response(host)
            }
        };
        if let Err(rejection) = begun {
            return self.answer(host, direction, &rejection);
        }
        if direction == Direction::Response && self.accounts() {
            return self.start_answer(host, end);
        }
        if self.program.pass(direction).is_none() {
            *self.state(direction) = State::Done;
            return Action::Continue;
        }
        let arrived = if end { Arrived::All } else { Arrived::Headers };
        if direction == Direction::Request && self.length_in_doubt {
            return self.start_in_doubt(host, arrived);
        }
        self.start(host, direction, arrived, Running::new(Turn::First))
    }

    /// As [`on_headers`](Self::on_headers) goes on, with an answer that is read as it passes.
    #[inline(never)]
    fn start_answer(&mut self, host: &mut dyn Host, end: bool) -> Action {
        let direction = Direction::Response;
        let arrived = if end { Arrived::All } else { Arrived::Headers };
        let action = match self.begin_answer(host, end, Running::new(Turn::First)) {
            Ok(Some(running)) => self.start(host, direction, arrived, running),
            Ok(None) => {
                self.response = State::Done;
                Action::Continue
            }
            Err(rejection) => self.answer(host, direction, &rejection),
        };
        if matches!(action, Action::Answer(_)) {
            // Its body never arrives: what it lacks is no failure.
            self.exchange.close_fields();
        }
        if end || self.exchange.has_read_answer() {
            self.settle(host);
        }
        action
    }

    /// The tokens that the answer has reported, once it has ended or broken off; `None` unless the
    /// listener's program [counts them](Program::count_usage).
    pub fn usage(&self) -> Option<Usage> {
        self.exchange.usage
    }

    /// Whether the body of a message goes on as it is, as most answers' does, and need not be shown.
    #[inline]
    pub fn is_through_with(&self, direction: Direction) -> bool {
        let state = match direction {
            Direction::Request => &self.request,
            Direction::Response if self.meter.is_some() && self.measures_body() => return false,
            Direction::Response if self.exchange.reads_answer() => return false,
            Direction::Response => &self.response,
        };
        state.is_through() && !self.is_late(direction)
    }

    /// Whether nothing is left to do when the stream ends, whatever way it ends, unless more of it arrives.
    #[inline]
    pub fn is_through(&self) -> bool {
        let reads = self.meter.is_some() || self.exchange.reads_answer();
        !reads && self.request.is_through() && self.response.is_through()
    }

    /// How many bytes are held of a message's body: all that has arrived of it. `None` unless it is held.
    pub fn held(&self, host: &dyn Host, direction: Direction) -> Option<usize> {
        let state = match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        };
        match state {
            State::Holding(holding) => Some(holding.bytes(host, direction)),
            _ => None,
        }
    }

    /// A part of a body has arrived; `end`: nothing follows. [`Action::Hold`] at the end: all of it goes on, in an event
    /// of its own.
    #[inline]
    pub fn on_body(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        if self.meter.is_some() {
            return self.receive_measured(host, direction, end);
        }
        self.receive(host, direction, end)
    }

    #[inline(never)]
    fn receive_measured(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        self.measure_body(host, direction);
        let action = self.receive(host, direction, end);
        self.measured(host, direction, end, action)
    }

    #[inline(always)]
    fn receive(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        if self.late.is_some() {
            return self.receive_late(host, direction, end);
        }
        self.receive_next(host, direction, end)
    }

    #[inline(always)]
    fn receive_next(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        self.look(host, direction);
        if direction == Direction::Response && self.exchange.reads_answer() {
            return self.account(host, end);
        }
        self.advance(host, direction, end)
    }

    /// Does to a message what its state asks for.
    #[inline(always)]
    fn advance(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        match self.state(direction) {
            State::Idle | State::Done => Action::Continue,
            State::Holding(holding) => {
                if !end && let Some(hold) = holding.takes_unread(host, direction) {
                    return Action::Hold(hold);
                }
                self.hold(host, direction, end)
            }
            State::Sizing => self.size(host, end),
            State::Watching(_) => self.watch(host, end),
            State::Editing(_) => self.edit(host, direction, end),
        }
    }

    /// The trailers of a message have arrived, and with them its end. [`Action::Hold`]: what was late of it is in the
    /// host's buffer now, which the host passes on if the message goes on in an event of its own.
    #[inline]
    pub fn on_trailers(&mut self, host: &mut dyn Host, direction: Direction) -> Action {
        let is_late = self.is_late(direction);
        match self.on_body(host, direction, true) {
            Action::Continue | Action::Hold(_) if is_late => Action::Hold(Hold::Buffer),
            Action::Hold(_) => Action::Continue,
            action => action,
        }
    }

    /// The stream is over, whatever way it ended. Nothing can be changed any more, but what an answer
    /// said that broke off still becomes metadata.
    #[inline]
    pub fn on_complete(&mut self, host: &mut dyn Host) {
        if self.exchange.reads_answer() {
            self.settle(host);
        }
        if self.meter.is_some() {
            self.record(host);
        }
        for state in [&mut self.request, &mut self.response] {
            if !state.is_through() {
                *state = State::Done;
            }
        }
    }

    #[inline]
    fn state(&mut self, direction: Direction) -> &mut State {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    #[cold]
    fn answer(&mut self, host: &dyn Host, direction: Direction, rejection: &Rejection) -> Action {
        let reply = self.reply(host, rejection);
        if let Some(meter) = &mut self.meter {
            meter.answered(&reply);
        }
        *self.state(direction) = State::Done;
        Action::Answer(reply)
    }

    /// An answer in the shape that the client of this request reads.
    fn reply(&self, host: &dyn Host, rejection: &Rejection) -> Box<Reply> {
        let api = self.exchange.api;
        rejection.reply(self.program.error_format(), || {
            api.unwrap_or_else(|| Api::of_request(host))
        })
    }

    /// Begins the pass of the program that applies: now, or when enough has arrived.
    fn start(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        arrived: Arrived,
        mut running: Running,
    ) -> Action {
        *self.state(direction) = State::Done;
        let Some(pass) = self.program.pass(direction) else {
            return Action::Continue;
        };
        let turn = running.turn;
        if !pass.reads_body(turn) || self.is_tunnel(host, pass) {
            return self.run(host, direction, arrived, &mut running);
        }
        if arrived == Arrived::All {
            running.extent = Extent::Whole;
            return self.run(host, direction, arrived, &mut running);
        }
        if !running.condition_holds {
            match run::condition(pass, host, &self.exchange) {
                Condition::Open => {}
                Condition::Holds => running.condition_holds = true,
                Condition::Fails(failures) => {
                    if let Some(meter) = &mut self.meter
                        && !failures.is_empty()
                    {
                        meter.failed(direction);
                    }
                    host.report(&failures);
                    return match pass.rejection(&failures) {
                        Some(rejection) => self.answer(host, direction, &rejection),
                        None => Action::Continue,
                    };
                }
            }
        }
        if (running.condition_holds || pass.when.is_none())
            && let Err((rejection, failures)) = run::early_rules(pass, host, &self.exchange)
        {
            host.report(&failures);
            return self.answer(host, direction, &rejection);
        }
        running.declared = pass.declared(host).map(Box::new);
        let declared = running.declared.as_deref();
        running.extent = pass.extent(declared, turn);
        if running.extent != Extent::Whole {
            return self.run(host, direction, arrived, &mut running);
        }
        if direction == Direction::Response && self.may_be_replaced(host) {
            running.extent = Extent::TooLong;
            return self.run(host, direction, arrived, &mut running);
        }
        let mut holding = Holding::new(host, pass, running);
        if arrived == Arrived::Part {
            holding.keep(host, direction);
        }
        let hold = holding.hold();
        *self.state(direction) = State::Holding(Box::new(holding));
        Action::Hold(hold)
    }

    /// Holds what has arrived, or lets the message go.
    #[inline(never)]
    fn hold(&mut self, host: &mut dyn Host, direction: Direction, end: bool) -> Action {
        let (state, shown) = match direction {
            Direction::Request => (&mut self.request, &mut self.request_shown),
            Direction::Response => (&mut self.response, &mut self.response_shown),
        };
        let (State::Holding(holding), Some(pass)) = (&mut *state, self.program.pass(direction))
        else {
            return Action::Continue;
        };
        holding.read(host, pass, &self.exchange, end);
        let (arrived, verdict) = if end {
            (Arrived::All, holding.end(host, pass))
        } else {
            (Arrived::Part, holding.verdict(host, pass, shown))
        };
        match verdict {
            Verdict::Hold => {
                holding.keep(host, direction);
                Action::Hold(holding.hold())
            }
            Verdict::Answer(rejection) => self.answer(host, direction, &rejection),
            Verdict::Release(extent) => {
                if let Some(meter) = &mut self.meter {
                    let early = extent == Extent::Begun;
                    meter.released(direction, holding.bytes(host, direction), early);
                }
                let State::Holding(mut holding) = mem::replace(state, State::Done) else {
                    return Action::Continue;
                };
                if direction == Direction::Request && self.length_in_doubt {
                    let whole = arrived == Arrived::All;
                    let size = whole.then(|| holding.bytes(host, direction));
                    attempts::correct_length(host, size);
                }
                let running = holding.release(host, direction, extent);
                let action = self.run(host, direction, arrived, running);
                if arrived == Arrived::Part {
                    if action == Action::Continue {
                        self.let_go(host, direction);
                    }
                    self.note_release(host, direction);
                } else if holding.is_kept() {
                    return self.end_kept(host, direction, action);
                }
                action
            }
        }
    }

    /// Runs the pass on what has arrived. Where the route is chosen again, the new one's pass follows.
    fn run(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        arrived: Arrived,
        running: &mut Running,
    ) -> Action {
        let Some(pass) = self.program.pass(direction) else {
            return Action::Continue;
        };
        let mut ended = Ended::default();
        let ran = run::run(pass, host, &mut self.exchange, running, &mut ended);
        if direction == Direction::Request
            && let Some(meter) = &mut self.meter
        {
            meter.ran(pass, &ended, &self.exchange);
        }
        let Ended {
            failures,
            stream,
            chooses_route,
            ..
        } = ended;
        if !failures.is_empty() {
            host.report(&failures);
        }
        if direction == Direction::Request && self.chain == Chain::Upstream {
            attempts::note_left(host);
        }
        if let Err(rejection) = ran {
            return self.answer(host, direction, &rejection);
        }
        if let Some(stream) = stream {
            *self.state(direction) = State::Editing(stream);
        } else if let Some(reading) = running.reading.take() {
            let watching = Watching::new(Arc::clone(&self.program), reading);
            *self.state(direction) = State::Watching(Box::new(watching));
        }
        if chooses_route && self.chain == Chain::Downstream {
            return self.choose_route_again(host, arrived);
        }
        Action::Continue
    }

    /// Has the host choose the route again. If that has another program, its request pass runs too.
    fn choose_route_again(&mut self, host: &mut dyn Host, arrived: Arrived) -> Action {
        let route = self.next_route(host);
        if self.runs(&route) {
            return Action::Continue;
        }
        if let Err(rejection) = self.apply(host, route) {
            return self.answer(host, Direction::Request, &rejection);
        }
        self.exchange.change_program(&self.program, host);
        let before = mem::replace(&mut self.request, State::Done);
        let action = self.start(
            host,
            Direction::Request,
            arrived,
            Running::new(Turn::Rerouted),
        );
        if let State::Watching(watching) = before {
            match &mut self.request {
                State::Holding(holding) => holding.watch_too(watching),
                state if action == Action::Continue => *state = State::Watching(watching),
                _ => {}
            }
        }
        action
    }
}
