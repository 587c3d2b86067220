//! Configuration to [`Extraction`], with everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diagnostics::header;
use diagnostics::{Code, Diagnostic};

use super::Extraction;
use super::aliases::{Aliases, Replacement, stars};
use super::field::{Field, Reach, Source};
use super::lookup::Lookup;
use super::path::Path;
use super::wanted::{Format, Wanted, named};
use crate::config::{self, Extract};
use crate::config::{Limits, limits};
use crate::languages::Compilation;
use crate::languages::Phase;

/// Compiles `extract`; what is wrong is added to `diagnostics`. `path` is that of the list.
pub(crate) fn compile(
    extracts: &[Extract],
    path: &str,
    limits: &Limits,
    expressions: &mut Compilation,
    diagnostics: &mut Vec<Diagnostic>,
) -> Extraction {
    let mut extraction = Extraction {
        limits: limits.of_bodies(),
        ..Extraction::default()
    };
    if extracts.len() > limits::FIELDS {
        let message = format!("{} fields are more than {}", extracts.len(), limits::FIELDS);
        diagnostics.push(Diagnostic::error(Code::Range, path, message).help("extract fewer"));
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
            path: format!("{path}[{index}]"),
            diagnostics,
        };
        let field = field(
            extract,
            &targets,
            limits.value_bytes,
            &mut extraction.wanted,
            expressions,
            &mut at,
        );
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
    let Wanted { parts, fields, .. } = &extraction.wanted;
    if parts.len() > limits::FORM_SOURCES || fields.len() > limits::FORM_SOURCES {
        let message = format!("more than {} names of one kind", limits::FORM_SOURCES);
        diagnostics.push(Diagnostic::error(Code::Range, path, message).help("extract fewer"));
    }
    extraction
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
    wanted: &mut Wanted,
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
            "an empty namespace or key",
            "name both",
        );
    }
    check_values(extract, at);
    if let Some(lookup) = &extract.lookup {
        check_lookup(lookup, at);
    }
    Field {
        path: format!("{} `{name}`", at.path),
        sources: sources(extract, targets, wanted, expressions, at),
        name: name.into(),
        header,
        metadata: extract.metadata.clone(),
        default: extract.default.clone().filter(|value| !value.is_empty()),
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

/// The field's name: given, or that of the first source that has one.
fn name(extract: &Extract, at: &mut Place<'_>) -> String {
    let sources = &extract.from;
    let given = extract.name.clone();
    let given = given.or_else(|| sources.iter().find_map(source_name));
    // A path without a name is wrong, and so is a field without sources: enough is said of those.
    let is_path = |source: &config::Source| matches!(source, config::Source::Path(_));
    let told = given.is_none() && (sources.is_empty() || sources.iter().any(is_path));
    let name = given.unwrap_or_default();
    if name.is_empty() && !told {
        let help = "add `name`; `header` and `cel` sources give none of their own";
        at.error(Code::Conflict, "name", "the field has no name", help);
    }
    name
}

/// What a source calls the field.
fn source_name(source: &config::Source) -> Option<String> {
    match source {
        config::Source::Json(pointer) => {
            let last = pointer.rsplit('/').next().unwrap_or_default();
            Some(last.replace("~1", "/").replace("~0", "~"))
        }
        config::Source::Multipart(name) | config::Source::Form(name) => Some(name.clone()),
        config::Source::Path(template) => Path::parse(template).ok().map(|path| path.name),
        config::Source::Header(_) | config::Source::Cel(_) => None,
    }
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
        let message = format!("`{header}` would be removed from every request");
        at.error(
            Code::Conflict,
            key,
            message,
            "extract into a header of your own and use `set` for this one",
        );
    }
}

/// Checks what the configuration itself would put into the header.
fn check_values(extract: &Extract, at: &mut Place<'_>) {
    let (message, help) = match reach(extract) {
        Reach::Header => (
            "a value that a header cannot carry",
            "remove control characters, and spaces around it",
        ),
        Reach::Metadata | Reach::Templates => (
            "a value that a line of an access log cannot carry",
            "remove control characters",
        ),
    };
    let carried = |value: &str| reach(extract).carries(value);
    if extract
        .default
        .as_deref()
        .is_some_and(|value| !carried(value))
    {
        at.error(Code::HeaderName, "default", message, help);
    }
    let mut known = HashMap::new();
    for (index, alias) in extract.aliases.iter().enumerate() {
        let key = format!("aliases[{index}].value");
        if !carried(&alias.value) {
            at.error(Code::HeaderName, &key, message, help);
        }
        if let Err((message, help)) = Replacement::parse(&alias.value, stars(&alias.pattern)) {
            at.error(Code::Conflict, &key, message, help);
        }
        if alias.value.is_empty() {
            at.error(
                Code::Conflict,
                &key,
                "an empty value",
                "name what replaces the match",
            );
        }
        let pattern = &alias.pattern;
        let first = *known.entry(pattern).or_insert(index);
        let (message, help) = if pattern.is_empty() {
            ("no value is empty".to_owned(), "name what to replace")
        } else if first != index {
            let message = format!("`{pattern}` is replaced by aliases[{first}] already");
            (message, "write each match once")
        } else {
            continue;
        };
        let key = format!("aliases[{index}].match");
        at.error(Code::Conflict, &key, message, help);
    }
}

