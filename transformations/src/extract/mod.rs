//! Fields taken out of a request: sources, aliases, defaults, and where the values go.

mod aliases;
mod compile;
mod extracted;

use std::sync::Arc;

use aliases::Aliases;
pub(crate) use compile::compile;
pub(crate) use extracted::Extracted;

use crate::config::{Duplicates, MetadataTarget, OnFailure};
use crate::failure::{Failure, Outcome, Reason, Reply};
use crate::headers;
use crate::json::{self, Finder, Found, Pointers};
use crate::limits::Limits;
use crate::ops::{Direction, TransformationOps};

/// All the fields of one configuration, found in one pass over the body.
#[derive(Debug, Default)]
pub(crate) struct Extraction {
    pointers: Pointers,
    fields: Vec<Field>,
    limits: Limits,
}

#[derive(Debug)]
struct Field {
    name: Arc<str>,
    /// The place in the configuration, for failures.
    path: String,
    sources: Vec<Source>,
    header: Option<String>,
    metadata: Option<MetadataTarget>,
    default: Option<String>,
    aliases: Aliases,
    value_bytes: usize,
    duplicates: Duplicates,
    on_missing: OnFailure,
    on_invalid: OnFailure,
}

#[derive(Debug)]
enum Source {
    /// The number of a field of the finder.
    Json(usize),
    /// A request header, in lower case.
    Header(String),
}

/// What the body says of the JSON fields.
enum Findings {
    /// There is no body.
    Absent,
    Fields(Vec<json::Field>),
    Unreadable(json::Error),
}

/// Why a source that has something does not yield it.
struct Unusable(Reason, &'static str);

const TOO_LONG: Unusable = Unusable(Reason::Limit, "the value is too long");

impl Extraction {
    /// Whether there is nothing to extract.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether a source is in the body.
    pub(crate) fn reads_body(&self) -> bool {
        !self.pointers.is_empty()
    }

    /// Whether a field is put in a header.
    pub(crate) fn sets_headers(&self) -> bool {
        self.fields.iter().any(|field| field.header.is_some())
    }

    /// Removes what the client sent in the headers that belong to the fields.
    pub(crate) fn remove_headers(&self, ops: &mut dyn TransformationOps) {
        for header in self.headers() {
            ops.remove_request_header(header);
        }
    }

    /// The headers that belong to the fields.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter_map(|field| field.header.as_deref())
    }

    /// Finds the fields and puts them where they belong.
    ///
    /// # Errors
    ///
    /// The answer to give when a field rejects the request.
    pub(crate) fn run(
        &self,
        ops: &mut dyn TransformationOps,
        read_body: bool,
        outcome: &mut Outcome,
    ) -> Result<Extracted, Reply> {
        let findings = if read_body && self.reads_body() {
            self.findings(ops)
        } else {
            Findings::Absent
        };
        let mut extracted = Extracted::default();
        for field in &self.fields {
            let Some(value) = field.value(&findings, ops, outcome)? else {
                continue;
            };
            if let Some(header) = &field.header
                && !ops.set_request_header(header, value.as_bytes())
            {
                outcome.fail(
                    Reason::HeaderValue,
                    &field.path,
                    "the host refused the header",
                );
            }
            if let Some(target) = &field.metadata {
                ops.set_dynamic_metadata(&target.namespace, &target.key, &value);
            }
            extracted.insert(&field.name, value);
        }
        Ok(extracted)
    }

    fn findings(&self, ops: &dyn TransformationOps) -> Findings {
        let chunks = ops.body_chunks(Direction::Request);
        if chunks.iter().all(|chunk| chunk.is_empty()) {
            return Findings::Absent;
        }
        let mut finder = Finder::new(&self.pointers, &self.limits);
        for chunk in chunks {
            if let Err(error) = finder.feed(&self.pointers, chunk) {
                return Findings::Unreadable(error);
            }
        }
        match finder.finish(&self.pointers) {
            Ok(fields) => Findings::Fields(fields),
            Err(error) => Findings::Unreadable(error),
        }
    }
}

