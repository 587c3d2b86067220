//! What a request's headers say of its body.

use bodies::coding::Codings;
use bodies::content::{ContentType, MediaType};
use bodies::multipart::Delimiter;

use super::wanted::{Format, Wanted};
use crate::failure::{Reason, Unusable};
use crate::headers;
use crate::ops::{Direction, TransformationOps};

/// What a request's headers say of its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(super) syntax: Syntax,
    /// `None`: as it is.
    pub(super) codings: Option<Codings>,
}

/// How to read the body.
#[derive(Clone, Debug, Default)]
pub(super) enum Syntax {
    #[default]
    Json,
    Multipart(Delimiter),
    Form,
    /// Not at all: the headers contradict each other.
    Unusable(Format, Unusable),
}

impl Content {
    /// Asks `ops` for what matters to those who want `wanted`.
    pub(super) fn of(ops: &dyn TransformationOps, wanted: &Wanted) -> Self {
        if wanted.is_empty() {
            return Self::default();
        }
        Self {
            syntax: Syntax::of(ops, wanted),
            codings: headers::codings(ops, Direction::Request),
        }
    }
}

impl Syntax {
    /// Clients call JSON anything, so that only what is called a form, and is looked for in one, is
    /// not read as JSON.
    fn of(ops: &dyn TransformationOps, wanted: &Wanted) -> Self {
        const HEADER: &str = "content-type";
        let only_json = wanted.parts.is_empty() && wanted.fields.is_empty();
        match ops.first_header_value(Direction::Request, HEADER) {
            None => return Syntax::Json,
            // As nearly always: nothing to take apart.
            Some((value, 1)) if only_json && ContentType::is_bare(value) => return Syntax::Json,
            Some(_) => {}
        }
        let content_type = ContentType::of(&ops.header_values(Direction::Request, HEADER));
        let format = match content_type.media_type() {
            MediaType::Multipart if !wanted.parts.is_empty() => Format::Multipart,
            MediaType::Form if !wanted.fields.is_empty() => Format::Form,
            _ => Format::Json,
        };
        let (reason, syntax) = match format {
            Format::Json => (Reason::JsonInvalid, Syntax::Json),
            Format::Form => (Reason::FormInvalid, Syntax::Form),
            Format::Multipart => {
                let delimiter = Delimiter::of(&content_type);
                let syntax = delimiter.map_or(NO_BOUNDARY, Syntax::Multipart);
                (Reason::MultipartInvalid, syntax)
            }
        };
        if content_type.is_read_alike() {
            return syntax;
        }
        let detail = "the content-type names a charset in which others might read something else";
        Syntax::Unusable(format, Unusable(reason, detail))
    }

    pub(super) fn format(&self) -> Format {
        match self {
            Syntax::Json => Format::Json,
            Syntax::Multipart(_) => Format::Multipart,
            Syntax::Form => Format::Form,
            Syntax::Unusable(format, _) => *format,
        }
    }
}

const NO_BOUNDARY: Syntax = Syntax::Unusable(
    Format::Multipart,
    Unusable(
        Reason::MultipartInvalid,
        "the content-type has no boundary that all would read in the same way",
    ),
);
