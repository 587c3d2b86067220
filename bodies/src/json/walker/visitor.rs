//! What a walk tells, and to whom.

use std::ops::Range;

use super::Error;
use crate::json::pointer::NodeId;

/// Learns what stands where pointers lead. Nodes are those of the [`Pointers`](crate::json::Pointers) walked with; of
/// places that no pointer leads to or through it learns nothing. Offsets are in bytes from the
/// beginning of the document.
#[expect(unused_variables, reason = "names of what an implementation is given")]
pub(crate) trait Visitor {
    /// Whether nothing is passed over: then what the walker takes for a document is one by RFC 8259
    /// in every place, with numbers that are finite as `f64`. Whether it is UTF-8 is not checked.
    const STRICT: bool = false;

    /// Whether the visitor has learned all it wants: then the rest of the document is not read.
    fn satisfied(&self) -> bool {
        false
    }

    /// The most bytes of a string or number at `node` to keep for [`scalar`](Self::scalar), as it
    /// stands in the document; `None` for none.
    fn keeps(&self, node: NodeId) -> Option<usize> {
        None
    }

    /// A key of an object that a pointer leads through. Keys longer than every key of the pointers
    /// are left out.
    fn key(&mut self, key: Key<'_>) {}

    /// An array or object begins; `at` is its bracket.
    fn open(&mut self, node: NodeId, container: Container, at: u64) {}

    /// A comma in the array or object at `node`.
    fn comma(&mut self, node: NodeId, at: u64) {}

    /// An array or object ends; `at` is its bracket. It is said to be `empty` only if a pointer
    /// leads into it: others are passed over.
    fn close(&mut self, node: NodeId, container: Container, at: u64, empty: bool) {}

    /// A value that is neither array nor object has been read.
    ///
    /// # Errors
    ///
    /// The visitor takes it for no JSON; the walk ends.
    fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// A key of an object that a pointer leads through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key<'k> {
    /// The node of the object.
    pub(crate) object: NodeId,
    /// The key, decoded.
    pub(crate) name: &'k str,
    /// Where it leads.
    pub(crate) node: Option<NodeId>,
    /// Its bytes, quotes included.
    pub(crate) span: Range<u64>,
}

/// An array or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Array,
    Object,
}

/// A string, number or literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar<'s> {
    pub(crate) kind: ScalarKind,
    /// Its bytes, quotes included.
    pub(crate) span: Range<u64>,
    /// The text of a string or number as it stands in the document, without quotes; `None` for a
    /// string that was not asked for, or is longer than asked for. A strict walk keeps all numbers.
    pub(crate) raw: Option<&'s [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    String,
    Number,
    Bool(bool),
    Null,
}
