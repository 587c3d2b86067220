//! The life cycle of one stream: which program it runs, and when each message's pass runs.

use std::sync::{Arc, Once};

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, HttpBody, HttpHeaderType, StreamResetReason, envoy_log_error,
};
use transformations::{
    ConfigErrors, Direction, Exchange, Extent, HELD_BYTES, Pass, Program, Reason, Reply,
    TransformationOps,
};

use crate::configuration::{Route, route_config};
use crate::ops::{Ops, http_body};
use crate::stats::Stats;

/// What a hook does with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Lets it go on.
    Continue,
    /// Holds it: more of it has to arrive, or it has been answered.
    Hold,
    /// Throws away what arrived: the stream has been cut off.
    Drop,
}

/// One stream.
pub(crate) struct Stream {
    program: Arc<Program>,
    /// Whether `program` is a route's: it stays then, whatever route is chosen later.
    from_route: bool,
    stats: Stats,
    exchange: Option<Exchange>,
    /// Whether the request's headers came this way: another filter may answer before.
    request_seen: bool,
    request_done: bool,
    response_done: bool,
    response_seen: bool,
    /// Whether a part of the request's body has arrived.
    body_begun: bool,
    /// The program whose fields are still watched over in a request that has gone on.
    watching: Option<Arc<Program>>,
}

impl Stream {
    pub(crate) fn new(listener: Arc<Program>, stats: Stats) -> Self {
        Self {
            program: listener,
            from_route: false,
            stats,
            exchange: None,
            request_seen: false,
            request_done: false,
            response_done: false,
            response_seen: false,
            body_begun: false,
            watching: None,
        }
    }

    pub(crate) fn on_headers(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
        end_of_stream: bool,
    ) -> Step {
        if let Err(errors) = self.begin(envoy) {
            return self.refuse(envoy, &errors);
        }
        self.request_seen |= direction == Direction::Request;
        self.response_seen |= direction == Direction::Response;
        let Some(pass) = self.program.pass(direction) else {
            return Step::Continue;
        };
        if !pass.reads_body() || (self.request_seen && is_upgrade(envoy)) {
            // Of a WebSocket or CONNECT stream, what follows the headers is not a body.
            return self.run(envoy, direction, Extent::Headers);
        }
        if end_of_stream {
            return self.run(envoy, direction, Extent::Whole);
        }
        let exchange = self.exchange.as_mut();
        let ruled_out = exchange.and_then(|exchange| pass.rules_out(&mut Ops(envoy), exchange));
        if let Some(outcome) = ruled_out {
            self.finish(direction);
            self.stats.report(envoy, &outcome.failures);
            return Step::Continue;
        }
        match pass.extent(&Ops(envoy)) {
            Extent::Whole => {
                allow_to_hold(envoy, pass);
                Step::Hold
            }
            extent => self.run(envoy, direction, extent),
        }
    }

    pub(crate) fn on_body(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
        end_of_stream: bool,
    ) -> Step {
        if self.done(direction) {
            self.edit_events(envoy, direction, end_of_stream);
            return self.watch(envoy, direction, end_of_stream);
        }
        let decided = direction == Direction::Request && self.read(envoy, end_of_stream);
        if end_of_stream {
            self.run(envoy, direction, Extent::Whole)
        } else if decided {
            self.run(envoy, direction, Extent::Begun)
        } else {
            Step::Hold
        }
    }

    /// Trailers end a message as much as the end of its body does.
    pub(crate) fn on_trailers(
        &mut self,
        envoy: &mut EnvoyHttpFilter,
        direction: Direction,
    ) -> Step {
        if self.done(direction) {
            self.edit_events(envoy, direction, true);
            return self.watch(envoy, direction, true);
        }
        self.run(envoy, direction, Extent::Whole)
    }

