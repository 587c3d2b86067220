//! A message that is held until its pass can run: by whom, how much, and for how long.

use std::mem;

use super::Hold;
use super::exchange::Exchange;
use super::host::Host;
use super::look::{Look, Sight};
use super::passing::Watching;
use super::run::Running;
use super::shown::Shown;
use crate::config::limits::HELD_BYTES;
use crate::extent::Extent;
use crate::failure::{Failure, Reason};
use crate::ops::Direction;
use crate::program::Pass;
use crate::rejection::Rejection;

/// A message that is held.
#[derive(Debug)]
pub(super) struct Holding {
    keeper: Keeper,
    running: Running,
    /// Whether the first piece has arrived.
    begun: bool,
    /// What is still to be seen of the body's beginning.
    look: Option<Box<Look>>,
    /// What the request's first pass still watches over.
    watching: Option<Box<Watching>>,
}

/// Who holds a body.
#[derive(Debug)]
enum Keeper {
    /// The host, which answers a request over its limit.
    Host,
    /// The host. By `most` bytes the message goes on or is answered: from its limit on the host reads
    /// no more.
    Watermark { most: usize },
    /// The session: a host that does not tell its limit would answer a message over it.
    Session { kept: Vec<u8>, most: usize },
}

/// What becomes of a held message.
#[derive(Debug)]
pub(super) enum Verdict {
    Hold,
    /// Its pass runs, on this much of it.
    Release(Extent),
    Answer(Box<Rejection>),
}

impl Keeper {
    /// Who holds the message of a pass.
    fn of(host: &mut dyn Host, pass: &Pass, running: &Running) -> Self {
        let told = pass.limits.max_held_bytes;
        let request = pass.direction == Direction::Request;
        let streams = pass.streams(running.turn);
        if request && !streams && told.is_none() {
            return Keeper::Host;
        }
        let Some(limit) = host.buffer_limit() else {
            let most = told.unwrap_or(HELD_BYTES);
            return Keeper::Session {
                kept: Vec::new(),
                most,
            };
        };
        let now = bytes(limit);
        let limit = match host.first_buffer_limit() {
            Some(first) if !request => now.max(bytes(first)),
            _ => now,
        };
        let wanted = told.unwrap_or(limit);
        let mut raised = wanted;
        if wanted > now {
            // Where a filter before has paused, the host reads on once it holds less than half of its limit.
            let held = host.body_size(pass.direction);
            raised = wanted.max(held.saturating_mul(2).saturating_add(2));
            host.set_buffer_limit(u64::try_from(raised).unwrap_or(u64::MAX));
        }
        // A lower limit is not set: it would be that of the answer too, and of all filters.
        if request && !streams && raised == wanted && told.is_some_and(|most| most >= limit) {
            return Keeper::Host;
        }
        let most = told.unwrap_or(if streams {
            limit.min(HELD_BYTES)
        } else {
            limit
        });
        Keeper::Watermark { most }
    }
}

impl Holding {
    pub(super) fn new(host: &mut dyn Host, pass: &Pass, running: Running) -> Self {
        Self {
            keeper: Keeper::of(host, pass, &running),
            look: Look::at(pass, running.declared.as_deref()).map(Box::new),
            running,
            begun: false,
            watching: None,
        }
    }

    /// Goes on watching over what the request was routed on.
    pub(super) fn watch_too(&mut self, watching: Box<Watching>) {
        self.watching = Some(watching);
    }

    /// How the host holds it.
    pub(super) fn hold(&self) -> Hold {
        match self.keeper {
            Keeper::Host => Hold::Buffer,
            Keeper::Watermark { .. } => Hold::Watermark,
            Keeper::Session { .. } => Hold::Kept,
        }
    }

    /// Takes the first piece of a body that is held to its end, and how it is held. It is left to the pass, or to the
    /// next piece: most bodies come in one, and take fewer calls so.
    #[inline(always)]
    pub(super) fn takes_unread(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
    ) -> Option<Hold> {
        if mem::replace(&mut self.begun, true) || self.watching.is_some() {
            return None;
        }
        match self.keeper {
            Keeper::Host => Some(Hold::Buffer),
            Keeper::Watermark { most } | Keeper::Session { most, .. } => {
                self.takes_announced(host, direction, most)
            }
        }
    }

    /// As [`takes_unread`](Self::takes_unread) of what goes on by `most` bytes.
    #[inline(never)]
    fn takes_announced(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        most: usize,
    ) -> Option<Hold> {
        let takes = direction == Direction::Request && self.is_announced(host, most);
        takes.then(|| {
            self.keep(host, direction);
            self.hold()
        })
    }

    /// Whether all that a request announces has arrived, and is no more than `most` bytes: its end comes next.
    fn is_announced(&self, host: &dyn Host, most: usize) -> bool {
        let announced = host.first_header_value(Direction::Request, "content-length");
        let length = announced.and_then(|(length, _)| str::from_utf8(length).ok()?.parse().ok());
        length.is_some_and(|length: usize| {
            length <= most && length == self.bytes(host, Direction::Request)
        })
    }

    /// Reads what has arrived of a request while it is warm in the processor's cache.
    pub(super) fn read(&mut self, host: &dyn Host, pass: &Pass, exchange: &Exchange, end: bool) {
        let reading = &mut self.running.reading;
        if !pass.reads_as_it_arrives(self.running.turn) || (end && reading.is_none()) {
            return;
        }
        let seen = reading.as_ref().map_or(0, |reading| reading.bytes());
        for chunk in self.keeper.arrived(host, seen) {
            pass.extraction.read(reading, &exchange.content, chunk);
        }
    }

