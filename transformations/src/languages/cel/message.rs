//! What the message or the host tells, asked for when an evaluation comes to its name.

use std::borrow::Cow;

use bodies::Found;

use super::document;
use super::error::{Error, shown};
use super::evaluate::Evaluation;
use super::map::{Map, TWICE};
use super::names;
use super::node::{Node, PathPart};
use super::number;
use super::value::{Bytes, Key, Text, Value};
use crate::languages::{Extracted, FieldValue};
use crate::ops::{AttributeValue, Direction};

impl<'v> Evaluation<'v> {
    /// What the message or the host tells.
    pub(super) fn named(&mut self, node: &'v Node) -> Result<Value<'v>, Error> {
        match node {
            Node::Attribute(attribute) => match self.resolver.attribute(*attribute) {
                Some(value) => self.told(value),
                None => {
                    let name = names::written(*attribute);
                    Error::missing(format!(
                        "`{name}` has no value here; write `default({name}, ...)`"
                    ))
                }
            },
            Node::Metadata(entry) => match self.resolver.metadata(entry) {
                Some(value) => self.told(value),
                None => Error::missing(format!(
                    "no {} `{}` in the metadata; `int()`, `double()` and `bool()` around it read those",
                    entry.kind.as_str(),
                    entry.key
                )),
            },
            Node::Path(part) => self.path(*part),
            Node::Status => {
                let status = self.header(Direction::Response, ":status")?;
                match status.as_str().map(str::parse) {
                    Some(Ok(code)) => Ok(Value::Int(code)),
                    _ => Error::failed("the status is not a number"),
                }
            }
            Node::Headers(message) => self.headers(*message),
            Node::Header(message, name) => self.header(*message, name),
            Node::HeaderNamed(message, name) => {
                let name = self.header_name(name, "headers")?;
                self.header(*message, &name)
            }
            Node::HeaderValues(message, name) => {
                let name = self.header_name(name, "values")?;
                let values = self.resolver.headers(*message).values(&name);
                Value::list(values.map(header_value).collect(), &self.budget)
            }
            Node::HasHeader(message, name) => {
                let name = self.header_name(name, "in")?;
                let found = self.resolver.headers(*message).values(&name).next();
                Ok(Value::Bool(found.is_some()))
            }
            Node::Cookie(name) => {
                let name = self.text(name, "cookie")?;
                match self.cookie(&name) {
                    Some(value) => Ok(header_value(value)),
                    None => Error::missing(format!("no cookie `{}`", shown(&name))),
                }
            }
            Node::Body(message) => {
                let body = self.resolver.body(*message)?;
                Ok(Value::Bytes(Bytes::Borrowed(body)))
            }
            Node::Field(field) => match self.field(*field)? {
                Some(value) => Ok(value),
                None => Error::missing("the body has no such field"),
            },
            Node::HasField { of, field } => match self.without_members(*of)? {
                Some(name) => Error::failed(format!("{name} has no members")),
                None => Ok(Value::Bool(self.field(*field)?.is_some())),
            },
            Node::OptionalField { of, field } => match self.without_members(*of)? {
                Some(_) => Ok(Value::Optional(None)),
                None => Ok(Value::optional(self.field(*field)?)),
            },
            Node::Extracted(name, _) => match self.extracted().find(|(field, _)| *field == &**name)
            {
                Some((_, value)) => Ok(of_field(value)),
                None => Error::missing(format!("no field `{name}` was extracted")),
            },
            Node::AllExtracted => {
                let key = |name| Key::String(Text::Borrowed(name));
                let entries = self.extracted();
                let map = entries.map(|(name, value)| (key(name), of_field(value)));
                Value::map(map.collect(), &self.budget)
            }
            Node::Env(name) => match self.resolver.env(name) {
                Some(value) => Value::text(value, &self.budget),
                None => Error::missing(format!("no environment variable `{name}`")),
            },
            Node::Optional(node) => match self.value(node) {
                Ok(value) => Ok(Value::optional(Some(value))),
                Err(Error::Missing(_)) => Ok(Value::Optional(None)),
                Err(error) => Err(error),
            },
            Node::Has(node) => match self.value(node) {
                Ok(_) => Ok(Value::Bool(true)),
                Err(Error::Missing(_)) => Ok(Value::Bool(false)),
                Err(error) => Err(error),
            },
            _ => Err(Error::Mismatch),
        }
    }

    fn told(&self, value: AttributeValue) -> Result<Value<'v>, Error> {
        match value {
            AttributeValue::Text(text) => Value::text(text, &self.budget),
            AttributeValue::Int(value) => {
                Ok(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
            }
            AttributeValue::Number(value) => Ok(Value::double(value)),
            AttributeValue::Bool(value) => Ok(Value::Bool(value)),
        }
    }

    fn extracted(&self) -> impl Iterator<Item = (&'v str, &'v FieldValue)> + use<'v> {
        self.resolver
            .extracted()
            .into_iter()
            .flat_map(Extracted::iter)
    }

