//! The edits of the documents of one stream, of which most have one shape.

use std::borrow::Cow;

use super::places::Places;
use super::{DocumentPlan, PatchError, Paths, Texts, plan_at};
use crate::json::shape::Shape;
use crate::{Limits, Splice};

/// Plans the edits of the documents of one stream. One that has the shape of another is not walked.
///
/// The paths and the limits are given with every document, and must be the same ones, but for how much
/// may be put.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    /// Of the document that was walked last.
    shape: Shape,
    walked: Places,
    /// Its edits, if they are the same in every document of the shape.
    fixed: Option<DocumentPlan<'static>>,
    /// The places of the document at hand, if it was not walked.
    moved: Places,
}

impl Plans {
    /// As [`plan`](super::plan), of the next document.
    ///
    /// # Errors
    ///
    /// The document cannot be searched, or the edits would make too much of it.
    pub fn plan<'t>(
        &'t mut self,
        document: &[u8],
        paths: &Paths,
        texts: &mut impl Texts<'t>,
        limits: &Limits,
    ) -> Result<DocumentPlan<'t>, PatchError> {
        if !self.shape.is_of(document) {
            self.shape.forget();
            self.fixed = None;
            self.walked.find(document, paths, limits)?;
            self.shape.take(document);
            return plan_at(&self.walked, document, paths, texts, limits);
        }
        if !texts.are_fixed() {
            self.moved.take_moved(&self.walked, &self.shape);
            return plan_at(&self.moved, document, paths, texts, limits);
        }
        let fixed = match self.fixed.take() {
            Some(plan) => plan,
            None => plan_at(&self.walked, self.shape.text(), paths, texts, limits)?.into_owned(),
        };
        self.fixed.insert(fixed).moved(&self.shape, limits)
    }
}

impl DocumentPlan<'_> {
    fn into_owned(self) -> DocumentPlan<'static> {
        let splices = self.splices.into_iter().map(|Splice { old, new }| Splice {
            old,
            new: Cow::Owned(new.into_owned()),
        });
        DocumentPlan {
            splices: splices.collect(),
            ..self
        }
    }

    /// The same edits of another document of the shape.
    fn moved(&self, shape: &Shape, limits: &Limits) -> Result<DocumentPlan<'_>, PatchError> {
        let mut put: usize = 0;
        let splices = self.splices.iter().map(|Splice { old, new }| {
            put = put.saturating_add(new.len());
            Splice {
                old: shape.place(old.start)..shape.place(old.end),
                new: Cow::Borrowed(&**new),
            }
        });
        let plan = DocumentPlan {
            splices: splices.collect(),
            ..*self
        };
        if put > limits.edit_bytes {
            return Err(PatchError::TooMuch);
        }
        Ok(plan)
    }
}
