//! The expressions of a pass: what they read together, and their values for one message.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bodies::{Finding, coding};
use minijinja::Value as JinjaValue;

use super::cel::{self, Expression, JsonText, MetadataEntry, MetadataKind, Resolver, Value};
use super::sought::{Searched, Sought};
use crate::body::Body;
use crate::config::{Limits, ValueType};
use crate::failure::{Reason, Unusable};
use crate::headers::Snapshot;
use crate::languages::{Extracted, FieldValue};
use crate::ops::{Attribute, AttributeValue, Direction, TransformationOps};
use crate::settings::Settings;

/// When an expression is evaluated: always on the message as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Before anything else: `when`.
    Condition,
    /// Before the fields are extracted: `extract[].from[].cel`.
    Extraction,
    /// When they have been: `reject[].when`.
    Rules,
    /// After those.
    Edits,
    /// In each document that is edited: it reads `document` or `value`.
    Document,
}

/// Which of the expressions of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExpressionId(usize);

/// The expressions of a pass. Equal ones of a phase are one.
#[derive(Debug, Default)]
pub(crate) struct Expressions {
    all: Vec<(Phase, Box<str>, Expression)>,
    /// Those that templates call.
    called: BTreeSet<ExpressionId>,
    /// What they search the message's body for.
    body: Sought,
    /// What they search each document for that is edited.
    pub(super) document: Sought,
    pub(super) limits: Limits,
    settings: Arc<Settings>,
}

/// The value of each expression of a phase that has been evaluated; `None` when the phase has none.
#[derive(Debug, Default)]
pub(crate) struct Values(Option<Vec<Evaluated>>);

/// `None` for an expression of another phase.
type Evaluated = Option<Result<Value<'static>, cel::Error>>;

/// What a pass has read of its message's body.
#[derive(Debug, Default)]
pub(crate) struct BodyCache {
    pub(crate) body: Body,
    /// What the expressions of all phases look for in it.
    fields: OnceCell<Searched>,
}

/// The exchange, as the expressions see it.
pub(crate) struct Seen<'m> {
    pub(crate) ops: &'m dyn TransformationOps,
    /// The message of the pass.
    pub(crate) direction: Direction,
    /// Whether the body is there.
    pub(crate) whole: bool,
    pub(crate) request: &'m Snapshot,
    pub(crate) response: &'m Snapshot,
    pub(crate) extracted: Option<&'m Extracted>,
    pub(crate) expressions: &'m Expressions,
    pub(crate) cache: &'m BodyCache,
}

impl Expressions {
    pub(crate) fn new(limits: &Limits, settings: &Arc<Settings>) -> Self {
        Self {
            limits: *limits,
            settings: Arc::clone(settings),
            ..Self::default()
        }
    }

    /// An expression that is there already.
    pub(crate) fn find(&self, phase: Phase, text: &str) -> Option<ExpressionId> {
        let same =
            |(other, known, _): &(Phase, Box<str>, Expression)| *other == phase && **known == *text;
        self.all.iter().position(same).map(ExpressionId)
    }

    /// Adds an expression of a pass over this message, and returns which it is.
    pub(crate) fn add(
        &mut self,
        direction: Direction,
        phase: Phase,
        text: &str,
        expression: Expression,
    ) -> ExpressionId {
        self.body.add(&expression.needs().of(direction).fields);
        self.document.add(&expression.needs().document);
        self.all.push((phase, text.into(), expression));
        ExpressionId(self.all.len().saturating_sub(1))
    }

    /// Notes that a template calls an expression.
    pub(crate) fn call(&mut self, id: ExpressionId) {
        self.called.insert(id);
    }

