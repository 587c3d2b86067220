//! Edits as splices: what is not edited keeps its bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use smallvec::SmallVec;

/// What to do at one place of a body. The texts are JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Put this there, whatever stands there now.
    Set(String),
    /// Put this there if something stands there.
    Replace(String),
    /// Put this there if it is missing or `null`.
    Default(String),
    /// Take it away.
    Remove,
    /// Leave it.
    Nothing,
}

/// Bytes of a body, and what takes their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice<'t> {
    /// Where the bytes are.
    pub old: Range<usize>,
    /// What takes their place.
    pub new: Cow<'t, str>,
}

/// The splices of one document: nearly always few.
pub type Splices<'t> = SmallVec<[Splice<'t>; 1]>;

/// The edits of one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan<'t> {
    /// In order, without overlap.
    pub splices: Vec<Splice<'t>>,
    /// The changes, by number, that the body cannot take; nothing of them is made.
    pub misfits: BTreeSet<usize>,
    /// The changes, by number, of a place that an earlier one changes; nothing of them is made.
    pub conflicts: BTreeSet<usize>,
}

/// The body with the edits made.
pub fn spliced(body: &[u8], splices: &[Splice<'_>]) -> Vec<u8> {
    let added: usize = splices.iter().map(|splice| splice.new.len()).sum();
    let mut out = Vec::with_capacity(body.len().saturating_add(added));
    let mut from = 0;
    for Splice { old, new } in splices {
        out.extend_from_slice(body.get(from..old.start).unwrap_or_default());
        out.extend_from_slice(new.as_bytes());
        from = old.end;
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    out
}
