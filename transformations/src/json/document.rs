//! A whole body as one value, for templates.

use minijinja::Value;

/// A body is not one JSON document, or is nested deeper than 127 levels.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON document: {0}")]
pub struct DocumentError(#[from] serde_json::Error);

/// Parses a body held in pieces; `None` when it is empty.
///
/// Strict RFC 8259 but for the depth: a byte order mark, trailing text, bare words and `NaN` are
/// errors. Of members of the same name the last wins.
pub(crate) fn document(chunks: &[&[u8]]) -> Result<Option<Value>, DocumentError> {
    match chunks {
        [] | [[]] => Ok(None),
        [one] => Ok(Some(serde_json::from_slice(one)?)),
        several => {
            let body = several.concat();
            if body.is_empty() {
                return Ok(None);
            }
            Ok(Some(serde_json::from_slice(&body)?))
        }
    }
}
