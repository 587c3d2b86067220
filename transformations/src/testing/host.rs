//! The host: what it holds, what was done to it, and what was asked of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::message::Message;
use super::surroundings::Surroundings;
use crate::failure::Failure;
use crate::metrics::Metric;
use crate::note::Note;
use crate::ops::{AttributeValue, Direction};
use crate::program::Program;
use crate::rejection::Reply;
use crate::session::Chain;

/// A host in memory.
#[derive(Debug)]
pub struct Host {
    /// The request.
    pub request: Message,
    /// The answer to it.
    pub response: Message,
    /// Names of headers it lets nobody set or add to.
    pub refuses: Vec<String>,
    /// Whether it has one line for a header, to which values are added by a comma, as Envoy 1.36.
    pub joins_lines: bool,
    /// Whether it tells of trailers, which a message with a length has none of in HTTP/1.
    pub tells_trailers: bool,
    /// The buffer limit that it tells, in bytes; 0: none. `None`: it tells no limit, as Envoy before 1.38.
    pub limit: Option<u64>,
    /// The same before a filter of the stream changed it; `None`: it is not known.
    pub first_limit: Option<u64>,
    /// The chain that the filter stands in.
    pub chain: Chain,
    /// Whether it sends on, without its headers, an answer that was held and that another attempt replaces,
    /// as Envoy 1.36.
    pub loses_replaced: bool,
    /// The routes, of which the first that matches is chosen, unless the surroundings choose.
    pub routes: Vec<Route>,
    /// What is around the exchange, if it is more than routes.
    pub surroundings: Option<Arc<dyn Surroundings>>,
    /// Dynamic metadata in the order it was set: namespace, key, value.
    pub metadata: Vec<(String, String, AttributeValue)>,
    /// What was recorded of metrics, in order: the metric, the values of its labels, the value.
    pub recorded: Vec<(Metric, Vec<String>, u64)>,
    /// The time that it tells.
    pub now: Duration,
    /// What was found and done, in order: in which message, and whatever one pass noted.
    pub notes: Vec<(Direction, Vec<Note>)>,
    /// What went wrong, in order.
    pub failures: Vec<Failure>,
    /// The answer in place of a message, and which message that was.
    pub reply: Option<(Direction, Reply)>,
    /// The details of a reset.
    pub reset: Option<&'static str>,
    /// How many pieces of each body had arrived when the message went on before its end.
    pub released: [Option<usize>; 2],
    /// What came of each hook of each message, in order: how many bytes of the body had then gone on;
    /// `None`: the message was held.
    pub hooks: [Vec<Option<usize>>; 2],
    /// How often each method was called.
    pub calls: RefCell<BTreeMap<&'static str, usize>>,
    /// What was asked of the host, or done with it, against its contract.
    pub violations: Vec<String>,
    /// The number of the filter that is played.
    pub filter: u64,
    /// What attempts of one request share.
    pub saved: Option<Vec<u8>>,
    pub(super) buffers: [Buffers; 2],
    /// Which route is chosen, if any is, until it is chosen again.
    pub(super) route: Option<Option<usize>>,
}

/// A route.
#[derive(Clone, Debug)]
pub struct Route {
    /// What a test calls it.
    pub name: String,
    /// The request headers, with their values, that lead to it; none: every request.
    pub headers: Vec<(String, String)>,
    /// Its own program.
    pub program: Option<Arc<Program>>,
}

/// Where the parts of a body are.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// A filter behind keeps what has gone on, in the buffer that all share.
    pub(super) shared: Vec<Vec<u8>>,
    pub(super) held: Vec<Vec<u8>>,
    pub(super) received: Vec<Vec<u8>>,
    /// What the hook brought is all that is held, shown again.
    pub(super) again: bool,
    /// The trailers are there already.
    pub(super) has_trailers: bool,
    /// The hook that runs is one of headers or trailers.
    pub(super) no_frame: bool,
}

impl Route {
    /// A route that requests with these headers take.
    pub fn new(headers: &[(&str, &str)], program: Option<Arc<Program>>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            name: String::new(),
            headers: headers.iter().map(owned).collect(),
            program,
        }
    }
}

impl Host {
    /// A host of this exchange, which holds bodies of any length.
    pub fn new(request: Message, response: Message) -> Self {
        Self {
            request,
            response,
            refuses: Vec::new(),
            joins_lines: false,
            tells_trailers: false,
            limit: Some(0),
            first_limit: None,
            chain: Chain::Downstream,
            loses_replaced: false,
            routes: Vec::new(),
            surroundings: None,
            metadata: Vec::new(),
            recorded: Vec::new(),
            now: Duration::ZERO,
            notes: Vec::new(),
            failures: Vec::new(),
            reply: None,
            reset: None,
            released: [None; 2],
            hooks: Default::default(),
            calls: RefCell::default(),
            violations: Vec::new(),
            filter: 0,
            saved: None,
            buffers: Default::default(),
            route: None,
        }
    }

    /// One of the messages.
    pub fn message(&self, direction: Direction) -> &Message {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    pub(super) fn message_mut(&mut self, direction: Direction) -> &mut Message {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// How often a method was called.
    pub fn calls_of(&self, method: &str) -> usize {
        self.calls.borrow().get(method).copied().unwrap_or(0)
    }

    pub(super) fn called(&self, method: &'static str) {
        let mut calls = self.calls.borrow_mut();
        let count = calls.entry(method).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn buffers(&self, direction: Direction) -> &Buffers {
        let [request, response] = &self.buffers;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }

    pub(super) fn buffers_mut(&mut self, direction: Direction) -> &mut Buffers {
        let [request, response] = &mut self.buffers;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }

    /// What came of each hook of a message; see [`Host::hooks`].
    pub fn hooks_of(&self, direction: Direction) -> &[Option<usize>] {
        let [request, response] = &self.hooks;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }

    pub(super) fn note_hook(&mut self, direction: Direction, gone: bool) {
        let bytes = self.message(direction).chunks.iter().map(Vec::len).sum();
        let [request, response] = &mut self.hooks;
        let hooks = match direction {
            Direction::Request => request,
            Direction::Response => response,
        };
        hooks.push(gone.then_some(bytes));
    }

    pub(super) fn violated(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// Which route the request's headers lead to: the first that they match, unless the surroundings choose.
    pub(super) fn choose(&self) -> Option<usize> {
        if let Some(surroundings) = &self.surroundings {
            return surroundings.route(&self.request);
        }
        let has = |(name, value): &(String, String)| self.request.values(name).contains(value);
        let matches = |route: &Route| route.headers.iter().all(has);
        self.routes.iter().position(matches)
    }

    /// The number of the route that the exchange is on.
    pub fn route_number(&self) -> Option<usize> {
        self.route.unwrap_or_else(|| self.choose())
    }

    /// Puts the exchange on a route, until one is chosen again.
    pub fn put_on_route(&mut self, number: Option<usize>) {
        self.route = Some(number);
    }

    /// The route that the exchange is on.
    pub fn chosen_route(&self) -> Option<&Route> {
        self.routes.get(self.route_number()?)
    }
}
