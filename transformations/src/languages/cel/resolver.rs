//! The exchange as an expression sees it.

use bodies::Finding;

use super::error::Error;
use super::node::{JsonText, MetadataEntry};
use crate::headers::Snapshot;
use crate::languages::Extracted;
use crate::ops::{Attribute, AttributeValue, Direction};

/// Tells an expression what it names, and nothing else.
pub(crate) trait Resolver {
    /// The headers of a message as they arrived, as far as the expression needs them.
    fn headers(&self, message: Direction) -> &Snapshot;

    /// The body of a message as it arrived, but decoded.
    ///
    /// # Errors
    ///
    /// It cannot be decoded.
    fn body(&self, message: Direction) -> Result<&[u8], Error>;

    /// A JSON text; `None` when there is none.
    ///
    /// # Errors
    ///
    /// As [`body`](Self::body).
    fn json_text(&self, of: JsonText) -> Result<Option<&[u8]>, Error> {
        match of {
            JsonText::Body(message) => self.body(message).map(Some),
            JsonText::Document | JsonText::Value => Ok(None),
        }
    }

    /// What a search of a JSON text found at a JSON Pointer; `None` when it was not searched for.
    ///
    /// # Errors
    ///
    /// The text cannot be decoded, or is not JSON.
    fn field(&self, of: JsonText, pointer: &str) -> Option<Result<&Finding, Error>>;

    /// An attribute of the stream.
    fn attribute(&self, attribute: Attribute) -> Option<AttributeValue>;

    /// An entry of the stream's dynamic metadata.
    fn metadata(&self, entry: &MetadataEntry) -> Option<AttributeValue>;

    /// The extracted fields; `None` when there are none yet.
    fn extracted(&self) -> Option<&Extracted>;

    /// An environment variable that may be read.
    fn env(&self, name: &str) -> Option<String>;
}
