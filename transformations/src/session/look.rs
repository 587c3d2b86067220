//! Nothing is held for nothing: the first byte of an answer tells whether any edit can apply.

use crate::coding::{self, Coding, Decoder};
use crate::failure::{Failure, Reason};
use crate::ops::{Direction, TransformationOps};
use crate::patch::{self, Fit};
use crate::transform::Pass;

/// The look at the beginning of an answer that is held only to be patched.
#[derive(Debug)]
pub(super) struct Look {
    decoder: Option<Decoder>,
}

/// What was seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// White space, so far.
    Nothing,
    /// The answer may be edited.
    Fit,
    /// No edit can apply, and why that is a failure if it is one.
    Unfit(Option<Failure>),
}

impl Look {
    /// A look at an answer; `None` when all of it is read whatever it begins with.
    pub(super) fn at(pass: &Pass, ops: &dyn TransformationOps) -> Option<Self> {
        if pass.direction != Direction::Response || !pass.only_patches() {
            return None;
        }
        let coding = Coding::of(ops, pass.direction);
        let decoder = coding.map(|coding| Decoder::new(coding, &pass.limits));
        let decoder = decoder.transpose().ok()?;
        Some(Self { decoder })
    }

    /// Looks at the next bytes.
    pub(super) fn feed(
        &mut self,
        pass: &Pass,
        ops: &dyn TransformationOps,
        chunks: &[&[u8]],
    ) -> Seen {
        let mut first = None;
        for chunk in chunks {
            let read = match &mut self.decoder {
                None => {
                    first = first.or_else(|| patch::first_byte(chunk));
                    Ok(())
                }
                Some(decoder) => decoder.feed(chunk, |decoded| {
                    first = first.or_else(|| patch::first_byte(decoded));
                    Ok::<_, coding::Error>(())
                }),
            };
            if let Err(error) = read {
                let (reason, detail) = (Reason::from(error), error.detail());
                return Seen::Unfit(pass.patch_failure(reason, detail));
            }
            if first.is_some() {
                break;
            }
        }
        let Some(first) = first else {
            return Seen::Nothing;
        };
        match pass.fit(ops, first) {
            Fit::Fits => Seen::Fit,
            Fit::Other => Seen::Unfit(None),
            Fit::Broken => Seen::Unfit(pass.patch_failure(Reason::JsonInvalid, patch::NOT_JSON)),
        }
    }
}