    /// What becomes of the message while more of it is to come. Once its trailers have arrived it is held to its
    /// end: the host would cut it off here.
    pub(super) fn verdict(&mut self, host: &mut dyn Host, pass: &Pass, shown: &Shown) -> Verdict {
        if let Some(rejection) = self.watch(host, false) {
            return Verdict::Answer(rejection);
        }
        if let Some(look) = &mut self.look {
            match look.feed(pass, &shown.fresh(host, pass.direction)) {
                Sight::Nothing => {}
                Sight::Fit => self.look = None,
                Sight::Unfit(_) if host.has_trailers(pass.direction) => self.look = None,
                Sight::Unfit(failure) => {
                    host.report(failure.as_slice());
                    if let Some(rejection) = pass.rejection(failure.as_slice()) {
                        return Verdict::Answer(rejection);
                    }
                    return Verdict::Release(Extent::Headers);
                }
            }
        }
        let streams = pass.streams(self.running.turn);
        if streams
            && let Some(reading) = &self.running.reading
            && pass.extraction.is_decided(host, reading)
            && !host.has_trailers(pass.direction)
        {
            return Verdict::Release(Extent::Begun);
        }
        if !self.is_full(host, pass.direction) {
            return Verdict::Hold;
        }
        match over_limit(host, pass.direction, streams) {
            Verdict::Release(_) if host.has_trailers(pass.direction) => Verdict::Hold,
            verdict => verdict,
        }
    }

    /// What becomes of the message when the last of it has arrived. It may be over the limit by what has
    /// come with its end.
    pub(super) fn end(&mut self, host: &mut dyn Host, pass: &Pass) -> Verdict {
        if let Some(rejection) = self.watch(host, true) {
            return Verdict::Answer(rejection);
        }
        let streams = pass.streams(self.running.turn);
        if !streams && self.is_full(host, pass.direction) {
            over_limit(host, pass.direction, streams)
        } else {
            Verdict::Release(Extent::Whole)
        }
    }

    /// Holds what has just arrived.
    #[inline]
    pub(super) fn keep(&mut self, host: &mut dyn Host, direction: Direction) {
        if let Keeper::Session { kept, .. } = &mut self.keeper {
            take_received(kept, host, direction);
            host.replace_received(direction, &[]);
        }
    }

    /// Gives back what was kept, for the pass to run on `extent` of the message.
    pub(super) fn release(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        extent: Extent,
    ) -> &mut Running {
        if let Keeper::Session { kept, .. } = &mut self.keeper
            && !kept.is_empty()
        {
            take_received(kept, host, direction);
            host.replace_received(direction, kept);
        }
        self.running.extent = extent;
        &mut self.running
    }

    #[inline]
    fn watch(&mut self, host: &mut dyn Host, ended: bool) -> Option<Box<Rejection>> {
        let watching = self.watching.as_mut()?;
        let chunks = self.keeper.arrived(host, watching.bytes());
        let (outcome, rejection) = watching.read(&chunks, ended);
        host.report(&outcome.failures);
        rejection
    }

    fn is_full(&self, host: &dyn Host, direction: Direction) -> bool {
        match &self.keeper {
            Keeper::Host => false,
            Keeper::Watermark { most } | Keeper::Session { most, .. } => {
                self.bytes(host, direction) > *most
            }
        }
    }

    /// Whether the session holds it.
    #[inline]
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.keeper, Keeper::Session { .. })
    }

    /// How many bytes of the body have arrived.
    pub(super) fn bytes(&self, host: &dyn Host, direction: Direction) -> usize {
        match &self.keeper {
            Keeper::Host | Keeper::Watermark { .. } => host.body_size(direction),
            Keeper::Session { kept, .. } => {
                let chunks = host.received_chunks(direction);
                let received = chunks.iter().map(|chunk| chunk.len()).sum();
                kept.len().saturating_add(received)
            }
        }
    }
}

impl Keeper {
    /// What of a request's body has arrived since `seen` bytes of it were read.
    fn arrived<'h>(&self, host: &'h dyn Host, seen: usize) -> Vec<&'h [u8]> {
        match self {
            Keeper::Host | Keeper::Watermark { .. } => {
                host.body_chunks_after(Direction::Request, seen)
            }
            Keeper::Session { .. } => host.received_chunks(Direction::Request),
        }
    }
}

/// A limit of the host, of which zero is no limit.
fn bytes(limit: u64) -> usize {
    match usize::try_from(limit) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    }
}

/// What becomes of a message that is longer than may be held.
fn over_limit(host: &mut dyn Host, direction: Direction, streams: bool) -> Verdict {
    match direction {
        Direction::Request if streams => Verdict::Release(Extent::Begun),
        Direction::Request => {
            let detail = "the body is longer than limits.maxHeldBytes";
            host.report(&[Failure {
                reason: Reason::Limit,
                path: "request".to_owned(),
                detail: detail.to_owned(),
            }]);
            Verdict::Answer(Rejection::too_large())
        }
        Direction::Response => Verdict::Release(Extent::TooLong),
    }
}

/// Adds what has just arrived to what is kept.
fn take_received(kept: &mut Vec<u8>, host: &dyn Host, direction: Direction) {
    for chunk in host.received_chunks(direction) {
        kept.extend_from_slice(chunk);
    }
}