/// Checks what the table itself would put into the header.
fn check_lookup(lookup: &config::Lookup, at: &mut Place<'_>) {
    if lookup.values.is_empty() && lookup.default.is_none() {
        let help = "name values, such as `{my-adapter: its-base}`";
        at.error(Code::Conflict, "lookup.values", "an empty table", help);
    }
    if lookup.values.contains_key("") {
        let help = "name a value of the field";
        at.error(Code::Conflict, "lookup.values", "no value is empty", help);
    }
    let values = lookup.values.iter();
    let values = values.map(|(from, to)| (format!("lookup.values[{from}]"), to));
    let default = lookup.default.iter();
    let default = default.map(|value| ("lookup.default".to_owned(), value));
    for (key, value) in values.chain(default) {
        if !header::valid_exact_value(value) {
            let message = "a value that a header cannot carry";
            let help = "remove control characters, and spaces around it";
            at.error(Code::HeaderName, &key, message, help);
        } else if value.is_empty() {
            let help = "name what stands in the header";
            at.error(Code::Conflict, &key, "an empty value", help);
        }
    }
}

fn sources(
    extract: &Extract,
    targets: &BTreeSet<String>,
    wanted: &mut Wanted,
    expressions: &mut Compilation,
    at: &mut Place<'_>,
) -> Vec<Source> {
    if extract.from.is_empty() {
        let help = "name a source, or leave `from` out for `/model`";
        at.error(Code::Conflict, "from", "no source", help);
    }
    let mut sources = Vec::new();
    for (index, source) in extract.from.iter().enumerate() {
        let key = format!("from[{index}]");
        match source {
            config::Source::Json(pointer) => match wanted.pointers.insert(pointer) {
                Ok(field) => sources.push(Source::Body(Format::Json, field)),
                Err(error) => {
                    let message = format!("`{pointer}`: {error}");
                    at.error(
                        Code::Pointer,
                        &key,
                        message,
                        "see RFC 6901; for example `/model`",
                    );
                }
            },
            config::Source::Cel(text) => {
                let path = format!("{}.{key}", at.path);
                let id = expressions.compile(Phase::Extraction, &path, text, at.diagnostics);
                let worthless = id.and_then(|id| expressions.expressions.worthless(id));
                if let Some((message, help)) = worthless {
                    let warning = Diagnostic::warning(Code::Conflict, &path, message).help(help);
                    at.diagnostics.push(warning);
                }
                sources.extend(id.map(Source::Expression));
            }
            config::Source::Multipart(name) => {
                if is_field_name(name, &key, at) {
                    let field = named(&mut wanted.parts, name);
                    sources.push(Source::Body(Format::Multipart, field));
                }
            }
            config::Source::Form(name) => {
                if is_field_name(name, &key, at) {
                    let field = named(&mut wanted.fields, name);
                    sources.push(Source::Body(Format::Form, field));
                }
            }
            config::Source::Path(template) => match Path::parse(template) {
                Ok(path) => sources.push(Source::Path(path)),
                Err((message, help)) => {
                    at.error(Code::Path, &key, format!("`{template}`: {message}"), help);
                }
            },
            config::Source::Header(name) => {
                let name = name.to_ascii_lowercase();
                if !header::valid_name(&name) {
                    let message = format!("`{name}` is not a header name");
                    at.error(
                        Code::HeaderName,
                        &key,
                        message,
                        "use letters, digits and `-`",
                    );
                } else if targets.contains(&name) {
                    let message = format!("`{name}` is always removed from what the client sent");
                    at.error(
                        Code::Conflict,
                        &key,
                        message,
                        "read a header that no field sets",
                    );
                } else {
                    sources.push(Source::Header(name));
                }
            }
        }
    }
    sources
}

/// Whether the field of a form can be called so.
fn is_field_name(name: &str, key: &str, at: &mut Place<'_>) -> bool {
    if name.is_empty() {
        at.error(
            Code::Conflict,
            key,
            "an empty name",
            "name a field of the form",
        );
    } else if name.contains(['\\', '"']) || name.chars().any(char::is_control) {
        let message = format!("no field of a form is called {name:?}");
        at.error(
            Code::Conflict,
            key,
            message,
            "leave out quotes, backslashes and control characters",
        );
    } else {
        return true;
    }
    false
}
