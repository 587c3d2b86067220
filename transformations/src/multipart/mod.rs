//! The fields of a `multipart/form-data` body (RFC 7578 in the syntax of RFC 2046), found in its
//! bytes as they arrive.
//!
//! Of a part only its headers are kept, and of those that are looked for the value: a file passes
//! at the speed of a search for its end. Where readers of multipart bodies differ from each other,
//! a body that shows it is refused rather than read in one of the ways.

mod finder;
mod parameters;
mod part;
pub(crate) mod patch;
mod scanner;
#[cfg(test)]
mod tests;

pub(crate) use finder::PartFinder;
pub(crate) use parameters::Parameters;
pub(crate) use scanner::Delimiter;

use crate::failure::Reason;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// It is not a `multipart/form-data` body with this boundary, or readers might differ on it.
    Invalid,
    /// The headers of a part are longer than [`PART_HEADER_BYTES`](crate::limits::PART_HEADER_BYTES),
    /// there are more parts to edit than [`PLACES`](crate::limits::PLACES), or the edits put more
    /// bytes than [`Limits::rendered_bytes`](crate::limits::Limits::rendered_bytes).
    TooLong,
}

impl Error {
    /// What happened, for debug logs.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Error::Invalid => {
                "the body is not multipart/form-data that all would read in the same way"
            }
            Error::TooLong => {
                "the headers of a part are too long, or the edits make too much of the body"
            }
        }
    }
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid => Reason::MultipartInvalid,
            Error::TooLong => Reason::Limit,
        }
    }
}
