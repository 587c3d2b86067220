//! What a pass reads of the exchange, known from compiling it.

use std::collections::BTreeSet;

/// The headers of one message that templates may look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Headers {
    /// Those with these names, in lower case.
    Named(BTreeSet<String>),
    /// A name is computed at run time: any.
    All,
}

impl Default for Headers {
    fn default() -> Self {
        Headers::Named(BTreeSet::new())
    }
}

impl Headers {
    pub(crate) fn name(&mut self, name: &str) {
        if let Headers::Named(names) = self {
            let name = name.to_ascii_lowercase();
            if name == "host" {
                names.insert(":authority".to_owned());
            }
            names.insert(name);
        }
    }

    pub(crate) fn all(&mut self) {
        *self = Headers::All;
    }

    pub(crate) fn merge(&mut self, other: &Headers) {
        match other {
            Headers::All => self.all(),
            Headers::Named(names) => names.iter().for_each(|name| self.name(name)),
        }
    }

    /// Whether a header, in lower case, is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Headers::All => true,
            Headers::Named(names) => names.contains(name),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Headers::Named(names) if names.is_empty())
    }
}

/// What one pass reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Headers of the message of the pass.
    pub(crate) message: Headers,
    /// Headers of the request: `request_header()` and cookies.
    pub(crate) request: Headers,
}

impl Needs {
    pub(crate) fn merge(&mut self, other: &Needs) {
        self.message.merge(&other.message);
        self.request.merge(&other.request);
    }
}
