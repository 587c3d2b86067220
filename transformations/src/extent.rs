//! How much of a message there is.

/// How much of a message there is to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The headers, and the whole body in the host's buffer.
    Whole,
    /// The headers, and what has been read of the body, which goes on before its end.
    Begun,
    /// The headers alone: the body is not read and not touched.
    Headers,
    /// The headers; the body follows piece by piece, and its documents are edited as they pass.
    Documents,
    /// The headers, of a body that is longer than may be held: what needs it is left out.
    TooLong,
}
