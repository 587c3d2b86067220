//! The body of a message, as a whole and decoded.

use std::cell::OnceCell;

use bodies::coding;

use crate::config::Limits;
use crate::config::limits::HELD_BYTES;
use crate::headers;
use crate::ops::{Direction, TransformationOps};

/// The body of the message of a pass, as expressions and templates see it. It is decoded, or put
/// together of its pieces, when the first of them asks, and once.
#[derive(Debug, Default)]
pub(crate) struct Body {
    decoded: OnceCell<Decoded>,
    joined: OnceCell<Vec<u8>>,
}

/// `None`: the body is not encoded.
type Decoded = Result<Option<Vec<u8>>, coding::Error>;

impl Body {
    /// The body in pieces.
    ///
    /// # Errors
    ///
    /// It cannot be decoded.
    pub(crate) fn chunks<'b>(
        &'b self,
        ops: &'b dyn TransformationOps,
        direction: Direction,
        limits: &Limits,
    ) -> Result<Vec<&'b [u8]>, coding::Error> {
        let decoded = self.decoded.get_or_init(|| decode(ops, direction, limits));
        match decoded {
            Ok(None) => Ok(ops.body_chunks(direction)),
            Ok(Some(body)) => Ok(vec![body]),
            Err(error) => Err(*error),
        }
    }

    /// The body in one piece.
    ///
    /// # Errors
    ///
    /// As [`chunks`](Self::chunks).
    pub(crate) fn bytes<'b>(
        &'b self,
        ops: &'b dyn TransformationOps,
        direction: Direction,
        limits: &Limits,
    ) -> Result<&'b [u8], coding::Error> {
        Ok(match self.chunks(ops, direction, limits)?.as_slice() {
            [one] => one,
            chunks => self.joined.get_or_init(|| chunks.concat()),
        })
    }

    /// Whether the body is these bytes, as far as it has been decoded: one that nobody has asked for is
    /// compared as it arrived.
    pub(crate) fn is(
        &self,
        ops: &dyn TransformationOps,
        direction: Direction,
        bytes: &[u8],
    ) -> bool {
        if let Some(Ok(Some(body))) = self.decoded.get() {
            return body == bytes;
        }
        let mut rest = bytes;
        ops.body_size(direction) == bytes.len()
            && ops.body_chunks(direction).iter().all(|chunk| {
                let after = rest.strip_prefix(*chunk);
                rest = after.unwrap_or_default();
                after.is_some()
            })
    }
}

fn decode(ops: &dyn TransformationOps, direction: Direction, limits: &Limits) -> Decoded {
    let Some(codings) = headers::codings(ops, direction) else {
        return Ok(None);
    };
    match ops.body_chunks(direction).as_slice() {
        [] => Ok(None),
        chunks => coding::decoded(chunks, codings, &decoded_limits(ops, limits)).map(Some),
    }
}

/// The limits of a body that is decoded as a whole: it may be as long as what the host holds, where
/// one that was never encoded could not be longer either.
fn decoded_limits(ops: &dyn TransformationOps, limits: &Limits) -> bodies::Limits {
    let held = match (limits.max_held_bytes, ops.buffer_limit()) {
        (Some(most), _) => most,
        (None, Some(0)) => usize::MAX,
        (None, Some(limit)) => usize::try_from(limit).unwrap_or(usize::MAX),
        (None, None) => HELD_BYTES,
    };
    bodies::Limits {
        decoded_bytes: limits.decoded_bytes.min(held),
        ..limits.of_bodies()
    }
}
