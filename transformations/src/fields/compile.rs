//! Configuration to [`Extraction`], with everything that is wrong with it.

mod sources;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use diagnostics::header;
use diagnostics::{Code, Diagnostic};

use super::aliases::Aliases;
use super::field::{Field, Reach};
use super::lookup::Lookup;
use super::value;
use super::wanted::Wanted;
use super::{ANSWER_POINTERS, Extraction};
use crate::config::{self, Extract, OnFailure};
use crate::config::{Limits, limits};
use crate::languages::{Compilation, FieldTypes};
use crate::ops::Direction;
use sources::{source_name, sources};
use values::{check_lookup, check_values, usual, value_type};

/// Compiles the `extract` of a pass; what is wrong is added to `diagnostics`. `rejects_invalid`: the pass rejects a
/// message for a field that is invalid, whatever the field says.
pub(crate) fn compile(
    direction: Direction,
    extracts: &[Extract],
    rejects_invalid: bool,
    limits: &Limits,
    expressions: &mut Compilation,
    diagnostics: &mut Vec<Diagnostic>,
) -> Extraction {
    let mut extraction = Extraction {
        limits: limits.of_bodies(),
        ..Extraction::default()
    };
    let path = &format!("{}.extract", direction.as_str());
    if extracts.len() > limits::FIELDS {
        let message = format!("{} fields are too many", extracts.len());
        let help = format!("extract at most {}", limits::FIELDS);
        diagnostics.push(Diagnostic::error(Code::Range, path, message).help(help));
        return extraction;
    }
    let targets: BTreeSet<String> = extracts
        .iter()
        .flat_map(|extract| {
            let lookup = extract.lookup.as_ref().map(|lookup| &lookup.header);
            extract.header.iter().chain(lookup)
        })
        .map(|header| header.to_ascii_lowercase())
        .collect();
    let mut owners = Owners::default();
    for (index, extract) in extracts.iter().enumerate() {
        let mut at = Place {
            direction,
            path: format!("{path}[{index}]"),
            diagnostics,
        };
        let mut field = field(
            extract,
            &targets,
            limits.value_bytes,
            &mut extraction,
            expressions,
            &mut at,
        );
        if rejects_invalid {
            field.on_invalid = OnFailure::Reject;
        }
        if !field.name.is_empty() {
            owners.claim("name", &field.name, &mut at);
        }
        if let Some(header) = &field.header {
            owners.claim("header", header, &mut at);
        }
        if let Some(lookup) = &field.lookup {
            owners.claim("lookup.header", &lookup.header, &mut at);
        }
        extraction.fields.push(field);
    }
    if direction == Direction::Response && extraction.rules.with_usage().is_err() {
        let message =
            format!("the fields read more than {ANSWER_POINTERS} JSON Pointers beside `usage`");
        diagnostics.push(Diagnostic::error(Code::Range, path, message).help("read fewer"));
    }
    let Wanted { parts, fields, .. } = &extraction.wanted;
    if parts.len() > limits::FORM_SOURCES || fields.len() > limits::FORM_SOURCES {
        let message = format!(
            "the fields read more than {} names of forms",
            limits::FORM_SOURCES
        );
        diagnostics.push(Diagnostic::error(Code::Range, path, message).help("read fewer"));
    }
    extraction
}

/// The types of these fields, as far as they have names.
pub(crate) fn types<'e>(extracts: impl Iterator<Item = &'e Extract>) -> FieldTypes {
    let typed = extracts.filter_map(|extract| {
        let value_type = extract.value_type.unwrap_or_else(|| usual(extract));
        Some((own_name(extract)?, value_type))
    });
    typed.collect()
}

