//! An exchange, played hook by hook.

use std::mem;

use super::host::Host;
use crate::ops::Direction;
use crate::rejection::Reply;
use crate::session::{Action, Hold, Session};

/// What another filter of the chain does with the bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// Nothing, or there is none.
    None,
    /// One before holds each body to its end.
    HoldsBefore,
    /// One behind, or the router, keeps what has gone on in the buffer that all share.
    KeepsBehind,
    /// One behind has the whole body offered again, as Envoy does to a cluster's filters where the
    /// connection is new.
    OffersAgain,
    /// One behind keeps what has gone on, and one before pauses at trailers. When that goes on, the host
    /// shows all that is held once more.
    ShowsAgain,
    /// One before passes each body on piece by piece when its trailers have arrived already, as Envoy's
    /// `ext_proc` and `fault` do.
    PassesOn,
}

impl Neighbour {
    /// Every one.
    pub const ALL: [Neighbour; 6] = [
        Neighbour::None,
        Neighbour::HoldsBefore,
        Neighbour::KeepsBehind,
        Neighbour::OffersAgain,
        Neighbour::ShowsAgain,
        Neighbour::PassesOn,
    ];
}

impl Host {
    /// Plays the request, and the response unless that was answered.
    pub fn play(&mut self, session: &mut Session, neighbour: Neighbour) {
        for direction in [Direction::Request, Direction::Response] {
            if self.reply.is_none() && self.reset.is_none() {
                self.play_one(session, direction, neighbour);
            }
        }
        session.on_complete(self);
    }

    /// Sets the stage for a hook that is shown all of a body once more, with `more` behind it, as when a filter before
    /// that had paused adds to what others keep.
    pub fn show_with_more(&mut self, direction: Direction, more: &[u8]) {
        let buffers = self.buffers_mut(direction);
        let parts = [
            &mut buffers.shared,
            &mut buffers.held,
            &mut buffers.received,
        ];
        let mut all = parts.map(|part| mem::take(part).concat()).concat();
        all.extend_from_slice(more);
        self.frame(direction, Some(all));
        self.buffers_mut(direction).again = true;
    }

    /// Plays one message.
    pub fn play_one(&mut self, session: &mut Session, direction: Direction, neighbour: Neighbour) {
        let message = self.message_mut(direction);
        let mut pieces = mem::take(&mut message.chunks);
        let broken_off = message.broken_off;
        let trailers = message.trailers && !broken_off;
        if neighbour == Neighbour::HoldsBefore && !pieces.is_empty() {
            pieces = vec![pieces.concat()];
        }
        let end = pieces.is_empty() && !trailers && !broken_off;
        self.frame(direction, None);
        let action = session.on_headers(self, direction, end);
        let Some(mut gone) = self.settle(direction, neighbour, action, end) else {
            return;
        };
        let count = pieces.len();
        self.buffers_mut(direction).has_trailers = trailers && neighbour == Neighbour::PassesOn;
        for (number, piece) in (1..).zip(pieces) {
            let end = number == count && !trailers && !broken_off;
            self.frame(direction, Some(piece));
            let action = session.on_body(self, direction, end);
            let Some(goes) = self.settle(direction, neighbour, action, end) else {
                return;
            };
            if gone && !goes {
                self.violated("a message that had gone on was held");
            }
            if goes && !gone && !end {
                self.note_release(direction, number);
                if self.buffers(direction).has_trailers {
                    self.violated("a message was let go that Envoy ends then");
                }
            }
            gone = goes;
        }
        if trailers {
            if neighbour == Neighbour::ShowsAgain {
                let Some(goes) = self.show_again(session, direction, gone) else {
                    return;
                };
                gone = goes;
            }
            self.frame(direction, None);
            // Edits differ with trailers, and cases do not.
            self.buffers_mut(direction).has_trailers = false;
            // What is late goes on in an event.
            let action = match session.on_trailers(self, direction) {
                Action::Hold(Hold::Buffer) if gone => Action::Continue,
                action => action,
            };
            self.settle(direction, neighbour, action, true);
        } else if neighbour == Neighbour::OffersAgain && count > 0 && !broken_off {
            let body = self.message(direction).body();
            self.frame(direction, Some(body.clone()));
            let again = session.on_body(self, direction, true);
            if again != Action::Continue || self.buffers(direction).received != [body] {
                self.violated("a body that was offered again was not let through");
            }
        }
    }

