//! The fields of a `multipart/form-data` body (RFC 7578 in the syntax of RFC 2046), found in its
//! bytes as they arrive.
//!
//! Of a part only its headers are kept, and of those that are looked for the value: a file passes
//! at the speed of a search for its end. Where readers of multipart bodies differ from each other,
//! a body that shows it is refused rather than read in one of the ways.

mod finder;
mod part;
mod patch;
mod scanner;
#[cfg(test)]
mod tests;

pub use finder::PartFinder;
pub use patch::{File, plan};
pub use scanner::Delimiter;

/// Why a body cannot be read or edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not a `multipart/form-data` body with this boundary, or readers might differ on it.
    #[error("not multipart/form-data that all would read in the same way")]
    Invalid,
    /// The headers of a part are longer than [`PART_HEADER_BYTES`](crate::PART_HEADER_BYTES), there
    /// are more parts to edit than [`PLACES`](crate::PLACES), or the edits put more bytes than
    /// [`Limits::edit_bytes`](crate::Limits::edit_bytes).
    #[error("the headers of a part are too long, or the edits make too much of the body")]
    TooLong,
}
