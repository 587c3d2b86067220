//! What a request's headers say of its body.

use super::Unusable;
use super::wanted::{Format, Wanted};
use crate::charset;
use crate::coding::Coding;
use crate::failure::Reason;
use crate::multipart::{Delimiter, Parameters};
use crate::ops::{Direction, TransformationOps};

/// What a request's headers say of its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(super) syntax: Syntax,
    /// `None`: as it is.
    pub(super) coding: Option<Coding>,
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
            coding: Coding::of(ops, Direction::Request),
        }
    }
}

impl Syntax {
    /// Clients call JSON anything, so that only what is called a form, and is looked for in one, is
    /// not read as JSON.
    fn of(ops: &dyn TransformationOps, wanted: &Wanted) -> Self {
        const HEADER: &str = "content-type";
        let only_json = wanted.parts.is_empty() && wanted.fields.is_empty();
        let plain = |value: &[u8]| memchr::memchr2(b';', b',', value).is_none();
        match ops.first_header_value(Direction::Request, HEADER) {
            None => return Syntax::Json,
            // As nearly always: nothing to take apart.
            Some((value, 1)) if only_json && plain(value) => return Syntax::Json,
            Some(_) => {}
        }
        let values = ops.header_values(Direction::Request, HEADER);
        // Two values are as wrong as one with a comma, and become one.
        let value = String::from_utf8_lossy(&values.join(&b", "[..])).into_owned();
        let essence = value.split([';', ',']).next().unwrap_or_default().trim();
        let is = |media_type: &str| essence.eq_ignore_ascii_case(media_type);
        let format = if is("multipart/form-data") && !wanted.parts.is_empty() {
            Format::Multipart
        } else if is("application/x-www-form-urlencoded") && !wanted.fields.is_empty() {
            Format::Form
        } else {
            Format::Json
        };
        let (reason, syntax) = match format {
            Format::Json => (Reason::JsonInvalid, Syntax::Json),
            Format::Form => (Reason::FormInvalid, Syntax::Form),
            Format::Multipart => {
                let parameters = Parameters::parse(&value).ok();
                let delimiter = parameters.and_then(|parameters| Delimiter::of(&parameters).ok());
                let syntax = delimiter.map_or(NO_BOUNDARY, Syntax::Multipart);
                (Reason::MultipartInvalid, syntax)
            }
        };
        if charset::is_like_utf_8(&value) {
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