    fn cookie(&self, wanted: &str) -> Option<&'v [u8]> {
        let mut cookies = self.resolver.headers(Direction::Request).cookies();
        cookies
            .find(|(name, _)| *name == wanted.as_bytes())
            .map(|(_, value)| value)
    }

    fn header_name(&mut self, node: &'v Node, function: &str) -> Result<String, Error> {
        let name = self.text(node, function)?;
        self.budget.make(name.len())?;
        Ok(name.to_ascii_lowercase())
    }

    /// All values of a header in one. Between them stands what RFC 9110 section 5.3 names, and for
    /// cookies RFC 9113 section 8.2.3.
    fn header(&self, message: Direction, name: &str) -> Result<Value<'v>, Error> {
        let separator: &[u8] = if name == "cookie" { b"; " } else { b", " };
        match self.resolver.headers(message).joined(name, separator) {
            None => Error::missing(format!("no header `{}`", shown(name))),
            Some(Cow::Borrowed(value)) => Ok(header_value(value)),
            Some(Cow::Owned(values)) => match String::from_utf8(values) {
                Ok(values) => Value::text(values, &self.budget),
                Err(values) => Value::bytes(values.into_bytes(), &self.budget),
            },
        }
    }

    fn headers(&self, message: Direction) -> Result<Value<'v>, Error> {
        let mut map = Map::default();
        for name in self.resolver.headers(message).names() {
            map.insert(
                Key::String(Text::Borrowed(name)),
                self.header(message, name)?,
            );
        }
        Value::map(map, &self.budget)
    }

    fn path(&self, part: PathPart) -> Result<Value<'v>, Error> {
        let headers = self.resolver.headers(Direction::Request);
        let Some(target) = headers.values(":path").next() else {
            return Error::missing("the request has no path");
        };
        let Ok(target) = std::str::from_utf8(target) else {
            return Error::failed("the path is not UTF-8");
        };
        let target = target.split('#').next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Value::borrowed(match part {
            PathPart::Path => path,
            PathPart::Query => query,
        }))
    }

    /// A field of a JSON text, looked up once.
    fn field(&mut self, number: usize) -> Result<Option<Value<'v>>, Error> {
        if let Some(Some(known)) = self.fields.get(number) {
            return Ok(known.clone());
        }
        let Some(field) = self.expression.fields.get(number) else {
            return Ok(None);
        };
        let read = |budget| {
            let Some(text) = self.resolver.json_text(field.of)? else {
                return Ok(None);
            };
            document::read(text, &field.path, self.expression.limits.json_depth, budget)
        };
        let value = match self.resolver.field(field.of, &field.pointer) {
            None => read(&self.budget)?,
            Some(Err(error)) => return Err(error),
            Some(Ok(found)) if found.conflict => {
                return Error::failed(TWICE);
            }
            Some(Ok(found)) => match &found.first {
                None => None,
                Some(Found::String(text)) => Some(Value::borrowed(text)),
                Some(Found::Number(text)) => Some(number::from_json(Text::Borrowed(text))),
                Some(Found::Bool(value)) => Some(Value::Bool(*value)),
                Some(Found::Null) => Some(Value::Null),
                Some(Found::Container | Found::TooLong) => read(&self.budget)?,
            },
        };
        if self.fields.is_empty() {
            self.fields.resize(self.expression.fields.len(), None);
        }
        if let Some(place) = self.fields.get_mut(number) {
            *place = Some(value.clone());
        }
        Ok(value)
    }

    /// The type of a field of a JSON body, if its value has no members.
    ///
    /// # Errors
    ///
    /// It is not there.
    fn without_members(&mut self, number: usize) -> Result<Option<&'static str>, Error> {
        let field = self.expression.fields.get(number);
        let found = field.and_then(|field| self.resolver.field(field.of, &field.pointer));
        if let Some(Ok(found)) = found
            && found.first == Some(Found::Container)
            && !found.conflict
        {
            return Ok(None);
        }
        match self.field(number)? {
            Some(Value::Map(_)) => Ok(None),
            Some(value) => Ok(Some(value.type_name())),
            None => Error::missing("the body has no such field"),
        }
    }
}

/// A value of a header: a string, or bytes where it is no text.
fn header_value(value: &[u8]) -> Value<'_> {
    match std::str::from_utf8(value) {
        Ok(text) => Value::borrowed(text),
        Err(_) => Value::Bytes(Bytes::Borrowed(value)),
    }
}

/// The value of a field.
fn of_field(value: &FieldValue) -> Value<'_> {
    match value {
        FieldValue::Text(text) => Value::borrowed(text),
        FieldValue::Number(spelling) => number::from_json(Text::Borrowed(spelling)),
        FieldValue::Bool(value) => Value::Bool(*value),
    }
}
