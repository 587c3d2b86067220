//! Configuration to [`Extraction`], with everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diagnostics::header;
use diagnostics::{Code, Diagnostic};

use super::Extraction;
use super::aliases::Aliases;
use super::field::{Field, Source};
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
        let message = format!(
            "the fields read more than {} names of forms",
            limits::FORM_SOURCES
        );
        diagnostics.push(Diagnostic::error(Code::Range, path, message).help("read fewer"));
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
            "the namespace or the key is empty",
            "give both",
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
        value_bytes,
        duplicates: extract.duplicates,
        on_missing: extract.on_missing,
        on_invalid: extract.on_invalid,
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
        let help = "add `name`: a `header` or `cel` source gives the field none";
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
        let message = format!("`extract` would remove `{header}` from every request");
        at.error(
            Code::Conflict,
            key,
            message,
            "extract into a header of your own, and use `set` for this one",
        );
    }
}

/// Checks what the configuration itself would put into the header.
fn check_values(extract: &Extract, at: &mut Place<'_>) {
    let message = "the value cannot be put into a header";
    let help = "remove control characters, and spaces around it";
    let carried = header::valid_exact_value;
    if extract
        .default
        .as_deref()
        .is_some_and(|value| !carried(value))
    {
        at.error(Code::HeaderName, "default", message, help);
    }
    let mut known = HashMap::new();
    for (index, alias) in extract.aliases.iter().enumerate() {
        if !carried(&alias.value) {
            at.error(
                Code::HeaderName,
                &format!("aliases[{index}].value"),
                message,
                help,
            );
        }
        if alias.value.is_empty() {
            let key = format!("aliases[{index}].value");
            at.error(
                Code::Conflict,
                &key,
                "the value is empty",
                "write what replaces the match",
            );
        }
        let pattern = &alias.pattern;
        let first = *known.entry(pattern).or_insert(index);
        let (message, help) = if pattern.is_empty() {
            (
                "the match is empty, and no value is".to_owned(),
                "write what to replace",
            )
        } else if first != index {
            let message = format!("aliases[{first}] has the match `{pattern}` already");
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
        let help = "add values, such as `{my-adapter: its-base}`";
        at.error(Code::Conflict, "lookup.values", "the table is empty", help);
    }
    if lookup.values.contains_key("") {
        let message = "the table has an empty key, and no value is empty";
        let help = "write a value of the field, or remove the key";
        at.error(Code::Conflict, "lookup.values", message, help);
    }
    let values = lookup.values.iter();
    let values = values.map(|(from, to)| (format!("lookup.values[{from}]"), to));
    let default = lookup.default.iter();
    let default = default.map(|value| ("lookup.default".to_owned(), value));
    for (key, value) in values.chain(default) {
        if !header::valid_exact_value(value) {
            let message = "the value cannot be put into a header";
            let help = "remove control characters, and spaces around it";
            at.error(Code::HeaderName, &key, message, help);
        } else if value.is_empty() {
            let help = "write what the header gets";
            at.error(Code::Conflict, &key, "the value is empty", help);
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
        let help = "add a source, or remove `from` to read `/model`";
        at.error(Code::Conflict, "from", "the list has no source", help);
    }
    let mut sources = Vec::new();
    for (index, source) in extract.from.iter().enumerate() {
        let key = format!("from[{index}]");
        match source {
            config::Source::Json(pointer) => match wanted.pointers.insert(pointer) {
                Ok(field) => sources.push(Source::Body(Format::Json, field)),
                Err(error) => {
                    let message = format!("`{pointer}`: {error}");
                    at.error(Code::Pointer, &key, message, error.help());
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
                    let message =
                        format!("a field sets `{name}`, so what the client sent in it is removed");
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
            "the name is empty",
            "write the name of a form field",
        );
    } else if name.contains(['\\', '"']) || name.chars().any(char::is_control) {
        let message = format!("{name:?} cannot be the name of a form field");
        at.error(
            Code::Conflict,
            key,
            message,
            "remove quotes, backslashes and control characters",
        );
    } else {
        return true;
    }
    false
}
