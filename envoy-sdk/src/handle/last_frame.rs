//! The last frame of a body that goes on before its end, in releases that misplace it.
//!
//! Envoy 1.36.3 to 1.36.5, 1.37.0 and 1.37.1 move it to what is held before they run the hook, and
//! then do not send it. What is held may be held by others, who need it as it was: the router for a
//! retry, a filter behind.

use std::cell::RefCell;

use super::{EnvoyHttpFilter, HttpBody};

/// So many first bytes tell one frame from another.
const BEGINNING: usize = 64;

/// What became of the body in the last hook of a direction.
#[derive(Debug, Default)]
pub(crate) struct Passed(RefCell<Last>);

/// What becomes of the frame that a hook was called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Passes,
    /// Envoy holds it.
    Held,
    /// The filter has taken it.
    Dropped,
}

#[derive(Debug, Default)]
enum Last {
    /// Nothing of it has passed, and Envoy holds nothing of it for this filter.
    #[default]
    Nothing,
    /// Envoy holds it for this filter.
    Held,
    Passed(Frame),
}

/// What passed with a hook.
#[derive(Debug)]
struct Frame {
    others: Others,
    length: usize,
    beginning: Vec<u8>,
}

/// Whether others keep what this filter lets pass.
#[derive(Clone, Copy, Debug)]
enum Others {
    /// Nothing had passed before this frame.
    Unknown,
    KeepNothing,
    /// They held this many bytes before this frame.
    Keep(usize),
}

impl Frame {
    /// How many of these bytes others keep. The rest is the last frame. `announced`: the length of
    /// the body, for a last frame that is like the one before.
    fn kept_in(&self, held: &[u8], announced: Option<usize>) -> usize {
        let before = match self.others {
            Others::KeepNothing => return 0,
            Others::Unknown if announced == Some(held.len().saturating_add(self.length)) => {
                return 0;
            }
            Others::Unknown => 0,
            Others::Keep(bytes) => bytes,
        };
        let after = held.get(before..).unwrap_or_default();
        if after.len() >= self.length && after.starts_with(&self.beginning) {
            before.saturating_add(self.length)
        } else {
            0 // they have let go of it
        }
    }
}

impl EnvoyHttpFilter {
    /// Notes what becomes of the body with a hook that is not the last.
    #[inline]
    pub(crate) fn note_frame(&self, body: HttpBody, fate: Fate) {
        if self.host().may_lose_last_frame() {
            self.note(body, fate);
        }
    }

    fn note(&self, body: HttpBody, fate: Fate) {
        let Some(callbacks) = self.callbacks() else {
            return;
        };
        let mut last = self.instance.passed(body).0.borrow_mut();
        match fate {
            Fate::Passes => {}
            Fate::Held => {
                *last = Last::Held;
                return;
            }
            Fate::Dropped => return,
        }
        let (others, chunks) = match *last {
            Last::Passed(_) => {
                let others = match callbacks.body_size(body.buffered()) {
                    0 => Others::KeepNothing,
                    bytes => Others::Keep(bytes),
                };
                (others, self.received_body_chunks(body))
            }
            // What was held until now passes with it.
            Last::Nothing | Last::Held => (Others::Unknown, self.body_chunks(body)),
        };
        let length = chunks.iter().map(|chunk| chunk.len()).sum();
        if length == 0 {
            return;
        }
        let bytes = chunks.iter().flat_map(|chunk| chunk.as_slice());
        *last = Last::Passed(Frame {
            others,
            length,
            beginning: bytes.take(BEGINNING).copied().collect(),
        });
    }

    /// Moves the last frame of a body that has gone on back to where it arrived.
    #[inline]
    pub(crate) fn find_last_frame(&self, body: HttpBody) {
        if self.host().may_lose_last_frame() {
            self.find(body);
        }
    }

    fn find(&self, body: HttpBody) {
        let Some(callbacks) = self.callbacks() else {
            return;
        };
        if callbacks.body_size(body.received()) > 0 {
            return;
        }
        let held = self.chunks(callbacks.body_chunks(body.buffered())).concat();
        let kept = match &*self.instance.passed(body).0.borrow() {
            Last::Held => return,
            Last::Nothing => 0,
            Last::Passed(frame) => frame.kept_in(&held, self.announced(body)),
        };
        let (kept, last) = held.split_at(kept);
        if !last.is_empty() && callbacks.drain_body(body.buffered(), held.len()) {
            if !kept.is_empty() {
                callbacks.append_body(body.buffered(), kept);
            }
            callbacks.append_body(body.received(), last);
        }
    }

    /// The length of a body as its message's headers have it.
    fn announced(&self, body: HttpBody) -> Option<usize> {
        let length = self.header(body.headers(), "content-length")?;
        std::str::from_utf8(length.as_slice()).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(others: Others, bytes: &[u8]) -> Frame {
        Frame {
            others,
            length: bytes.len(),
            beginning: bytes.iter().take(BEGINNING).copied().collect(),
        }
    }

    #[test]
    fn what_others_keep_is_told_from_the_last_frame() {
        for (passed, held, kept) in [
            (frame(Others::KeepNothing, b"same"), &b"same"[..], 0),
            (frame(Others::Unknown, b"00"), b"0000", 2),
            (frame(Others::Unknown, b"first"), b"last", 0),
            // The router keeps all, for a retry.
            (frame(Others::Unknown, b"first"), b"firstlast", 5),
            (frame(Others::Keep(5), b"second"), b"firstsecondlast", 11),
            (frame(Others::Keep(5), b"same"), b"firstsamesame", 9),
            // A filter behind kept what came before, and has let it go.
            (frame(Others::Keep(5), b"second"), b"last", 0),
            (frame(Others::Keep(1), b"second"), b"a longer last", 0),
        ] {
            assert_eq!(passed.kept_in(held, None), kept, "{passed:?}");
        }
        let passed = frame(Others::Unknown, b"00");
        assert_eq!(passed.kept_in(b"0000", Some(6)), 0);
        assert_eq!(passed.kept_in(b"0000", Some(4)), 2);
    }
}
