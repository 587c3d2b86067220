//! Nothing is held for nothing: the first byte of an answer tells whether any edit can apply.

use bodies::Beginning;

use crate::edits::patch::{self, BodyKind, Declared, Fit};
use crate::failure::{Failure, Reason, Unusable};
use crate::ops::Direction;
use crate::program::Pass;

/// The look at the beginning of an answer that is held only to be patched.
#[derive(Debug)]
pub(super) struct Look {
    kind: BodyKind,
    beginning: Beginning,
}

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
    pub(super) fn at(pass: &Pass, declared: Option<&Declared>) -> Option<Self> {
        let Declared { kind, codings } = declared?;
        if pass.direction != Direction::Response {
            return None;
        }
        let beginning = Beginning::of(*codings, &pass.limits.of_bodies());
        Some(Self {
            kind: kind.clone(),
            beginning: beginning.ok()?,
        })
    }

    /// Looks at the next bytes.
    pub(super) fn feed(&mut self, pass: &Pass, chunks: &[&[u8]]) -> Sight {
        match self.beginning.feed(chunks) {
            Ok(None) => Sight::Nothing,
            Ok(Some(first)) => match pass.fit(&self.kind, first) {
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