    /// Reads what has arrived of the request's body while it is warm in the processor's cache;
    /// whether the request can go on now. A body held to its end that came in one piece is left to
    /// the pass: that takes fewer calls.
    fn read(&mut self, envoy: &mut EnvoyHttpFilter, ended: bool) -> bool {
        let first = !self.body_begun;
        self.body_begun = true;
        let (Some(pass), Some(exchange)) =
            (self.program.pass(Direction::Request), &mut self.exchange)
        else {
            return false;
        };
        if !pass.reads_as_it_arrives()
            || (!pass.streams() && (first || (ended && !exchange.is_reading())))
        {
            return false;
        }
        for chunk in envoy.body_chunks_after(HttpBody::Request, exchange.bytes_read()) {
            pass.read(exchange, &chunk);
        }
        pass.streams()
            && !ended
            && (pass.is_decided(&Ops(envoy), exchange)
                || exchange.bytes_read() > most_held_bytes(envoy, pass))
    }

    /// Reads what passes of a request that has gone on; cuts it off when it turns out not to be what
    /// it was routed as.
    fn watch(&mut self, envoy: &mut EnvoyHttpFilter, direction: Direction, ended: bool) -> Step {
        if direction == Direction::Response {
            return Step::Continue;
        }
        let (Some(program), Some(exchange)) = (self.watching.take(), &mut self.exchange) else {
            return Step::Continue;
        };
        let Some(pass) = program.pass(Direction::Request) else {
            return Step::Continue;
        };
        // Whatever Envoy holds is new: all before it is gone.
        for chunk in envoy.body_chunks(HttpBody::Request) {
            pass.read(exchange, &chunk);
        }
        let outcome = pass.check(exchange, ended);
        if exchange.is_reading() {
            self.watching = Some(program);
        }
        self.stats.report(envoy, &outcome.failures);
        match outcome.reply {
            None => Step::Continue,
            Some(reply) if self.response_seen => {
                envoy.reset_stream(StreamResetReason::LocalReset, reply.details);
                Step::Drop
            }
            Some(reply) => {
                answer(envoy, &reply);
                Step::Drop
            }
        }
    }

    /// Edits the events that a chunk brings, if the pass has them edited as they pass.
    fn edit_events(&mut self, envoy: &mut EnvoyHttpFilter, direction: Direction, end: bool) {
        let (Some(pass), Some(exchange)) = (self.program.pass(direction), &mut self.exchange)
        else {
            return;
        };
        if !pass.edits_events(exchange) {
            return;
        }
        let body = http_body(direction);
        let chunks = envoy.received_body_chunks(body);
        let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_slice()).collect();
        if let Some((edited, outcome)) = pass.edit_events(exchange, &chunks, end) {
            envoy.replace_received_body(body, &edited);
            self.stats.report(envoy, &outcome.failures);
        }
    }

    /// Settles which program runs. Asked again at each message, because a route may be chosen
    /// between the two; a route's configuration once found stays.
    fn begin(&mut self, envoy: &mut EnvoyHttpFilter) -> Result<(), ConfigErrors> {
        let changed = !self.from_route && self.find_route_program(envoy)?;
        if self.program.is_empty() {
            return Ok(());
        }
        let ops = &mut Ops(envoy);
        match &mut self.exchange {
            None => self.exchange = Some(Exchange::begin(&self.program, ops)),
            Some(exchange) if changed => exchange.change_program(&self.program, ops),
            Some(_) => {}
        }
        Ok(())
    }

    fn find_route_program(&mut self, envoy: &mut EnvoyHttpFilter) -> Result<bool, ConfigErrors> {
        let mut route = route_config::<Route>(envoy);
        // What a client forges in the listener's headers must not choose a route whose own
        // configuration would let it pass.
        if route.is_some() && self.exchange.is_none() {
            let ops = &mut Ops(envoy);
            if self.program.remove_forged_headers(ops) {
                ops.clear_route_cache();
                route = route_config::<Route>(envoy);
            }
        }
        let Some(route) = route else {
            return Ok(false);
        };
        self.from_route = true;
        self.program = Arc::clone(route.program.program().map_err(Clone::clone)?);
        Ok(true)
    }

    /// Answers in place of a route whose configuration does not compile any more.
    fn refuse(&mut self, envoy: &mut EnvoyHttpFilter, errors: &ConfigErrors) -> Step {
        // Once: every request of the route comes by here.
        static LOGGED: Once = Once::new();
        LOGGED.call_once(|| {
            envoy_log_error!(
                "a route's configuration was checked and does not compile, which is a bug; its requests \
                 are answered 500: {errors}"
            );
        });
        self.program = Arc::default();
        self.stats.count(envoy, Reason::Config);
        answer(envoy, &Reply::unusable_config());
        Step::Hold
    }

    fn done(&self, direction: Direction) -> bool {
        let done = match direction {
            Direction::Request => self.request_done,
            Direction::Response => self.response_done,
        };
        done || self.program.pass(direction).is_none()
    }

    /// Nothing more is to be done to this message, but what it goes on with.
    fn finish(&mut self, direction: Direction) {
        match direction {
            Direction::Request => self.request_done = true,
            Direction::Response => self.response_done = true,
        }
    }

    fn run(&mut self, envoy: &mut EnvoyHttpFilter, direction: Direction, extent: Extent) -> Step {
        self.finish(direction);
        let (Some(pass), Some(exchange)) = (self.program.pass(direction), &mut self.exchange)
        else {
            return Step::Continue;
        };
        let outcome = pass.run(&mut Ops(envoy), exchange, extent);
        if extent == Extent::Begun && exchange.is_reading() {
            self.watching = Some(Arc::clone(&self.program));
        }
        self.stats.report(envoy, &outcome.failures);
        let Some(reply) = outcome.reply else {
            return Step::Continue;
        };
        answer(envoy, &reply);
        Step::Hold
    }
}