    pub(crate) fn get(&self, id: ExpressionId) -> Option<&Expression> {
        self.all.get(id.0).map(|(_, _, expression)| expression)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Expression> {
        self.all.iter().map(|(_, _, expression)| expression)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether an expression is evaluated in each document that is edited.
    pub(crate) fn is_about_document(&self, id: ExpressionId) -> bool {
        matches!(self.all.get(id.0), Some((Phase::Document, ..)))
    }

    /// Whether an expression reads the value where an edit is made.
    pub(crate) fn reads_value(&self, id: ExpressionId) -> bool {
        self.get(id)
            .is_some_and(|expression| expression.needs().value)
    }

    pub(crate) fn has(&self, phase: Phase) -> bool {
        self.all.iter().any(|(other, ..)| *other == phase)
    }

    /// Whether any of them reads the body of this message.
    pub(crate) fn reads_body(&self, direction: Direction) -> bool {
        self.iter()
            .any(|expression| expression.needs().of(direction).reads_body())
    }

    /// Whether this one reads the body of this message.
    pub(crate) fn reads_body_in(&self, id: ExpressionId, direction: Direction) -> bool {
        let expression = self.get(id);
        expression.is_some_and(|expression| expression.needs().of(direction).reads_body())
    }

    /// The type of an expression's value, where it is known from the beginning.
    pub(crate) fn type_name(&self, id: ExpressionId) -> Option<&'static str> {
        self.get(id)?.type_name()
    }

    /// Whether an expression makes a list, whatever the message holds.
    pub(crate) fn makes_list(&self, id: ExpressionId) -> bool {
        self.get(id).is_some_and(Expression::makes_list)
    }

    /// Whether an expression reads all values of a header, whose name is in lower case, as one text.
    pub(crate) fn joins(&self, id: ExpressionId, direction: Direction, header: &str) -> bool {
        let expression = self.get(id);
        expression
            .is_some_and(|expression| expression.needs().of(direction).joined.contains(header))
    }

    /// Why an expression's value can never be one of a field or metadata, and the way out.
    pub(crate) fn worthless(&self, id: ExpressionId) -> Option<(String, &'static str)> {
        let (name, help) = match self.type_name(id)? {
            name @ "list" => (name, "write `list.join(\",\")` or `toJson(list)`"),
            name @ "map" => (name, "read one member, or write `toJson(map)`"),
            name @ ("null_type" | "type") => (name, "remove it; `remove` removes a header"),
            _ => return None,
        };
        Some((
            format!("a value of type {name} is not text, so it counts as missing"),
            help,
        ))
    }

    /// Whether any of this phase reads the body of this message.
    pub(crate) fn phase_reads_body(&self, phase: Phase, direction: Direction) -> bool {
        self.all.iter().any(|(other, _, expression)| {
            *other == phase && expression.needs().of(direction).reads_body()
        })
    }

    /// The text of an expression.
    fn text(&self, id: ExpressionId) -> &str {
        self.all.get(id.0).map_or("", |(_, text, _)| text)
    }
}

impl Seen<'_> {
    /// Evaluates the expressions of a phase. What their values take together is bounded as one
    /// evaluation is.
    pub(crate) fn evaluate(&self, phase: Phase) -> Values {
        let kept = cel::Budget::new(&self.expressions.limits);
        let evaluate = |(other, _, expression): &(Phase, Box<str>, Expression)| {
            (*other == phase).then(|| expression.evaluate(self)?.detached(&kept))
        };
        Values(Some(self.expressions.all.iter().map(evaluate).collect()))
    }

    fn searched(&self) -> &Searched {
        self.cache.fields.get_or_init(|| {
            let limits = &self.expressions.limits;
            let chunks = if self.whole {
                let body = &self.cache.body;
                let chunks = body.chunks(self.ops, self.direction, limits);
                chunks.map_err(undecoded)?
            } else {
                Vec::new()
            };
            self.expressions.body.search(&chunks, limits)
        })
    }
}

impl Resolver for Seen<'_> {
    fn headers(&self, message: Direction) -> &Snapshot {
        match message {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }

    fn body(&self, message: Direction) -> Result<&[u8], cel::Error> {
        if message != self.direction || !self.whole {
            return Ok(&[]);
        }
        let body = &self.cache.body;
        let bytes = body.bytes(self.ops, message, &self.expressions.limits);
        bytes.map_err(undecoded)
    }

    fn field(&self, of: JsonText, pointer: &str) -> Option<Result<&Finding, cel::Error>> {
        if of != JsonText::Body(self.direction) {
            return None;
        }
        self.expressions.body.found(pointer, || self.searched())
    }

    fn attribute(&self, attribute: Attribute) -> Option<AttributeValue> {
        self.ops.attribute(attribute)
    }

    fn metadata(&self, entry: &MetadataEntry) -> Option<AttributeValue> {
        let (source, namespace, key) = (entry.source, &entry.namespace, &entry.key);
        match entry.kind {
            MetadataKind::Text => {
                let text = self.ops.metadata_text(source, namespace, key);
                text.map(AttributeValue::Text)
            }
            MetadataKind::Number => {
                let number = self.ops.metadata_number(source, namespace, key);
                number.map(AttributeValue::Number)
            }
            MetadataKind::Bool => {
                let value = self.ops.metadata_bool(source, namespace, key);
                value.map(AttributeValue::Bool)
            }
        }
    }

    fn extracted(&self) -> Option<&Extracted> {
        self.extracted
    }

    fn env(&self, name: &str) -> Option<String> {
        let readable = self.expressions.settings.readable(name);
        readable.then(|| std::env::var(name).ok()).flatten()
    }
}

fn undecoded(error: coding::Error) -> cel::Error {
    cel::Error::Encoded(error.into())
}

/// Why an expression gives nothing: what failed, and what happened.
pub(crate) type Failed = (Reason, String);

