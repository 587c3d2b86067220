//! What the templates of a pass read of the exchange, known from compiling them.

use crate::headers::HeaderNames;

/// What one pass reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderNeeds {
    /// Headers of the message of the pass.
    pub(crate) message: HeaderNames,
    /// Headers of the request: `request_header()` and cookies.
    pub(crate) request: HeaderNames,
}

impl HeaderNeeds {
    pub(crate) fn merge(&mut self, other: &HeaderNeeds) {
        self.message.merge(&other.message);
        self.request.merge(&other.request);
    }
}
