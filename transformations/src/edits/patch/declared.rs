//! What a message's headers say of its body, as far as it decides whether it is edited.

use bodies::coding::Codings;
use bodies::content::{ContentType, MediaType};
use bodies::multipart::Delimiter;

use super::Patch;
use crate::extent::Extent;
use crate::headers;
use crate::ops::{Direction, TransformationOps};

/// What the headers say of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) kind: BodyKind,
    /// `None`: it is not encoded.
    pub(crate) codings: Option<Codings>,
}

/// What a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// JSON.
    Json,
    /// What may be.
    Unclear,
    /// Server-sent events.
    Events,
    /// JSON Lines.
    Lines,
    /// Parts of a form, with what stands between them if all would read it in the same way.
    Multipart(Option<Delimiter>),
    /// Anything else.
    Other,
}

impl Declared {
    /// That of a message.
    pub(crate) fn of(ops: &dyn TransformationOps, direction: Direction) -> Self {
        Self {
            kind: BodyKind::of(ops, direction),
            codings: headers::codings(ops, direction),
        }
    }

    /// How much of the message a patch works on: of one that may be edited all, the documents of a
    /// stream one by one. Of a request that is encoded, lines are edited as any other body is: its sender
    /// chose what it is called.
    pub(crate) fn extent(&self, patch: &Patch, direction: Direction) -> Extent {
        let are_known = self.codings.is_none_or(|codings| codings.are_known());
        match self.kind {
            BodyKind::Events | BodyKind::Lines if self.codings.is_none() => Extent::Documents,
            BodyKind::Json | BodyKind::Unclear | BodyKind::Multipart(_)
                if !patch.edits.is_empty() && are_known =>
            {
                Extent::Whole
            }
            BodyKind::Lines if direction == Direction::Request && are_known => Extent::Whole,
            _ => Extent::Headers,
        }
    }
}

impl BodyKind {
    /// Clients call JSON anything, so of a request's media types only those matter whose bodies are
    /// many documents, or parts of a form.
    /// A response's does: an image or a file is not worth holding back.
    fn of(ops: &dyn TransformationOps, direction: Direction) -> Self {
        let values = ops.header_values(direction, "content-type");
        if direction == Direction::Request {
            let content_type = ContentType::of(&values);
            return match content_type.media_type() {
                MediaType::Multipart => BodyKind::Multipart(Delimiter::of(&content_type).ok()),
                MediaType::Lines => BodyKind::Lines,
                _ => BodyKind::Unclear,
            };
        }
        match MediaType::of(values.first().copied().unwrap_or_default()) {
            MediaType::Json => BodyKind::Json,
            MediaType::Unclear => BodyKind::Unclear,
            MediaType::Events => BodyKind::Events,
            MediaType::Lines => BodyKind::Lines,
            MediaType::EventStream | MediaType::Multipart | MediaType::Form | MediaType::Other => {
                BodyKind::Other
            }
        }
    }
}
