//! A body being decoded.

use std::fmt;

use super::layer::{Layer, Room};
use super::{Codings, Error};
use crate::Limits;

/// What may be decoded of few bytes whatever the ratio: a short text of spaces is no attack.
const ALWAYS: usize = 256 << 10;

/// What becomes of a decoded body, and so how much of it there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The message depends on it: a body that stands for too much is refused or left as it is.
    Decides,
    /// It is read on its way, and nothing of it is kept: it may be of any length, and as dense as
    /// honest bodies are.
    Passes,
}

/// Decodes one body.
pub struct Decoder {
    /// The coding that was applied last is the first.
    layers: Vec<Layer>,
    taken: usize,
    used: Use,
    limits: Limits,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, given) = (self.taken, self.layers.last().map_or(0, Layer::given));
        let waits = self.layers.iter().any(Layer::is_waiting);
        let waiting = if waits { ", waiting" } else { "" };
        write!(f, "Decoder({given} bytes of {taken}{waiting})")
    }
}

impl Decoder {
    /// Decodes a body that is encoded so.
    ///
    /// # Errors
    ///
    /// A coding is not known, or they are too many.
    pub fn new(codings: impl Into<Codings>, used: Use, limits: &Limits) -> Result<Self, Error> {
        let codings = codings.into().outermost_first()?;
        Ok(Self {
            layers: codings.map(Layer::new).collect(),
            taken: 0,
            used,
            limits: *limits,
        })
    }

    /// Decodes the next bytes, and gives what they stand for to `take`, piece by piece.
    ///
    /// # Errors
    ///
    /// They cannot be decoded, or `take` fails. The decoder must not be used after that.
    pub fn feed<E: From<Error>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.taken = self.taken.saturating_add(bytes.len());
        let room = self.room();
        feed(&mut self.layers, bytes, room, &mut take)
    }

    /// Ends the body, and gives what is left of it to `take`.
    ///
    /// # Errors
    ///
    /// It is cut off, or as [`feed`](Self::feed).
    pub fn finish<E: From<Error>>(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let room = self.room();
        let mut layers = self.layers.as_mut_slice();
        while let Some((outer, inner)) = layers.split_first_mut() {
            outer.finish(room, &mut |piece| feed(inner, piece, room, &mut take))?;
            layers = inner;
        }
        Ok(())
    }

    /// What may be decoded, by each layer: a bomb in a bomb is one bomb.
    fn room(&self) -> Room {
        let Limits {
            decoded_bytes,
            decoded_ratio,
            passing_ratio,
            ..
        } = self.limits;
        let proportionate = self.taken.saturating_mul(decoded_ratio).max(ALWAYS);
        match self.used {
            Use::Decides => {
                let now = proportionate.min(decoded_bytes);
                Room {
                    now,
                    window: now,
                    ever: decoded_bytes,
                }
            }
            Use::Passes => Room {
                now: self.taken.saturating_mul(passing_ratio).max(decoded_bytes),
                window: proportionate,
                ever: usize::MAX,
            },
        }
    }
}

/// Takes all layers off the next bytes.
fn feed<E: From<Error>>(
    layers: &mut [Layer],
    bytes: &[u8],
    room: Room,
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    match layers.split_first_mut() {
        None => take(bytes),
        Some((outer, inner)) => {
            outer.feed(bytes, room, &mut |piece| feed(inner, piece, room, take))
        }
    }
}
