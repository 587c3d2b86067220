//! The beginning of a message: which program applies, and what a client must not have sent.

use std::sync::Arc;

use super::host::{Chain, Host, RouteProgram};
use super::{Session, State, attempts};
use crate::failure::{Failure, Reason};
use crate::ops::Direction;
use crate::program::Pass;
use crate::rejection::Rejection;

/// How often a route is chosen again because its own program owns another header that was forged.
/// Each time there is one less of them, so that this bounds only what a host may get wrong.
const ROUTES: usize = 64;

impl Session {
    /// Settles which program runs, and removes what a client forged. A route that a forged header
    /// chose is chosen again, before its program counts.
    ///
    /// # Errors
    ///
    /// The answer to a request whose route has a program that cannot be used.
    pub(super) fn begin_request(&mut self, host: &mut dyn Host) -> Result<(), Box<Rejection>> {
        let mut route = host.route_program();
        let measures = self.listener.meters().is_some();
        if self.program.is_empty() && !measures && !matches!(route, RouteProgram::Found(_)) {
            return self.apply(host, route);
        }
        // Without an upstream there is nothing that needs it, and Envoy is asked as little as may be.
        self.chain = host.chain();
        if self.chain == Chain::Upstream {
            self.apply(host, route)?;
            self.length_in_doubt = attempts::begin(&self.program, host);
            if self.program.counts_attempts() {
                host.count_attempt();
            }
            self.program.remove_own_headers(host);
            self.exchange.change_program(&self.program, host);
            return Ok(());
        }
        for _ in 0..ROUTES {
            let mut forged = self.program.remove_own_headers(host);
            if let RouteProgram::Found(program) = &route {
                // What it does not own may have led to it, past the program that does.
                forged |= program.remove_own_headers(host);
                forged |= self.program.remove_routing_headers(host);
            }
            if !forged {
                break;
            }
            host.clear_route_cache();
            route = host.route_program();
        }
        self.apply(host, route)?;
        self.exchange.change_program(&self.program, host);
        Ok(())
    }

    /// Settles which program edits the answer: the one of the route that gave it.
    ///
    /// # Errors
    ///
    /// As [`begin_request`](Self::begin_request).
    pub(super) fn begin_response(&mut self, host: &mut dyn Host) -> Result<(), Box<Rejection>> {
        let mut changed = false;
        match self.chain {
            Chain::Downstream => {
                let route = host.route_program();
                if !self.runs(&route) {
                    self.apply(host, route)?;
                    changed = true;
                }
            }
            Chain::Upstream if self.program.pass(Direction::Request).is_none() => {}
            Chain::Upstream if redirects(host) => attempts::undo(host),
            Chain::Upstream => attempts::note_left(host),
        }
        if matches!(self.request, State::Idle) {
            self.program.remove_own_headers(host);
            changed = true;
        }
        if changed {
            self.exchange.change_program(&self.program, host);
        }
        Ok(())
    }

    /// Has the host choose the route again: what the pass that has run set is what counts, and not
    /// what a client forged in headers that the new route's program owns.
    pub(super) fn next_route(&mut self, host: &mut dyn Host) -> RouteProgram {
        host.clear_route_cache();
        let mut route = host.route_program();
        for _ in 0..ROUTES {
            let RouteProgram::Found(program) = &route else {
                break;
            };
            if let Some(meter) = &mut self.meter {
                meter.forget(program);
            }
            if !program.remove_own_headers_but(&self.program, host) {
                break;
            }
            host.clear_route_cache();
            route = host.route_program();
        }
        route
    }

    /// Whether the program that runs is the one that applies on this route.
    pub(super) fn runs(&self, route: &RouteProgram) -> bool {
        match route {
            RouteProgram::Absent => Arc::ptr_eq(&self.listener, &self.program),
            RouteProgram::Found(program) => Arc::ptr_eq(program, &self.program),
            RouteProgram::Broken => false,
        }
    }

