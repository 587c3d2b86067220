//! Nothing is held for nothing: the first byte of an answer tells whether any edit can apply.

use bodies::Beginning;

use crate::edits::patch::{self, Fit};
use crate::failure::{Failure, Reason, Unusable};
use crate::headers;
use crate::ops::{Direction, TransformationOps};
use crate::program::Pass;

/// The look at the beginning of an answer that is held only to be patched.
#[derive(Debug)]
pub(super) struct Look(Beginning);

/// What was seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sight {
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
        let coding = headers::coding(ops, pass.direction);
        let beginning = Beginning::of(coding, &pass.limits.of_bodies());
        beginning.ok().map(Self)
    }

    /// Looks at the next bytes.
    pub(super) fn feed(
        &mut self,
        pass: &Pass,
        ops: &dyn TransformationOps,
        chunks: &[&[u8]],
    ) -> Sight {
        match self.0.feed(chunks) {
            Ok(None) => Sight::Nothing,
            Ok(Some(first)) => match pass.fit(ops, first) {
                Fit::Fits => Sight::Fit,
                Fit::Other => Sight::Unfit(None),
                Fit::Broken => {
                    Sight::Unfit(pass.patch_failure(Reason::JsonInvalid, patch::NOT_JSON))
                }
            },
            Err(error) => {
                let Unusable(reason, detail) = error.into();
                Sight::Unfit(pass.patch_failure(reason, detail))
            }
        }
    }
}
