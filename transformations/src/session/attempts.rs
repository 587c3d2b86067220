//! Each attempt begins with the request that the first one found.
//!
//! Envoy keeps what a cluster's filter did to the headers for the next attempt, and sends the body
//! as it was. An attempt that edits less would go on with the length of another body, which lets
//! requests be smuggled, or with a credential meant for another host.

use super::host::Host;
use crate::headers::DESCRIBING;
use crate::ops::Direction;
use crate::program::Program;

/// Headers that say where a body ends and of what type it is: every edit of a body may change them,
/// and [`DESCRIBING`] ones.
const FRAMING: [&str; 3] = ["content-length", "content-type", "transfer-encoding"];

/// A header and its values.
type Saved<'s> = (&'s str, Vec<&'s [u8]>);

/// Puts back what an earlier attempt changed; at the first, saves what `program` may change.
pub(super) fn restore(program: &Program, host: &mut dyn Host) {
    match host.saved() {
        Some(state) => {
            for (name, values) in read(&state) {
                put_back(host, name, &values);
            }
        }
        None if program.pass(Direction::Request).is_none() => {} // it changes nothing
        None => {
            let state = written(program, host);
            host.save(&state);
        }
    }
}

fn put_back(host: &mut dyn Host, name: &str, values: &[&[u8]]) {
    if host.header_values(Direction::Request, name) == values {
        return;
    }
    let values = values.iter().filter(|value| !value.is_empty());
    for (nth, value) in values.clone().enumerate() {
        if nth == 0 {
            host.set_header(Direction::Request, name, value);
        } else {
            host.add_header(Direction::Request, name, value);
        }
    }
    if values.count() == 0 && !name.starts_with(':') {
        host.remove_header(Direction::Request, name);
    }
}

/// The headers that `program` may change, each as name, number of values and values; every text
/// with its length before it.
fn written(program: &Program, host: &dyn Host) -> Vec<u8> {
    let mut state = Vec::new();
    let matched = program.matched_headers(host);
    let matched = matched.iter().map(String::as_str);
    let changed = program.changed_headers().chain(matched);
    for name in FRAMING.into_iter().chain(DESCRIBING).chain(changed) {
        let values = host.header_values(Direction::Request, name);
        push(&mut state, name.as_bytes());
        state.extend(length(values.len()));
        for value in values {
            push(&mut state, value);
        }
    }
    state
}

fn push(state: &mut Vec<u8>, text: &[u8]) {
    state.extend(length(text.len()));
    state.extend_from_slice(text);
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// The headers of a state; those before a fault in it.
fn read(state: &[u8]) -> Vec<Saved<'_>> {
    let mut rest = state;
    std::iter::from_fn(|| {
        let name = std::str::from_utf8(text(&mut rest)?).ok()?;
        let count = number(&mut rest)?;
        let values = (0..count).map(|_| text(&mut rest)).collect::<Option<_>>()?;
        Some((name, values))
    })
    .collect()
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

fn text<'s>(rest: &mut &'s [u8]) -> Option<&'s [u8]> {
    let length = number(rest)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}
