//! What a session needs of the host besides the messages themselves.

use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;
use crate::metrics::Metric;
use crate::note::Note;
#[cfg(doc)]
use crate::ops::Attribute;
use crate::ops::{Direction, TransformationOps};
use crate::program::Program;

/// The chain of filters that this one stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The listener's: it sees each request once, and the route may be chosen again.
    Downstream,
    /// A cluster's: it sees each attempt, on a route that is settled.
    Upstream,
}

/// The program of the route that the host has chosen.
#[derive(Clone, Debug)]
pub enum RouteProgram {
    /// The route has none: the listener's applies.
    Absent,
    /// The route's own, which replaces the listener's as a whole.
    Found(Arc<Program>),
    /// The route has one that cannot be used. The host logs why.
    Broken,
}

/// How much of a body has arrived at a hook, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// What the hook brought.
    pub brought: usize,
    /// What is held besides, by whichever filter. `None`: all that is held is what the hook brought, so that
    /// other hooks may have brought it before.
    pub held: Option<usize>,
}

/// The host of a [`Session`](super::Session): Envoy, or a test.
///
/// Every method with a body is about what a host may lack.
pub trait Host: TransformationOps {
    /// The chain that the filter stands in. A session asks while it holds the headers of a request.
    fn chain(&self) -> Chain {
        Chain::Downstream
    }

    /// Whether an answer may be held in a cluster's chain that another attempt or a redirect may replace.
    /// Envoy 1.36 sends such an answer's body on without its headers.
    fn holds_replaceable(&self) -> bool {
        true
    }

    /// The program of the route that the request's headers choose now.
    fn route_program(&mut self) -> RouteProgram {
        RouteProgram::Absent
    }

    /// What this hook brought of the body, in pieces; nothing in hooks of headers and trailers.
    fn received_chunks(&self, direction: Direction) -> Vec<&[u8]>;

    /// Puts `data` in place of what this hook brought; in a hook of trailers, before them.
    fn replace_received(&mut self, direction: Direction, data: &[u8]) -> bool;

    /// [`buffer_limit`](TransformationOps::buffer_limit) as it was before a filter of the stream changed it:
    /// what bounds a request for one filter bounds the answer too. `None`: it is not known.
    fn first_buffer_limit(&self) -> Option<u64> {
        None
    }

    /// How much of a body this hook brought, and how much is held besides.
    fn arrival(&self, direction: Direction) -> Arrival {
        let chunks = self.received_chunks(direction);
        Arrival {
            brought: chunks.iter().map(|chunk| chunk.len()).sum(),
            held: Some(0),
        }
    }

    /// The body that the host holds, but for its first `seen` bytes.
    fn body_chunks_after(&self, direction: Direction, seen: usize) -> Vec<&[u8]> {
        let mut seen = seen;
        let mut rests = Vec::new();
        for chunk in self.body_chunks(direction) {
            let (_, rest) = chunk.split_at_checked(seen).unwrap_or_default();
            seen = seen.saturating_sub(chunk.len());
            if !rest.is_empty() {
                rests.push(rest);
            }
        }
        rests
    }

    /// Counts an attempt to send the request: [`Attribute::RequestAttempt`] is the count.
    fn count_attempt(&mut self) {}

    /// A number that tells this filter from the others of the chain.
    fn filter_number(&self) -> u64 {
        0
    }

    /// What [`save`](Self::save) was last given by a filter of the chain, at this attempt or an earlier
    /// one of the same request.
    fn saved(&self) -> Option<Vec<u8>> {
        None
    }

    /// Keeps `state` for the filters of the chain, and for later attempts of the same request.
    fn save(&mut self, _state: &[u8]) -> bool {
        false
    }

    /// The time since a moment that stays the same for all of a session. It never runs backwards.
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    /// Records a value of a metric: adds it, or notes its size. `labels` has the value of each label: of
    /// those of the configuration, then of the metric's own.
    fn record(&mut self, _metric: Metric, _labels: &[&str], _value: u64) {}

    /// Whether somebody watches what is found and done, so that it is worth noting.
    fn watches(&self) -> bool {
        false
    }

    /// Makes known what one pass found in a message and did to it, in order.
    fn note(&mut self, _direction: Direction, _notes: &[Note]) {}

    /// Makes known what went wrong with a message, in order. It may have gone on all the same.
    fn report(&mut self, _failures: &[Failure]) {}
}