    /// Shows all that is held of a body once more, whoever holds it; whether the message has gone on, and `None` when
    /// it never will.
    fn show_again(
        &mut self,
        session: &mut Session,
        direction: Direction,
        gone: bool,
    ) -> Option<bool> {
        let buffers = self.buffers_mut(direction);
        let shared = mem::take(&mut buffers.shared);
        let held = mem::take(&mut buffers.held);
        let all = [shared, held].concat();
        if all.concat().is_empty() {
            return Some(gone);
        }
        self.frame(direction, Some(all.concat()));
        self.buffers_mut(direction).again = true;
        let action = session.on_body(self, direction, false);
        if !gone {
            let neighbour = Neighbour::ShowsAgain;
            return self.settle(direction, neighbour, action, false);
        }
        let buffers = self.buffers_mut(direction);
        let received = mem::take(&mut buffers.received);
        buffers.shared = all;
        if action != Action::Continue || received.concat() != buffers.shared.concat() {
            self.violated("a body that was shown again was not let through");
        }
        Some(true)
    }

    /// Sets the stage for a hook: of a piece of the body, or of headers or trailers.
    fn frame(&mut self, direction: Direction, piece: Option<Vec<u8>>) {
        let buffers = self.buffers_mut(direction);
        buffers.no_frame = piece.is_none();
        buffers.received = piece.into_iter().collect();
        buffers.again = false;
    }

    /// Does what a hook decided, and notes it; whether the message has gone on, and `None` when it
    /// never will.
    fn settle(
        &mut self,
        direction: Direction,
        neighbour: Neighbour,
        action: Action,
        end: bool,
    ) -> Option<bool> {
        let goes = self.act(direction, neighbour, action, end);
        self.note_hook(direction, goes == Some(true));
        goes
    }

    /// Does what a hook decided; whether the message has gone on, and `None` when it never will.
    fn act(
        &mut self,
        direction: Direction,
        neighbour: Neighbour,
        action: Action,
        end: bool,
    ) -> Option<bool> {
        match action {
            Action::Continue => {
                self.go_on(direction, neighbour);
                return Some(true);
            }
            // All of it goes on in an event.
            Action::Hold(Hold::Watermark) if end && self.limit.is_none() => {
                self.go_on(direction, neighbour);
                return Some(true);
            }
            Action::Hold(_) if end => self.violated("a message was held beyond its end"),
            Action::Hold(hold) => return self.hold(direction, hold).then_some(false),
            Action::Answer(reply) => self.reply = Some((direction, *reply)),
            Action::Reset(details) => self.reset = Some(details),
        }
        None
    }

    fn go_on(&mut self, direction: Direction, neighbour: Neighbour) {
        let buffers = self.buffers_mut(direction);
        let mut gone = mem::take(&mut buffers.held);
        gone.append(&mut buffers.received);
        if matches!(neighbour, Neighbour::KeepsBehind | Neighbour::ShowsAgain) {
            buffers.shared.extend(gone.iter().cloned());
        }
        self.message_mut(direction).chunks.append(&mut gone);
    }

    /// Holds what a hook was given; whether the exchange goes on.
    fn hold(&mut self, direction: Direction, hold: Hold) -> bool {
        let buffers = self.buffers_mut(direction);
        let received = mem::take(&mut buffers.received);
        if hold == Hold::Kept {
            if received.iter().any(|chunk| !chunk.is_empty()) {
                self.violated("a piece was neither kept nor held");
            }
            return true;
        }
        buffers.held.extend(received);
        let held: usize = buffers.held.iter().map(Vec::len).sum();
        let passed_on = buffers.has_trailers;
        let limit = self.limit.filter(|limit| *limit > 0 && !passed_on);
        let over = limit.is_some_and(|limit| u64::try_from(held).is_ok_and(|held| held > limit));
        match hold {
            Hold::Watermark if over => self.violated("the host reads no more, and waits forever"),
            Hold::Buffer if over => {
                let reply = Reply {
                    status: 413,
                    details: "rustformations_too_large",
                    headers: Vec::new(),
                    body: String::new(),
                };
                self.reply = Some((direction, reply));
            }
            _ => {}
        }
        !over
    }

    fn note_release(&mut self, direction: Direction, number: usize) {
        let [request, response] = &mut self.released;
        match direction {
            Direction::Request => *request = Some(number),
            Direction::Response => *response = Some(number),
        }
    }
}
