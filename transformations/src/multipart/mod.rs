//! The fields of a `multipart/form-data` body (RFC 7578 in the syntax of RFC 2046), found in its
//! bytes as they arrive.
//!
//! Of a part only its headers are kept, and of those that are looked for the value: a file passes
//! at the speed of a search for its end. Where readers of multipart bodies differ from each other,
//! a body that shows it is refused rather than read in one of the ways.

mod finder;
mod parameters;
mod part;
mod scanner;
#[cfg(test)]
mod tests;

pub(crate) use finder::PartFinder;
pub(crate) use parameters::Parameters;
pub(crate) use scanner::Delimiter;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// It is not a `multipart/form-data` body with this boundary, or readers might differ on it.
    Invalid,
    /// The headers of a part are longer than [`PART_HEADER_BYTES`](crate::limits::PART_HEADER_BYTES).
    TooLong,
}
