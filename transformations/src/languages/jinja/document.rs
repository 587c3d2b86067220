//! Bodies as templates see them.

use bodies::json::{self, Document, DocumentError, Selection};
use minijinja::Value;

use crate::config::Limits;

/// What templates see of a body that is JSON; `None` when it is empty. `null` is none, and any other
/// document that has no members as good as an empty list.
///
/// # Errors
///
/// The body is not one JSON document, or is nested too deep.
pub(crate) fn document(
    chunks: &[&[u8]],
    selection: &Selection,
    limits: &Limits,
) -> Result<Option<Value>, DocumentError> {
    let document = json::read(chunks, selection, &limits.of_bodies())?;
    Ok(document.map(|document| match document {
        Document::Value(value) => value,
        Document::Null => Value::from(()),
        Document::Other => Value::from(Vec::<Value>::new()),
    }))
}