    /// Has the program run that applies on this route.
    ///
    /// # Errors
    ///
    /// The answer to a request whose route has a program that cannot be used.
    pub(super) fn apply(
        &mut self,
        host: &mut dyn Host,
        route: RouteProgram,
    ) -> Result<(), Box<Rejection>> {
        match route {
            RouteProgram::Absent => {
                if !Arc::ptr_eq(&self.listener, &self.program) {
                    self.program = Arc::clone(&self.listener);
                }
                Ok(())
            }
            RouteProgram::Found(program) => {
                self.program = program;
                Ok(())
            }
            RouteProgram::Broken => Err(self.refuse(host)),
        }
    }

    /// The answer in place of a route whose program cannot be used: what it would have forbidden must
    /// not pass.
    fn refuse(&mut self, host: &mut dyn Host) -> Box<Rejection> {
        self.program = Arc::default();
        host.report(&[Failure {
            reason: Reason::Config,
            path: "the route's configuration".to_owned(),
            detail: "it cannot be used; the log has the reason".to_owned(),
        }]);
        Rejection::unusable_config()
    }

    /// Whether what follows the headers of a message is not a body. kgateway asks only what the request
    /// was, also of an answer whose `body` is replaced; everything else of an answer is read unless it
    /// has agreed.
    #[inline(always)]
    pub(super) fn is_tunnel(&self, host: &dyn Host, pass: &Pass) -> bool {
        match pass.direction {
            Direction::Request => self.asks_for_tunnel(host),
            Direction::Response if pass.replaces_body() => {
                !matches!(self.request, State::Idle) && self.asks_for_tunnel(host)
            }
            Direction::Response => self.becomes_tunnel(host),
        }
    }

    /// Whether the answer agrees that what follows is not a body: 101 to an upgrade, or any success of a
    /// CONNECT. Any other answer to such a request has a body as all have.
    pub(super) fn becomes_tunnel(&self, host: &dyn Host) -> bool {
        if matches!(self.request, State::Idle) || !self.asks_for_tunnel(host) {
            return false;
        }
        let is_connect = host
            .first_header_value(Direction::Request, "upgrade")
            .is_none();
        let status = host.first_header_value(Direction::Response, ":status");
        status.is_some_and(|(status, _)| match status {
            b"101" => true,
            [b'2', _, _] => is_connect,
            _ => false,
        })
    }

    /// Whether the request asks that what follows is not a body: a WebSocket, any other upgrade that
    /// Envoy lets through, which is one that `connection` names, or a CONNECT tunnel.
    #[inline(always)]
    pub(super) fn asks_for_tunnel(&self, host: &dyn Host) -> bool {
        let is = |value: &[u8], expected: &str| {
            value.trim_ascii().eq_ignore_ascii_case(expected.as_bytes())
        };
        let first = |name| host.first_header_value(Direction::Request, name);
        if first("upgrade").is_none() {
            return first(":method").is_some_and(|(method, _)| is(method, "CONNECT"));
        }
        let header = |name| host.header_values(Direction::Request, name);
        let names_it = |value: &&[u8]| value.split(|b| *b == b',').any(|o| is(o, "upgrade"));
        header("upgrade").iter().any(|value| is(value, "websocket"))
            || header("connection").iter().any(names_it)
    }

    /// Whether the host must not be made to hold an answer, because another attempt may take its place.
    pub(super) fn may_be_replaced(&self, host: &dyn Host) -> bool {
        self.chain == Chain::Upstream && !host.holds_replaceable() && !succeeds(host)
    }
}

/// Whether the status of the answer is one of success.
pub(super) fn succeeds(host: &dyn Host) -> bool {
    let status = host.first_header_value(Direction::Response, ":status");
    status.is_some_and(|(status, _)| matches!(status, [b'2', _, _]))
}

/// Whether the answer may have the host send the request to another place: as a new request, which
/// nothing of this attempt outlives but what it did to the headers. Envoy follows no other codes.
fn redirects(host: &dyn Host) -> bool {
    let codes: [&[u8]; 5] = [b"301", b"302", b"303", b"307", b"308"];
    let status = host.first_header_value(Direction::Response, ":status");
    status.is_some_and(|(status, _)| codes.contains(&status))
}
