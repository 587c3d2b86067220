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

/// What passed with a hook, and all that has passed with it.
#[derive(Debug)]
struct Frame {
    /// How many bytes others held before this frame.
    others: usize,
    frame: Piece,
    all: Piece,
}

/// Bytes that have passed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    length: usize,
    beginning: Vec<u8>,
}

impl Piece {
    fn of(chunks: &[&[u8]]) -> Self {
        let bytes = chunks.iter().flat_map(|chunk| chunk.iter());
        Self {
            length: chunks.iter().map(|chunk| chunk.len()).sum(),
            beginning: bytes.take(BEGINNING).copied().collect(),
        }
    }

    fn add(&mut self, other: &Self) {
        let free = BEGINNING.saturating_sub(self.beginning.len());
        self.beginning.extend(other.beginning.iter().take(free));
        self.length = self.length.saturating_add(other.length);
    }

    fn begins(&self, bytes: &[u8]) -> bool {
        bytes.len() >= self.length && bytes.starts_with(&self.beginning)
    }
}

impl Frame {
    /// How many of these bytes others keep. The rest is the last frame. `announced`: the length of
    /// the body, for a last frame that is like what came before.
    fn kept_in(&self, held: &[u8], announced: Option<usize>) -> usize {
        if self.others > 0 {
            let after = held.get(self.others..).unwrap_or_default();
            return match self.frame.begins(after) {
                true => self.others.saturating_add(self.frame.length),
                false => 0, // they have let go of it
            };
        }
        // Who keeps this frame after none has what came before it too: one that passes late what it was shown.
        let all_but_last = announced.map(|length| length.saturating_sub(held.len()));
        match all_but_last == Some(self.all.length) || !self.all.begins(held) {
            true => 0,
            false => self.all.length,
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
            Last::Passed(_) => (
                callbacks.body_size(body.buffered()),
                self.received_body_chunks(body),
            ),
            // What was held until now passes with it.
            Last::Nothing | Last::Held => (0, self.body_chunks(body)),
        };
        let chunks: Vec<&[u8]> = chunks.into_iter().map(|chunk| chunk.as_slice()).collect();
        let frame = Piece::of(&chunks);
        if frame.length == 0 {
            return;
        }
        let all = match std::mem::take(&mut *last) {
            Last::Passed(Frame { mut all, .. }) => {
                all.add(&frame);
                all
            }
            Last::Nothing | Last::Held => frame.clone(),
        };
        *last = Last::Passed(Frame { others, frame, all });
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

    fn passed(others: usize, before: &[u8], frame: &[u8]) -> Frame {
        Frame {
            others,
            frame: Piece::of(&[frame]),
            all: Piece::of(&[before, frame]),
        }
    }

    #[test]
    fn what_others_keep_is_told_from_the_last_frame() {
        for (passed, held, kept) in [
            (passed(0, b"", b"00"), &b"0000"[..], 2),
            (passed(0, b"", b"first"), b"last", 0),
            // The router keeps all, for a retry.
            (passed(0, b"", b"first"), b"firstlast", 5),
            (passed(5, b"first", b"second"), b"firstsecondlast", 11),
            (passed(5, b"first", b"same"), b"firstsamesame", 9),
            // What it kept before is not what passed here.
            (passed(3, b"first", b"second"), b"newsecondlast", 9),
            // A filter behind kept what came before, and has let it go.
            (passed(5, b"first", b"second"), b"last", 0),
            (passed(1, b"first", b"second"), b"a longer last", 0),
            // Nobody keeps anything.
            (passed(0, b"first", b"same"), b"same", 0),
            // A filter behind took what came first, and passed it with what came next, which another keeps.
            (passed(0, b"first", b"second"), b"firstsecond", 11),
            (passed(0, b"first", b"second"), b"firstsecondlast", 11),
        ] {
            assert_eq!(passed.kept_in(held, None), kept, "{passed:?}");
        }
        let same = passed(0, b"", b"00");
        assert_eq!(same.kept_in(b"0000", Some(6)), 0);
        assert_eq!(same.kept_in(b"0000", Some(4)), 2);
        let same = passed(0, b"0", b"0");
        assert_eq!(same.kept_in(b"0000", Some(6)), 0);
        assert_eq!(same.kept_in(b"0000", Some(4)), 2);
    }

    #[test]
    fn all_that_has_passed_is_known_by_its_beginning() {
        let mut all = Piece::of(&[b"a"]);
        all.add(&Piece::of(&[&[b'b'; 100]]));
        all.add(&Piece::of(&[b"c"]));
        assert_eq!(all.length, 102);
        assert_eq!(all.beginning, [b"a", &[b'b'; BEGINNING - 1][..]].concat());
    }
}
