//! One field: its sources in order, and what becomes of what they yield.

use std::borrow::Cow;
use std::sync::Arc;

use bodies::FieldId;
use diagnostics::header;

use super::aliases::Aliases;
use super::answer::Said;
use super::lookup::Lookup;
use super::path::{Malformed, Path};
use super::reading::{self, Findings};
use super::rules::{self, RuleId, TOO_LONG};
use super::usage::Count;
use super::value;
use super::wanted::Format;
use crate::config::{Duplicates, MetadataTarget, OnFailure, ValueType};
use crate::failure::{Failure, Outcome, Reason, Unusable};
use crate::headers::Snapshot;
use crate::languages::{ExpressionId, FieldValue, Values, spelled};
use crate::note::{Found, Note};
use crate::ops::{AttributeValue, Direction, MetadataValue, TransformationOps};
use crate::rejection::{Fault, Rejection};

/// One field.
#[derive(Debug)]
pub(super) struct Field {
    /// The message that it is taken out of.
    pub(super) direction: Direction,
    pub(super) name: Arc<str>,
    /// The place in the configuration, for failures.
    pub(super) path: String,
    pub(super) sources: Vec<Source>,
    /// How the configuration spells each of the sources.
    pub(super) spellings: Vec<String>,
    pub(super) header: Option<String>,
    pub(super) metadata: Option<MetadataTarget>,
    pub(super) value_type: ValueType,
    pub(super) default: Option<FieldValue>,
    pub(super) aliases: Aliases,
    pub(super) lookup: Option<Lookup>,
    pub(super) reach: Reach,
    pub(super) value_bytes: usize,
    pub(super) duplicates: Duplicates,
    pub(super) on_missing: OnFailure,
    pub(super) on_invalid: OnFailure,
}

/// Where a field's value goes: what it may hold depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Into a header, or one that a table finds.
    Header,
    /// Into metadata.
    Metadata,
    /// Only to templates and expressions.
    Templates,
}

impl Reach {
    /// Whether a value can go there. An access log prints a text of the metadata as it is: a line
    /// break would write lines of its own.
    #[inline(always)]
    pub(super) fn carries(self, value: &str) -> bool {
        match self {
            Reach::Header => header::valid_exact_value(value),
            Reach::Metadata => header::valid_value(value.as_bytes()),
            Reach::Templates => true,
        }
    }
}

/// Where a field comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// In a request's body of this format.
    Body(Format, FieldId),
    /// In the documents of an answer.
    Documents(RuleId),
    /// The tokens that an answer reports.
    Usage(Count),
    /// A header of the message, in lower case.
    Header(String),
    Expression(ExpressionId),
    Path(Path),
}

/// What a source has to say.
enum Yield {
    Value(FieldValue),
    /// Text that may be of any type.
    Text(String),
    Nothing,
    /// It may still come.
    Unknown,
}

/// What became of a field of a request.
pub(super) struct Settled {
    pub(super) value: Option<FieldValue>,
    /// The set of pointers that were believed, of which a second value has to be refused.
    pub(super) routed_on: u64,
}

/// An answer, as its fields see it.
pub(super) struct Answer<'a> {
    pub(super) said: &'a Said,
    /// Its headers as they arrived.
    pub(super) headers: &'a Snapshot,
}

impl Field {
    /// The headers that belong to the field.
    pub(super) fn headers(&self) -> impl Iterator<Item = &str> {
        let lookup = self.lookup.as_ref().map(|lookup| &lookup.header);
        self.header.iter().chain(lookup).map(String::as_str)
    }

    /// Sets the headers of the field to what `value` says.
    #[inline(always)]
    pub(super) fn set_headers(
        &self,
        ops: &mut dyn TransformationOps,
        value: &str,
        outcome: &mut Outcome,
    ) {
        let own = self.header.as_deref().map(|header| (header, value));
        let lookup = self.lookup.as_ref();
        let found = lookup.and_then(|lookup| Some((lookup.header.as_str(), lookup.find(value)?)));
        for (header, value) in own.into_iter().chain(found) {
            if !ops.set_header(self.direction, header, value.as_bytes()) {
                let detail = "the host refused the header";
                outcome.fail(Reason::HeaderValue, &self.path, detail);
            }
        }
    }

