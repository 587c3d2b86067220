//! What a message's headers say of its body, as far as it decides whether it is edited.

use bodies::content::{ContentType, MediaType};
use bodies::multipart::Delimiter;

use crate::ops::{Direction, TransformationOps};

/// What a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// JSON, or what may be.
    Json,
    /// Server-sent events.
    Events,
    /// Parts of a form, with what stands between them if all would read it in the same way.
    Multipart(Option<Delimiter>),
    /// Anything else.
    Other,
}

/// What the headers say.
///
/// Clients call JSON anything, so only `multipart/form-data` matters of a request's media types. A
/// response's does: an image or a file is not worth holding back.
pub(crate) fn body_kind(ops: &dyn TransformationOps, direction: Direction) -> BodyKind {
    let values = ops.header_values(direction, HEADER);
    if direction == Direction::Request {
        let content_type = ContentType::of(&values);
        return match content_type.media_type() {
            MediaType::Multipart => BodyKind::Multipart(Delimiter::of(&content_type).ok()),
            _ => BodyKind::Json,
        };
    }
    match media_type(&values) {
        MediaType::Json | MediaType::Unclear => BodyKind::Json,
        MediaType::Events => BodyKind::Events,
        MediaType::Multipart | MediaType::Form | MediaType::Other => BodyKind::Other,
    }
}

/// Whether a response is called JSON.
pub(crate) fn declares_json(ops: &dyn TransformationOps, direction: Direction) -> bool {
    media_type(&ops.header_values(direction, HEADER)) == MediaType::Json
}

const HEADER: &str = "content-type";

fn media_type(values: &[&[u8]]) -> MediaType {
    MediaType::of(values.first().copied().unwrap_or_default())
}