pub(super) fn failed(error: &cel::Error) -> Failed {
    let reason = match error {
        cel::Error::Limit(_) => Reason::Limit,
        cel::Error::Encoded(Unusable(reason, _)) => *reason,
        _ => Reason::Render,
    };
    (reason, error.to_string())
}

/// What text spells, as a value of this type; `None` for none of it.
///
/// # Errors
///
/// It spells no value of the type.
pub(crate) fn spelled(text: &str, wanted: ValueType) -> Result<Option<AttributeValue>, Failed> {
    cel::spelled(text, wanted).map_err(|error| failed(&error))
}

pub(super) fn no_boolean() -> Failed {
    (Reason::Render, "the condition is not a bool".to_owned())
}

impl Values {
    fn evaluated(&self, id: ExpressionId) -> Option<&Result<Value<'static>, cel::Error>> {
        self.0.as_ref()?.get(id.0)?.as_ref()
    }

    fn get(&self, id: ExpressionId) -> Result<&Value<'static>, Failed> {
        match self.evaluated(id) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(failed(error)),
            None => Err((Reason::Render, "not evaluated".to_owned())),
        }
    }

    /// Why the body that an expression reads cannot be decoded.
    pub(crate) fn encoded(&self, id: ExpressionId) -> Option<Unusable> {
        match self.evaluated(id) {
            Some(Err(cel::Error::Encoded(why))) => Some(*why),
            _ => None,
        }
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    ///
    /// It failed, or is no boolean.
    pub(crate) fn holds(&self, id: ExpressionId) -> Result<bool, Failed> {
        match self.get(id)? {
            Value::Bool(holds) => Ok(*holds),
            _ => Err(no_boolean()),
        }
    }

    /// The text of a value; `None` for null, a list or a map.
    ///
    /// # Errors
    ///
    /// It failed, or is bytes that are no text.
    pub(crate) fn text(&self, id: ExpressionId) -> Result<Option<Cow<'_, str>>, Failed> {
        cel::text(self.get(id)?).map_err(|error| failed(&error))
    }

    /// The lines that a value makes of a header, none of them empty: a list has one for each item.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text); also a list or a map in a list.
    pub(crate) fn lines(&self, id: ExpressionId) -> Result<Vec<String>, Failed> {
        cel::lines(self.get(id)?).map_err(|error| failed(&error))
    }

    /// The value as metadata has it; `None` for null.
    ///
    /// # Errors
    ///
    /// It failed, or is not of the type that it has to be.
    pub(crate) fn metadata(
        &self,
        id: ExpressionId,
        wanted: Option<ValueType>,
        limits: &Limits,
    ) -> Result<Option<AttributeValue>, Failed> {
        cel::typed(self.get(id)?, wanted, limits).map_err(|error| failed(&error))
    }

    /// The value of a field; `None` for null, a list, a map and what is not there.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub(crate) fn source(&self, id: ExpressionId) -> Result<Option<FieldValue>, Failed> {
        if let Some(Err(cel::Error::Missing(_))) = self.evaluated(id) {
            return Ok(None);
        }
        let typed: fn(String) -> FieldValue = match self.get(id)? {
            Value::Bool(value) => return Ok(Some(FieldValue::Bool(*value))),
            Value::Int(_) | Value::Uint(_) | Value::Double(..) => FieldValue::Number,
            _ => FieldValue::Text,
        };
        Ok(self.text(id)?.map(|text| typed(text.into_owned())))
    }

    /// The value as JSON text; `None` for an optional that is empty.
    ///
    /// # Errors
    ///
    /// It failed, or cannot be written as JSON.
    pub(crate) fn json(&self, id: ExpressionId, limits: &Limits) -> Result<Option<String>, Failed> {
        match self.get(id)? {
            Value::Optional(None) => Ok(None),
            value => cel::json(value, &cel::Budget::new(limits))
                .map(Some)
                .map_err(|error| failed(&error)),
        }
    }

    /// The value as a body.
    ///
    /// # Errors
    ///
    /// It failed, or cannot be written as JSON.
    pub(crate) fn body(&self, id: ExpressionId, limits: &Limits) -> Result<Vec<u8>, Failed> {
        cel::body(self.get(id)?, limits).map_err(|error| failed(&error))
    }

    /// What `cel()` gives the templates of the pass, by the text of the expression.
    pub(crate) fn for_templates(
        &self,
        expressions: &Expressions,
    ) -> BTreeMap<String, Result<JinjaValue, String>> {
        let called = expressions.called.iter();
        called
            .map(|id| {
                let value = self.get(*id).map(cel::jinja);
                let text = expressions.text(*id).to_owned();
                (text, value.map_err(|(_, detail)| detail))
            })
            .collect()
    }
}