    /// Sets the metadata of the field.
    #[inline(always)]
    pub(super) fn set_metadata(
        &self,
        ops: &mut dyn TransformationOps,
        value: &FieldValue,
        outcome: &mut Outcome,
    ) {
        let Some(target) = &self.metadata else {
            return;
        };
        if !Reach::Metadata.carries(value.as_str()) {
            let detail = "the value holds a control character, which metadata does not take";
            return outcome.fail(Reason::HeaderValue, &self.path, detail);
        }
        let value = match value {
            FieldValue::Text(text) => MetadataValue::Text(text),
            FieldValue::Number(spelling) => match spelled(spelling, ValueType::Number) {
                Ok(Some(AttributeValue::Number(number))) => MetadataValue::Number(number),
                Err((_, detail)) => return outcome.fail(Reason::ValueType, &self.path, detail),
                Ok(_) => return,
            },
            FieldValue::Bool(value) => MetadataValue::Bool(*value),
        };
        ops.set_dynamic_metadata(&target.namespace, &target.key, value);
    }

    /// Whether the field may reject the message.
    pub(super) fn rejects(&self) -> bool {
        [self.on_missing, self.on_invalid].contains(&OnFailure::Reject)
    }

    /// Whether a second value in the body is refused.
    pub(super) fn refuses_second(&self) -> bool {
        let in_body = |source: &Source| matches!(source, Source::Body(..));
        self.duplicates == Duplicates::Reject && self.sources.iter().any(in_body)
    }

    /// Whether nothing that may follow changes the value.
    pub(super) fn is_decided(&self, findings: &Findings<'_>, ops: &dyn TransformationOps) -> bool {
        for source in &self.sources {
            match self.of_request(source, findings, ops, None) {
                Ok(Yield::Value(_) | Yield::Text(_)) => return true,
                Ok(Yield::Nothing) => {}
                Ok(Yield::Unknown) => return false,
                Err(Unusable(reason, _)) if self.ends_search(reason) => return true,
                Err(_) => {}
            }
        }
        true
    }

    /// The value in a request, from the first source that yields one.
    ///
    /// # Errors
    ///
    /// The answer to give when the field rejects the request.
    pub(super) fn settle(
        &self,
        findings: &Findings<'_>,
        ops: &dyn TransformationOps,
        values: &Values,
        outcome: &mut Outcome,
    ) -> Result<Settled, Box<Rejection>> {
        let unreadable = matches!(findings, Findings::Unreadable { .. });
        let mut routed_on = 0;
        let yielded = |source: &Source| {
            let yielded = self.of_request(source, findings, ops, Some(values));
            if let Source::Body(format, field) = source
                && findings.format() == Some(*format)
                && self.duplicates == Duplicates::Reject
                && !matches!(yielded, Err(Unusable(Reason::DuplicateKey, _)))
            {
                routed_on |= reading::only(*field);
            }
            yielded
        };
        let value = self.first(yielded, unreadable, values, outcome)?;
        Ok(Settled { value, routed_on })
    }

    /// The value in an answer, from the first source that yields one.
    ///
    /// # Errors
    ///
    /// What to put in the answer's place when the field rejects it.
    pub(super) fn settle_answer(
        &self,
        answer: &Answer<'_>,
        values: &Values,
        outcome: &mut Outcome,
    ) -> Result<Option<FieldValue>, Box<Rejection>> {
        let yielded = |source: &Source| self.accepted(self.of_answer(source, answer, values)?);
        let unreadable = answer.said.unreadable.is_some();
        self.first(yielded, unreadable, values, outcome)
    }

    /// What the first source yields that yields anything. `unreadable`: the body is, and that is one
    /// failure, however many sources are in it.
    #[inline]
    fn first(
        &self,
        mut yielded: impl FnMut(&Source) -> Result<Yield, Unusable>,
        unreadable: bool,
        values: &Values,
        outcome: &mut Outcome,
    ) -> Result<Option<FieldValue>, Box<Rejection>> {
        let mut unknown = false;
        for (index, source) in self.sources.iter().enumerate() {
            match yielded(source) {
                Ok(Yield::Value(value)) => {
                    outcome.note(|| self.found_in(index, &value));
                    return Ok(Some(value));
                }
                Ok(Yield::Text(text)) => {
                    let value = FieldValue::Text(text);
                    outcome.note(|| self.found_in(index, &value));
                    return Ok(Some(value));
                }
                Ok(Yield::Nothing) => {}
                Ok(Yield::Unknown) => unknown = true,
                Err(Unusable(reason, detail)) => {
                    let known = |failure: &Failure| {
                        unreadable && failure.reason == reason && failure.detail == detail
                    };
                    if !outcome.failures.iter().any(known) {
                        let why = match source {
                            Source::Expression(id) => values.source(*id).err(),
                            _ => None,
                        };
                        let detail = why.map_or_else(
                            || detail.to_owned(),
                            |(_, why)| format!("{detail}: {why}"),
                        );
                        outcome.fail(reason, &self.path, detail);
                    }
                    if self.on_invalid == OnFailure::Reject {
                        return Err(self.invalid(detail));
                    }
                    if self.ends_search(reason) {
                        break;
                    }
                }
            }
        }
        if unknown {
            let detail =
                "not within the first bytes, and no more may be held; raise limits.maxHeldBytes";
            outcome.fail(Reason::Limit, &self.path, detail);
        }
        if self.default.is_none() && self.on_missing == OnFailure::Reject {
            let detail = match self.direction {
                Direction::Request => "the request does not have it",
                Direction::Response => "the answer does not have it",
            };
            outcome.fail(Reason::FieldMissing, &self.path, detail);
            return Err(self.rejection(Fault::Missing, detail));
        }
        outcome.note(|| {
            let value = self.default.as_ref().map(|value| value.as_str().to_owned());
            self.noted(value.map_or(Found::Nothing, Found::Default))
        });
        Ok(self.default.clone())
    }

