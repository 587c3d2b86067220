//! A message that goes on before its end.
//!
//! Who comes next in the chain may hold what is let go, in the host's buffer. Then it sees that piece both there and in
//! its hook: one that counts what it holds counts it twice, and takes a part of a request for all of it. And the host
//! reads no more while its buffer is over its limit. So what is let go of a request goes on in two steps, and so does
//! more of an answer, or of a call of gRPC, than its client can do without.

use super::host::Host;
use super::{Action, Chain, Hold, Session};
use crate::ops::Direction;

/// So much of an answer, or of a call of gRPC, goes on at once, unless the host's limit is lower: its client may wait
/// for it, however long the next piece takes. A filter behind may lower the limit as soon as the headers arrive, and
/// gateways set none below this.
const AT_ONCE: usize = 32 << 10;

/// How much of a message goes on at once.
fn at_once(host: &dyn Host, direction: Direction) -> usize {
    if direction == Direction::Request && !is_call(host) {
        return 0;
    }
    match host.buffer_limit().map(usize::try_from) {
        // Zero is Envoy's word for no limit.
        Some(Ok(limit)) if limit > 0 => limit.min(AT_ONCE),
        _ => AT_ONCE,
    }
}

/// Whether a request is a call of gRPC: its client may send one message, and wait for the answer to it before it sends
/// the next. What begins as its messages do is no JSON and no form, whatever a server takes it for.
fn is_call(host: &dyn Host) -> bool {
    let content_type = host.first_header_value(Direction::Request, "content-type");
    if !content_type.is_some_and(|(value, _)| value.starts_with(b"application/grpc")) {
        return false;
    }
    let chunks = host.body_chunks(Direction::Request);
    let first = chunks.into_iter().flatten().next();
    // Whether the message is compressed (gRPC over HTTP/2, Length-Prefixed-Message).
    matches!(first, Some(0 | 1))
}

/// What goes on with the next piece of a message, or with its end: by then the headers have gone on, and pieces pass
/// without the host's buffer.
#[derive(Debug, Default)]
pub(super) struct Late {
    request: Vec<u8>,
    response: Vec<u8>,
}

impl Late {
    fn part(&self, direction: Direction) -> &[u8] {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    fn of(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

impl Session {
    /// Whether a part of this message has still to go on.
    #[inline]
    pub(super) fn is_late(&self, direction: Direction) -> bool {
        let late = self.late.as_deref();
        late.is_some_and(|late| !late.part(direction).is_empty())
    }

    /// Keeps a message late that goes on in this hook, before its end, unless so much of it goes on at once: the
    /// headers go on alone.
    pub(super) fn let_go(&mut self, host: &mut dyn Host, direction: Direction) {
        let held = host.body_size(direction);
        if held <= at_once(host, direction) {
            return;
        }
        let late = host.body_chunks(direction).concat();
        if host.drain_body(direction, held) {
            *self.late.get_or_insert_default().of(direction) = late;
        }
    }

    /// Whether a message with which this much goes on at its end has to go on in an event of its own. Before 1.38 Envoy
    /// does not tell its limit, and refuses what is over it at the end, if a filter before had it hold anything.
    fn ends_in_event(&self, host: &dyn Host, bytes: usize) -> bool {
        self.chain == Chain::Downstream && bytes > AT_ONCE && host.buffer_limit().is_none()
    }

    /// Ends a message that the session has held, and given back.
    #[inline(never)]
    pub(super) fn end_kept(&self, host: &dyn Host, direction: Direction, action: Action) -> Action {
        match action {
            Action::Continue if self.ends_in_event(host, host.body_size(direction)) => {
                Action::Hold(Hold::Watermark)
            }
            action => action,
        }
    }

    /// Receives the next piece of a message, or its end, and lets it go with what is late.
    #[cold]
    pub(super) fn receive_late(
        &mut self,
        host: &mut dyn Host,
        direction: Direction,
        end: bool,
    ) -> Action {
        // What becomes late in this hook goes on with the next.
        let Some(late) = &mut self.late else {
            return self.receive_next(host, direction, end);
        };
        let mut owed = std::mem::take(late.of(direction));
        if late.request.is_empty() && late.response.is_empty() {
            self.late = None;
        }
        let action = self.receive_next(host, direction, end);
        let size = owed.len();
        if !owed.is_empty() && action == Action::Continue {
            for chunk in host.received_chunks(direction) {
                owed.extend_from_slice(chunk);
            }
            host.replace_received(direction, &owed);
            self.note_late(direction, size);
            if end && self.ends_in_event(host, owed.len()) {
                return Action::Hold(Hold::Watermark);
            }
        }
        action
    }
}