fn answer(envoy: &mut EnvoyHttpFilter, reply: &Reply) {
    let headers: Vec<(&str, &[u8])> = reply
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    envoy.send_response(reply.status, &headers, reply.body.as_bytes(), reply.details);
}

/// Has Envoy hold as much of the message as the configuration says, where it says and Envoy can.
fn allow_to_hold(envoy: &mut EnvoyHttpFilter, pass: &Pass) {
    let Some(most) = pass.max_held_bytes() else {
        return;
    };
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    // A request that goes on before its end is not to be refused for what follows: raise only. Zero
    // is Envoy's word for no limit.
    let lower = |limit| (1..most).contains(&limit);
    if !pass.streams() || envoy.buffer_limit().is_some_and(lower) {
        envoy.set_buffer_limit(most);
    }
}

/// How much of a streamed request to hold: more than Envoy's limit would be answered 413.
fn most_held_bytes(envoy: &EnvoyHttpFilter, pass: &Pass) -> usize {
    let most = pass.max_held_bytes().unwrap_or(HELD_BYTES);
    match envoy.buffer_limit() {
        None | Some(0) => most,
        Some(limit) => usize::try_from(limit).map_or(most, |limit| limit.min(most)),
    }
}

/// WebSocket, in HTTP/1 and as Envoy shows HTTP/2's extended CONNECT; any other upgrade that Envoy
/// lets through, which is one that its `connection` names; or a CONNECT tunnel.
fn is_upgrade(envoy: &EnvoyHttpFilter) -> bool {
    let header = |name| envoy.header(HttpHeaderType::RequestHeader, name);
    let is =
        |value: &[u8], expected: &str| value.trim_ascii().eq_ignore_ascii_case(expected.as_bytes());
    // Envoy keeps one value of each of these, joined from all that arrived.
    let Some(upgrade) = header("upgrade") else {
        return header(":method").is_some_and(|method| is(&method, "CONNECT"));
    };
    let connection = header("connection");
    let connection = connection.as_deref().unwrap_or_default();
    upgrade.eq_ignore_ascii_case(b"websocket")
        || connection
            .split(|byte| *byte == b',')
            .any(|option| is(option, "upgrade"))
}
