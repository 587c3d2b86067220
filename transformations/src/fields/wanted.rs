//! What is looked for in bodies.

use bodies::FieldId;
use bodies::json::Pointers;

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON (RFC 8259).
    Json,
    /// `multipart/form-data` (RFC 7578).
    Multipart,
    /// `application/x-www-form-urlencoded` (WHATWG URL).
    Form,
}

/// What is looked for in a body of each format.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) pointers: Pointers,
    /// Names of parts.
    pub(super) parts: Vec<String>,
    /// Names of a form's fields.
    pub(super) fields: Vec<String>,
    /// Whether a body is of no interest any more once each pointer has led to a value: it is
    /// streamed, and no field refuses a second one.
    pub(super) first_suffices: bool,
}

impl Wanted {
    /// Whether nothing is.
    pub(super) fn is_empty(&self) -> bool {
        self.pointers.is_empty() && self.parts.is_empty() && self.fields.is_empty()
    }
}

/// The field that is called `name` among `names`, which it becomes one of.
pub(super) fn named(names: &mut Vec<String>, name: &str) -> FieldId {
    let known = names.iter().position(|known| known == name);
    FieldId::nth(known.unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len().saturating_sub(1)
    }))
}
