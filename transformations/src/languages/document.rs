//! A JSON document that is edited, as expressions see it: `document`, and `value` at a place of it.

use std::cell::{OnceCell, RefCell};

use bodies::Finding;
use bodies::json::Searches;

use super::cel::{self, JsonText, MetadataEntry, Resolver, Value};
use super::expressions::{ExpressionId, Failed, Seen, failed, no_boolean};
use super::sought::Searched;
use crate::failure::Reason;
use crate::headers::Snapshot;
use crate::languages::Extracted;
use crate::ops::{Attribute, AttributeValue, Direction};

/// A document that is edited. It is searched when an expression asks, and once.
pub(crate) struct Document<'m> {
    seen: &'m Seen<'m>,
    /// `None`: what is edited is no document.
    text: Option<Text<'m>>,
    searched: OnceCell<Searched>,
    /// What all expressions may cost at all places of the document.
    budget: cel::Budget,
}

/// Its JSON, and what the searches of those before it have learned.
struct Text<'m> {
    text: &'m [u8],
    searches: &'m RefCell<Searches>,
}

/// A place of it.
struct Place<'d> {
    document: &'d Document<'d>,
    /// What stands there.
    value: Option<&'d [u8]>,
}

/// Nothing in an expression catches it, as `default()` would: it must not be taken for a document without the member.
const ABSENT: cel::Error = cel::Error::Limit("there is no document");

impl<'m> Document<'m> {
    pub(crate) fn new(seen: &'m Seen<'m>, text: &'m [u8], searches: &'m RefCell<Searches>) -> Self {
        Self::of(seen, Some(Text { text, searches }))
    }

    /// In place of a document, what is none. An expression that reads it has no value, unless it is known without.
    pub(crate) fn absent(seen: &'m Seen<'m>) -> Self {
        Self::of(seen, None)
    }

    fn of(seen: &'m Seen<'m>, text: Option<Text<'m>>) -> Self {
        Self {
            seen,
            text,
            searched: OnceCell::new(),
            budget: cel::Budget::new(&seen.expressions.limits),
        }
    }

    /// Whether a condition holds at a place where `value` stands.
    ///
    /// # Errors
    ///
    /// It failed, or is no boolean.
    pub(crate) fn holds(&self, id: ExpressionId, value: Option<&[u8]>) -> Result<bool, Failed> {
        self.evaluated(id, value, |value| match value {
            Value::Bool(holds) => Ok(*holds),
            _ => Err(no_boolean()),
        })
    }

    /// The value of an expression as JSON text, at a place where `value` stands; `None` for an
    /// optional that is empty.
    ///
    /// # Errors
    ///
    /// It failed, or cannot be written as JSON.
    pub(crate) fn json(
        &self,
        id: ExpressionId,
        value: Option<&[u8]>,
    ) -> Result<Option<String>, Failed> {
        self.evaluated(id, value, |value| match value {
            Value::Optional(None) => Ok(None),
            value => {
                let text = cel::json(value, &self.budget).map_err(|error| failed(&error))?;
                Ok(Some(text))
            }
        })
    }

    fn evaluated<T>(
        &self,
        id: ExpressionId,
        value: Option<&[u8]>,
        read: impl FnOnce(&Value<'_>) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let place = Place {
            document: self,
            value,
        };
        match self.seen.expressions.get(id) {
            Some(expression) => match expression.evaluate_within(&place, &self.budget) {
                Ok(value) => read(&value),
                Err(error) => Err(failed(&error)),
            },
            None => Err((Reason::Render, "not compiled".to_owned())),
        }
    }
}

impl Resolver for Place<'_> {
    fn headers(&self, message: Direction) -> &Snapshot {
        self.document.seen.headers(message)
    }

    fn body(&self, message: Direction) -> Result<&[u8], cel::Error> {
        self.document.seen.body(message)
    }

    fn json_text(&self, of: JsonText) -> Result<Option<&[u8]>, cel::Error> {
        let text = self.document.text.as_ref().ok_or(ABSENT);
        match of {
            JsonText::Body(message) => self.body(message).map(Some),
            JsonText::Document => text.map(|text| Some(text.text)),
            JsonText::Value => text.map(|_| self.value),
        }
    }

    fn field(&self, of: JsonText, pointer: &str) -> Option<Result<&Finding, cel::Error>> {
        let Document {
            seen,
            text,
            searched,
            ..
        } = self.document;
        match of {
            JsonText::Body(_) => seen.field(of, pointer),
            JsonText::Value => None,
            JsonText::Document => {
                let Some(Text { text, searches }) = text else {
                    return Some(Err(ABSENT));
                };
                let sought = &seen.expressions.document;
                let limits = &seen.expressions.limits;
                sought.found(pointer, || {
                    searched.get_or_init(|| {
                        sought.search_next(text, limits, &mut searches.borrow_mut())
                    })
                })
            }
        }
    }

    fn attribute(&self, attribute: Attribute) -> Option<AttributeValue> {
        self.document.seen.attribute(attribute)
    }

    fn metadata(&self, entry: &MetadataEntry) -> Option<AttributeValue> {
        self.document.seen.metadata(entry)
    }

    fn extracted(&self) -> Option<&Extracted> {
        self.document.seen.extracted()
    }

    fn env(&self, name: &str) -> Option<String> {
        self.document.seen.env(name)
    }
}