    #[cold]
    fn found_in(&self, source: usize, value: &FieldValue) -> Note {
        let source = self.spellings.get(source).cloned().unwrap_or_default();
        let value = value.as_str().to_owned();
        self.noted(Found::Source { source, value })
    }

    #[cold]
    fn noted(&self, found: Found) -> Note {
        let name = self.name.to_string();
        Note::Field { name, found }
    }

    /// Looks for what refutes a value that was routed on.
    ///
    /// # Errors
    ///
    /// The answer to give in place of the request.
    pub(super) fn check(
        &self,
        watched: u64,
        findings: &Findings<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), Box<Rejection>> {
        if self.duplicates != Duplicates::Reject {
            return Ok(());
        }
        for source in &self.sources {
            let Source::Body(format, field) = source else {
                continue;
            };
            if watched & reading::only(*field) == 0 {
                continue;
            }
            match self.in_body(*format, *field, findings) {
                Ok(_) | Err(TOO_LONG) => {}
                Err(Unusable(reason, detail)) => {
                    outcome.fail(reason, &self.path, detail);
                    return Err(self.invalid(detail));
                }
            }
        }
        Ok(())
    }

    /// Whether a source that is unusable for this reason is the last to be asked.
    fn ends_search(&self, reason: Reason) -> bool {
        // Two values, two ways to read the path, or a value that others may trim mean an attack or a
        // bug; what the client says elsewhere does not settle it.
        let unsettled = [
            Reason::DuplicateKey,
            Reason::PathInvalid,
            Reason::HeaderValue,
        ];
        self.on_invalid == OnFailure::Reject || unsettled.contains(&reason)
    }

    /// What one source yields in a request. Without `values`, what an expression yields is not known.
    #[inline(always)]
    fn of_request(
        &self,
        source: &Source,
        findings: &Findings<'_>,
        ops: &dyn TransformationOps,
        values: Option<&Values>,
    ) -> Result<Yield, Unusable> {
        let yielded = match source {
            Source::Body(format, field) => self.in_body(*format, *field, findings)?,
            Source::Header(name) => self.header(&ops.header_values(Direction::Request, name))?,
            Source::Expression(id) => match values {
                None => Yield::Unknown,
                Some(values) => evaluated(*id, values)?,
            },
            Source::Path(path) => taken(path, &ops.header_values(Direction::Request, ":path"))?,
            Source::Documents(_) | Source::Usage(_) => Yield::Nothing, // an answer's
        };
        self.accepted(yielded)
    }

    /// What one source yields in an answer.
    fn of_answer(
        &self,
        source: &Source,
        answer: &Answer<'_>,
        values: &Values,
    ) -> Result<Yield, Unusable> {
        let value = match source {
            Source::Documents(rule) => answer.said.taken.value(*rule)?,
            Source::Usage(count) => {
                let count = count.of(&answer.said.taken)?;
                count.map(|count| FieldValue::Number(count.to_string()))
            }
            Source::Header(name) => {
                let values: Vec<_> = answer.headers.values(name).collect();
                return self.header(&values);
            }
            Source::Expression(id) => return evaluated(*id, values),
            Source::Body(..) | Source::Path(_) => None, // a request's
        };
        match (value, answer.said.unreadable) {
            (Some(value), _) => Ok(Yield::Value(value)),
            (None, Some(unusable)) => Err(unusable),
            (None, None) => Ok(Yield::Nothing),
        }
    }

