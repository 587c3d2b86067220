//! One field: its sources in order, and what becomes of what they yield.

use std::borrow::Cow;
use std::sync::Arc;

use bodies::{FieldId, Found};
use diagnostics::header;

use super::aliases::Aliases;
use super::lookup::Lookup;
use super::path::{Malformed, Path};
use super::reading::{self, Findings};
use super::wanted::Format;
use crate::config::{Duplicates, MetadataTarget, OnFailure};
use crate::failure::{Failure, Outcome, Reason, Reply, Unusable};
use crate::languages::{ExpressionId, Values};
use crate::ops::{Direction, TransformationOps};

/// One field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Arc<str>,
    /// The place in the configuration, for failures.
    pub(super) path: String,
    pub(super) sources: Vec<Source>,
    pub(super) header: Option<String>,
    pub(super) metadata: Option<MetadataTarget>,
    pub(super) default: Option<String>,
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
    /// In a body of this format.
    Body(Format, FieldId),
    /// A request header, in lower case.
    Header(String),
    Expression(ExpressionId),
    Path(Path),
}

const TOO_LONG: Unusable = Unusable(Reason::Limit, "the value is too long");

/// What a source has to say.
enum Yield {
    Value(String),
    Nothing,
    /// It may still come.
    Unknown,
}

/// What became of a field.
pub(super) struct Settled {
    pub(super) value: Option<String>,
    /// The set of pointers that were believed, of which a second value has to be refused.
    pub(super) routed_on: u64,
}

impl Field {
    /// The headers that belong to the field.
    pub(super) fn headers(&self) -> impl Iterator<Item = &str> {
        let lookup = self.lookup.as_ref().map(|lookup| &lookup.header);
        self.header.iter().chain(lookup).map(String::as_str)
    }

    /// Each header that `value` sets, and to what.
    pub(super) fn header_values<'f>(
        &'f self,
        value: &'f str,
    ) -> impl Iterator<Item = (&'f str, &'f str)> {
        let own = self.header.as_deref().map(|header| (header, value));
        let lookup = self.lookup.as_ref();
        let found = lookup.and_then(|lookup| Some((lookup.header.as_str(), lookup.find(value)?)));
        own.into_iter().chain(found)
    }

    /// Whether the field may reject the request.
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
            match self.yielded(source, findings, ops, None) {
                Ok(Yield::Value(_)) => return true,
                Ok(Yield::Nothing) => {}
                Ok(Yield::Unknown) => return false,
                Err(Unusable(reason, _)) if self.ends_search(reason) => return true,
                Err(_) => {}
            }
        }
        true
    }

    /// The value, from the first source that yields one.
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
    ) -> Result<Settled, Box<Reply>> {
        let unreadable = matches!(findings, Findings::Unreadable { .. });
        let mut routed_on = 0;
        let mut unknown = false;
        for source in &self.sources {
            let yielded = self.yielded(source, findings, ops, Some(values));
            if let Source::Body(format, field) = source
                && findings.format() == Some(*format)
                && self.duplicates == Duplicates::Reject
                && !matches!(yielded, Err(Unusable(Reason::DuplicateKey, _)))
            {
                routed_on |= reading::only(*field);
            }
            match yielded {
                Ok(Yield::Value(value)) => {
                    let value = Some(value);
                    return Ok(Settled { value, routed_on });
                }
                Ok(Yield::Nothing) => {}
                Ok(Yield::Unknown) => unknown = true,
                Err(Unusable(reason, detail)) => {
                    // A broken body is one failure, however many sources are in it.
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
            let detail = "the request does not have it";
            outcome.fail(Reason::FieldMissing, &self.path, detail);
            return Err(self.reply("rustformations_field_missing", "missing", detail));
        }
        let value = self.default.clone();
        Ok(Settled { value, routed_on })
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
    ) -> Result<(), Box<Reply>> {
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

    /// What one source yields: a value that may stand in the header, aliases applied. Without
    /// `values`, what an expression yields is not known.
    fn yielded(
        &self,
        source: &Source,
        findings: &Findings<'_>,
        ops: &dyn TransformationOps,
        values: Option<&Values>,
    ) -> Result<Yield, Unusable> {
        let yielded = match source {
            Source::Body(format, field) => self.in_body(*format, *field, findings)?,
            Source::Header(name) => self.header(&ops.header_values(Direction::Request, name))?,
            Source::Expression(id) => match values.map(|values| values.source(*id)) {
                None => Yield::Unknown,
                Some(Ok(Some(value))) => Yield::Value(value.into_owned()),
                Some(Ok(None)) => Yield::Nothing,
                Some(Err((reason, _))) => return Err(Unusable(reason, "the expression fails")),
            },
            Source::Path(path) => taken(path, &ops.header_values(Direction::Request, ":path"))?,
        };
        let value = match yielded {
            Yield::Value(value) if value.is_empty() => return Ok(Yield::Nothing),
            Yield::Value(value) => value,
            other => return Ok(other),
        };
        if value.len() > self.value_bytes {
            return Err(TOO_LONG);
        }
        let value = match self.aliases.replacement(&value) {
            // Made of parts of the value, any of which may stand in it several times.
            Some(Cow::Owned(made)) if made.len() > self.value_bytes => return Err(TOO_LONG),
            Some(replacement) if replacement.is_empty() => return Ok(Yield::Nothing),
            Some(replacement) => replacement.into_owned(),
            None => value,
        };
        if self.reach == Reach::Header && !self.reach.carries(&value) {
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
                let detail = "the request has the header twice with different values";
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
        Ok(Yield::Value(text.to_owned()))
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
            Findings::Whole { fields, .. } => (fields, true),
        };
        let Some(field) = field.of(fields) else {
            return Ok(Yield::Nothing);
        };
        let found = match self.duplicates {
            Duplicates::Reject if field.conflict => {
                return Err(Unusable(
                    Reason::DuplicateKey,
                    "the body holds the key twice with different values",
                ));
            }
            Duplicates::Reject | Duplicates::First => field.first.as_ref(),
            Duplicates::Last => field.last(),
        };
        match found {
            Some(Found::String(text) | Found::Number(text)) => Ok(Yield::Value(text.clone())),
            Some(Found::Bool(value)) => Ok(Yield::Value(value.to_string())),
            Some(Found::TooLong) => Err(TOO_LONG),
            None if !ended && !field.first_is_certain() => Ok(Yield::Unknown),
            Some(Found::Null | Found::Container) | None => Ok(Yield::Nothing),
        }
    }

    fn invalid(&self, detail: &str) -> Box<Reply> {
        self.reply("rustformations_field_invalid", "invalid", detail)
    }

    fn reply(&self, details: &'static str, problem: &str, detail: &str) -> Box<Reply> {
        let name = &self.name;
        Reply::invalid_field(
            details,
            &format!("{problem}_{name}"),
            name,
            &format!("`{name}` is {problem}: {detail}"),
        )
    }
}

/// What a template takes of the path.
fn taken(template: &Path, path: &[&[u8]]) -> Result<Yield, Unusable> {
    let path = path.first().and_then(|path| std::str::from_utf8(path).ok());
    match template.take(path.unwrap_or_default()) {
        Ok(value) => Ok(value.map_or(Yield::Nothing, Yield::Value)),
        Err(Malformed) => {
            let detail = "the path is not percent-encoded UTF-8, or another one to servers that tidy paths up";
            Err(Unusable(Reason::PathInvalid, detail))
        }
    }
}
