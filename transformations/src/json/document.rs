//! A whole body as one value, for templates.

use minijinja::Value;

use super::{Error, Finder, Pointers};
use crate::limits::{JSON_DEPTH, Limits};

/// Why a body is not a document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not one JSON document.
    #[error("not a JSON document: {0}")]
    Invalid(#[from] serde_json::Error),
    /// More arrays and objects open at once than [`Limits::json_depth`] allows.
    #[error("nested too deep")]
    TooDeep,
}

/// Parses a body held in pieces; `None` when it is empty.
///
/// Strict RFC 8259 but for the depth: a byte order mark, trailing text, bare words and `NaN` are
/// errors. Of members of the same name the last wins.
pub(crate) fn document(chunks: &[&[u8]], limits: &Limits) -> Result<Option<Value>, DocumentError> {
    let joined;
    let body = match chunks {
        [] => return Ok(None),
        [one] => *one,
        several => {
            joined = several.concat();
            &joined
        }
    };
    if body.is_empty() {
        return Ok(None);
    }
    if limits.json_depth < JSON_DEPTH && too_deep(body, limits) {
        return Err(DocumentError::TooDeep);
    }
    match serde_json::from_slice(body) {
        Ok(document) => Ok(Some(document)),
        Err(_) if too_deep(body, limits) => Err(DocumentError::TooDeep),
        Err(error) => Err(error.into()),
    }
}

fn too_deep(body: &[u8], limits: &Limits) -> bool {
    let nothing = Pointers::default();
    Finder::new(&nothing, limits).feed(body) == Err(Error::TooDeep)
}