/// Who uses each name and header: two fields may not share one.
#[derive(Default)]
struct Owners(BTreeMap<(&'static str, String), String>);

impl Owners {
    fn claim(&mut self, key: &str, value: &str, at: &mut Place<'_>) {
        let what = if key == "name" { "name" } else { "header" };
        let owned = (what, value.to_owned());
        if let Some(owner) = self.0.get(&owned) {
            let message = format!("`{value}` is already the {what} of {owner}");
            at.error(Code::Conflict, key, message, "give each field its own");
        } else {
            self.0.insert(owned, at.path.clone());
        }
    }
}

/// Where in the configuration we are, and what was wrong so far.
struct Place<'d> {
    direction: Direction,
    path: String,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Place<'_> {
    fn error(&mut self, code: Code, key: &str, message: impl Into<String>, help: &str) {
        let path = format!("{}.{key}", self.path);
        self.diagnostics
            .push(Diagnostic::error(code, path, message).help(help));
    }
}

fn field(
    extract: &Extract,
    targets: &BTreeSet<String>,
    value_bytes: usize,
    extraction: &mut Extraction,
    expressions: &mut Compilation,
    at: &mut Place<'_>,
) -> Field {
    let name = name(extract, at);
    let header = extract
        .header
        .as_ref()
        .map(|header| header.to_ascii_lowercase());
    if let Some(header) = &header {
        check_header("header", header, at);
    }
    let lookup = extract.lookup.as_ref().map(Lookup::new);
    if let Some(lookup) = &lookup {
        check_header("lookup.header", &lookup.header, at);
    }
    if let Some(target) = &extract.metadata
        && (target.namespace.is_empty() || target.key.is_empty())
    {
        at.error(
            Code::Conflict,
            "metadata",
            "the namespace or the key is empty",
            "give both",
        );
    }
    let value_type = value_type(extract, at);
    check_values(extract, value_type, at);
    if let Some(lookup) = &extract.lookup {
        check_lookup(lookup, at);
    }
    let default = extract.default.clone().filter(|value| !value.is_empty());
    let (sources, spellings) = sources(extract, targets, extraction, expressions, at);
    Field {
        direction: at.direction,
        path: format!("{} `{name}`", at.path),
        sources,
        spellings,
        name: name.into(),
        header,
        metadata: extract.metadata.clone(),
        value_type,
        default: default.and_then(|value| value::parsed(value, value_type)),
        aliases: Aliases::new(&extract.aliases),
        lookup,
        reach: reach(extract),
        value_bytes,
        duplicates: extract.duplicates,
        on_missing: extract.on_missing,
        on_invalid: extract.on_invalid,
    }
}

/// Where a field's value goes.
fn reach(extract: &Extract) -> Reach {
    if extract.header.is_some() || extract.lookup.is_some() {
        Reach::Header
    } else if extract.metadata.is_some() {
        Reach::Metadata
    } else {
        Reach::Templates
    }
}

/// What the configuration calls a field, or its first source that has a name.
fn own_name(extract: &Extract) -> Option<String> {
    let given = extract.name.clone();
    given.or_else(|| extract.from.iter().find_map(source_name))
}

/// The field's name, which it needs.
fn name(extract: &Extract, at: &mut Place<'_>) -> String {
    let sources = &extract.from;
    let given = own_name(extract);
    // A path without a name is wrong, and so is a field without sources: enough is said of those.
    let is_path = |source: &config::Source| matches!(source, config::Source::Path(_));
    let told = given.is_none() && (sources.is_empty() || sources.iter().any(is_path));
    let name = given.unwrap_or_default();
    if name.is_empty() && !told {
        let help = "add `name`: a `header` or `cel` source gives the field none";
        at.error(Code::Conflict, "name", "the field has no name", help);
    }
    name
}

fn check_header(key: &str, header: &str, at: &mut Place<'_>) {
    if !header::valid_name(header) {
        let message = format!("`{header}` is not a header name");
        at.error(
            Code::HeaderName,
            key,
            message,
            "use letters, digits and `-`",
        );
    } else if header.starts_with(':') || header == "host" || header::CONNECTION.contains(&header) {
        let message = format!(
            "`extract` would remove `{header}` from every {}",
            at.direction.as_str()
        );
        at.error(
            Code::Conflict,
            key,
            message,
            "extract into a header of your own, and use `set` for this one",
        );
    }
}