impl Field {
    /// The value, from the first source that yields one.
    fn value(
        &self,
        findings: &Findings,
        ops: &dyn TransformationOps,
        outcome: &mut Outcome,
    ) -> Result<Option<String>, Reply> {
        let unreadable = matches!(findings, Findings::Unreadable(_));
        for source in &self.sources {
            match self.yielded(source, findings, ops) {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(Unusable(reason, detail)) => {
                    // A broken body is one failure, however many sources are in it.
                    let known = |failure: &Failure| {
                        unreadable && failure.reason == reason && failure.detail == detail
                    };
                    if !outcome.failures.iter().any(known) {
                        outcome.fail(reason, &self.path, detail);
                    }
                    if self.on_invalid == OnFailure::Reject {
                        return Err(self.reply("rustformations_field_invalid", "invalid", detail));
                    }
                    // Two values mean an attack or a bug; what the client says elsewhere does not
                    // settle it.
                    if reason == Reason::DuplicateKey {
                        break;
                    }
                }
            }
        }
        if let Some(default) = &self.default {
            return Ok(Some(default.clone()));
        }
        if self.on_missing == OnFailure::Reject {
            let detail = "the request does not have it";
            outcome.fail(Reason::FieldMissing, &self.path, detail);
            return Err(self.reply("rustformations_field_missing", "missing", detail));
        }
        Ok(None)
    }

    /// What one source yields: a value that may stand in the header, aliases applied.
    fn yielded(
        &self,
        source: &Source,
        findings: &Findings,
        ops: &dyn TransformationOps,
    ) -> Result<Option<String>, Unusable> {
        let value = match source {
            Source::Json(number) => self.json(*number, findings)?,
            Source::Header(name) => self.header(&ops.header_values(Direction::Request, name))?,
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        if value.len() > self.value_bytes {
            return Err(TOO_LONG);
        }
        let value = match self.aliases.replacement(&value) {
            Some(replacement) => replacement.to_owned(),
            None => value,
        };
        // In metadata too: a line break would write lines of its own into a text access log.
        if !headers::valid_exact_value(&value) {
            return Err(Unusable(
                Reason::HeaderValue,
                "the value holds what a header cannot carry: control characters, or spaces around it",
            ));
        }
        Ok(Some(value))
    }

    fn header(&self, values: &[&[u8]]) -> Result<Option<String>, Unusable> {
        let value = match self.duplicates {
            Duplicates::Reject if values.windows(2).any(|pair| pair.first() != pair.last()) => {
                let detail = "the request has the header twice with different values";
                return Err(Unusable(Reason::DuplicateKey, detail));
            }
            Duplicates::Reject | Duplicates::First => values.first(),
            Duplicates::Last => values.last(),
        };
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        Ok(text.map(str::to_owned))
    }

    fn json(&self, number: usize, findings: &Findings) -> Result<Option<String>, Unusable> {
        let fields = match findings {
            Findings::Absent => return Ok(None),
            Findings::Unreadable(json::Error::Invalid) => {
                return Err(Unusable(
                    Reason::JsonInvalid,
                    "the body is not a JSON document",
                ));
            }
            Findings::Unreadable(json::Error::TooDeep) => {
                return Err(Unusable(Reason::Limit, "the body is nested too deep"));
            }
            Findings::Fields(fields) => fields,
        };
        let Some(field) = fields.get(number) else {
            return Ok(None);
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
            Some(Found::String(text) | Found::Number(text)) => Ok(Some(text.clone())),
            Some(Found::Bool(value)) => Ok(Some(value.to_string())),
            Some(Found::Null | Found::Container) | None => Ok(None),
            Some(Found::TooLong) => Err(TOO_LONG),
        }
    }

    fn reply(&self, details: &'static str, problem: &str, detail: &str) -> Reply {
        let name = &self.name;
        Reply::invalid_field(
            details,
            &format!("{problem}_{name}"),
            name,
            &format!("`{name}` is {problem}: {detail}"),
        )
    }
}
