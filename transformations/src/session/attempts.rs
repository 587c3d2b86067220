//! Each attempt begins with the request that the first one found.
//!
//! Envoy keeps what a cluster's filters did to the headers for the next attempt, and sends the body
//! as it was. An attempt that edits less would go on with the length of another body, which lets
//! requests be smuggled, or with a credential meant for another host.
//!
//! A filter before may have set the same header for this attempt already. That must stay. So all
//! filters of the module share one [`State`]: the first of them to begin an attempt puts back, for
//! all, what nobody has touched since.

mod state;

use super::host::Host;
use super::run::Running;
use super::{Action, Arrived, Hold, Session, State as Progress};
use crate::headers::DESCRIBING;
use crate::ops::{Direction, TransformationOps};
use crate::program::{Program, Turn};
use state::{Header, State};

const LENGTH: &str = "content-length";

/// Headers that say where a body ends. They mean something only together.
const ENDS: [&str; 2] = [LENGTH, "transfer-encoding"];

/// The header that says of what type a body is: every edit of one may change it, and
/// [`DESCRIBING`] ones.
const TYPE: &str = "content-type";

const REQUEST: Direction = Direction::Request;

/// Puts back what an earlier attempt changed, and saves what `program` may change. Returns whether
/// the length that the request announces is in doubt: it may be that of another body.
pub(super) fn begin(program: &Program, host: &mut dyn Host) -> bool {
    let filter = host.filter_number();
    let mut state = State::of(host);
    let again = state.ran.contains(&filter);
    let announced = values(host, LENGTH);
    let mut in_doubt = false;
    if again {
        in_doubt = state.find(LENGTH).is_some_and(|it| it.found != announced);
        put_back(host, &state);
        state = State::default();
    }
    if !again && program.pass(REQUEST).is_none() {
        return false; // it changes nothing
    }
    state.ran.push(filter);
    let matched = program.matched_headers(host);
    let matched = matched.iter().map(String::as_str);
    let own = program.changed_headers().chain(matched);
    for name in ENDS.into_iter().chain([TYPE]).chain(DESCRIBING).chain(own) {
        if state.find(name).is_none() {
            state.headers.push(Header::new(name, values(host, name)));
        }
    }
    host.save(&state.written());
    in_doubt
}

/// Notes the headers as they are now, so that a change by someone else is known later.
pub(super) fn note_left(host: &mut dyn Host) {
    let mut state = State::of(host);
    let mut changed = false;
    for header in &mut state.headers {
        if host.header_values(REQUEST, &header.name) != header.left {
            header.left = values(host, &header.name);
            changed = true;
        }
    }
    if changed {
        host.save(&state.written());
    }
}

/// Puts everything back, for the host to make a new request of it.
pub(super) fn undo(host: &mut dyn Host) {
    let state = State::of(host);
    if state.ran.is_empty() {
        return;
    }
    for header in &state.headers {
        replace(host, &header.name, &header.found);
    }
    host.save(&State::default().written());
}

/// Whether the request announces a length.
pub(super) fn has_length(host: &dyn Host) -> bool {
    host.first_header_value(REQUEST, LENGTH).is_some()
}

/// Makes the announced length that of the body; `None`: it is not known, and none is announced.
pub(super) fn correct_length(host: &mut dyn Host, size: Option<usize>) {
    if has_length(host) {
        let size = size.map(|size| size.to_string().into_bytes());
        replace(host, LENGTH, &Vec::from_iter(size));
    }
}

impl Session {
    /// As [`on_headers`](Self::on_headers) goes on, with another attempt of a request. An earlier one, or
    /// a filter before, has changed the length that it announces.
    #[cold]
    pub(super) fn start_in_doubt(&mut self, host: &mut dyn Host, arrived: Arrived) -> Action {
        if arrived == Arrived::All {
            correct_length(host, Some(0));
        }
        let direction = Direction::Request;
        let action = self.start(host, direction, arrived, Running::new(Turn::First));
        let goes = action == Action::Continue && arrived != Arrived::All;
        if !goes || !has_length(host) || self.asks_for_tunnel(host) {
            return action;
        }
        // All of the body is there: no attempt but the first begins before.
        if !self.request.is_through() {
            correct_length(host, None); // it is edited as it passes
            return action;
        }
        self.request = Progress::Sizing;
        Action::Hold(Hold::Buffer)
    }

    /// The body has arrived whose length was in doubt, or its first piece.
    #[cold]
    pub(super) fn size(&mut self, host: &mut dyn Host, end: bool) -> Action {
        let chunks = host.received_chunks(Direction::Request);
        let size = chunks.iter().map(|chunk| chunk.len()).sum();
        correct_length(host, end.then_some(size));
        note_left(host);
        self.request = Progress::Done;
        Action::Continue
    }
}

/// Puts back the headers that are as the last attempt left them. Any other was set for this attempt,
/// by a filter before.
fn put_back(host: &mut dyn Host, state: &State) {
    let is_left = |header: &Header| host.header_values(REQUEST, &header.name) == header.left;
    let mut ends = ENDS.into_iter().filter_map(|name| state.find(name));
    let ends_left = ends.all(is_left);
    for header in &state.headers {
        if ENDS.contains(&header.name.as_str()) {
            if ends_left {
                replace(host, &header.name, &header.found);
            }
        } else if let Some(added) = values(host, &header.name).strip_prefix(&*header.left)
            && (added.is_empty() || !header.left.is_empty())
        {
            let values = [&header.found, added].concat();
            replace(host, &header.name, &values);
        }
    }
}

/// The values of a header of the request, in order.
fn values(ops: &dyn TransformationOps, name: &str) -> Vec<Vec<u8>> {
    let values = ops.header_values(REQUEST, name).into_iter();
    values.map(<[u8]>::to_vec).collect()
}

fn replace(host: &mut dyn Host, name: &str, values: &[Vec<u8>]) {
    if host.header_values(REQUEST, name) == values {
        return;
    }
    let values = values.iter().filter(|value| !value.is_empty());
    for (nth, value) in values.clone().enumerate() {
        if nth == 0 {
            host.set_header(REQUEST, name, value);
        } else {
            host.add_header(REQUEST, name, value);
        }
    }
    if values.count() == 0 && !name.starts_with(':') {
        host.remove_header(REQUEST, name);
    }
}
