//! What an expression reads, known from compiling it.

use std::collections::BTreeSet;

use crate::headers::HeaderNames;
use crate::ops::Direction;

/// What an expression reads of the exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) request: MessageNeeds,
    pub(crate) response: MessageNeeds,
    /// The extracted fields it names.
    pub(crate) extracted: BTreeSet<String>,
    /// Whether it may look at any of them.
    pub(crate) all_extracted: bool,
    /// Booleans that only the host can tell, as they are written.
    pub(crate) booleans: BTreeSet<String>,
    /// Whether it asks for the addresses of the downstream connection.
    pub(crate) addresses: bool,
    /// Names that have a value only in a cluster's chain, where each attempt passes.
    pub(crate) of_attempts: BTreeSet<String>,
    /// Whether it asks which attempt this is.
    pub(crate) attempt: bool,
    /// Whether it asks for the name of the cluster.
    pub(crate) cluster_name: bool,
    /// Fields of the document that is edited, as JSON Pointers; the root if any.
    pub(crate) document: BTreeSet<String>,
    /// Whether it reads the value where the edit is made.
    pub(crate) value: bool,
    /// Environment variables.
    pub(crate) env: BTreeSet<String>,
}

/// What an expression reads of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageNeeds {
    pub(crate) headers: HeaderNames,
    /// Headers of which it reads all values as one text; in lower case.
    pub(crate) joined: BTreeSet<Box<str>>,
    /// Fields of a JSON body, as JSON Pointers. Read without a tree.
    pub(crate) fields: BTreeSet<String>,
    /// Whether it reads the body in any other way.
    pub(crate) body: bool,
}

impl MessageNeeds {
    /// Whether the body has to be there.
    pub(crate) fn reads_body(&self) -> bool {
        self.body || !self.fields.is_empty()
    }

    /// Whether anything of the message is read.
    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty() && !self.reads_body()
    }
}

impl Needs {
    pub(crate) fn of(&self, message: Direction) -> &MessageNeeds {
        match message {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    pub(super) fn of_mut(&mut self, message: Direction) -> &mut MessageNeeds {
        match message {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}