    /// What was yielded as a value that may stand in a header, aliases applied.
    #[inline(always)]
    fn accepted(&self, yielded: Yield) -> Result<Yield, Unusable> {
        let text = match &yielded {
            Yield::Value(value) => value.as_str(),
            Yield::Text(text) => text,
            Yield::Nothing | Yield::Unknown => return Ok(yielded),
        };
        if text.is_empty() {
            return Ok(Yield::Nothing);
        }
        if text.len() > self.value_bytes {
            return Err(TOO_LONG);
        }
        let replacement = match self.aliases.replacement(text) {
            // Made of parts of the value, any of which may stand in it several times.
            Some(Cow::Owned(made)) if made.len() > self.value_bytes => return Err(TOO_LONG),
            Some(replacement) if replacement.is_empty() => return Ok(Yield::Nothing),
            replacement => replacement.map(Cow::into_owned),
        };
        let value = match (replacement, yielded) {
            (Some(text), _) | (None, Yield::Text(text)) => value::parsed(text, self.value_type),
            (None, Yield::Value(value)) => value::typed(value, self.value_type),
            (None, other) => return Ok(other),
        };
        let Some(value) = value else {
            return Err(Unusable(
                Reason::ValueType,
                "the value is not of the field's type",
            ));
        };
        if self.reach == Reach::Header && !self.reach.carries(value.as_str()) {
            return Err(Unusable(
                Reason::HeaderValue,
                "the value holds what a header cannot carry: control characters, or spaces around it",
            ));
        }
        Ok(Yield::Value(value))
    }

    fn header(&self, values: &[&[u8]]) -> Result<Yield, Unusable> {
        let value = match self.duplicates {
            Duplicates::Reject if values.windows(2).any(|pair| pair.first() != pair.last()) => {
                let detail = match self.direction {
                    Direction::Request => "the request has the header twice with different values",
                    Direction::Response => "the answer has the header twice with different values",
                };
                return Err(Unusable(Reason::DuplicateKey, detail));
            }
            Duplicates::Reject | Duplicates::First => values.first(),
            Duplicates::Last => values.last(),
        };
        let Some(value) = value else {
            return Ok(Yield::Nothing);
        };
        let text = std::str::from_utf8(value);
        let text = text.map_err(|_| Unusable(Reason::HeaderValue, "the header is not UTF-8"))?;
        Ok(Yield::Text(text.to_owned()))
    }

    #[inline(always)]
    fn in_body(
        &self,
        format: Format,
        field: FieldId,
        findings: &Findings<'_>,
    ) -> Result<Yield, Unusable> {
        if findings.format() != Some(format) {
            return Ok(Yield::Nothing);
        }
        let (fields, ended): (&[bodies::Finding], bool) = match findings {
            Findings::Absent => return Ok(Yield::Nothing),
            Findings::Unreadable { error, .. } => return Err(*error),
            Findings::Begun { fields, ended, .. } => (fields, *ended),
            Findings::Whole { search, .. } => (search.fields(), true),
        };
        let Some(field) = field.of(fields) else {
            return Ok(Yield::Nothing);
        };
        match rules::said(field, self.duplicates)? {
            Some(value) => Ok(Yield::Value(value)),
            None if !ended && !field.first_is_certain() => Ok(Yield::Unknown),
            None => Ok(Yield::Nothing),
        }
    }

    fn invalid(&self, detail: &str) -> Box<Rejection> {
        self.rejection(Fault::Invalid, detail)
    }

    fn rejection(&self, fault: Fault, detail: &str) -> Box<Rejection> {
        Rejection::of_field(self.direction, fault, &self.name, detail)
    }
}

/// What an expression yields.
fn evaluated(id: ExpressionId, values: &Values) -> Result<Yield, Unusable> {
    match values.source(id) {
        Ok(value) => Ok(value.map_or(Yield::Nothing, Yield::Value)),
        Err((reason, _)) => Err(Unusable(reason, "the expression fails")),
    }
}

/// What a template takes of the path.
fn taken(template: &Path, path: &[&[u8]]) -> Result<Yield, Unusable> {
    let path = path.first().and_then(|path| std::str::from_utf8(path).ok());
    match template.take(path.unwrap_or_default()) {
        Ok(value) => Ok(value.map_or(Yield::Nothing, Yield::Text)),
        Err(Malformed) => {
            let detail = "the path is not percent-encoded UTF-8, or another one to servers that tidy paths up";
            Err(Unusable(Reason::PathInvalid, detail))
        }
    }
}
