//! The sources of a field, compiled.

use std::collections::BTreeSet;

use bodies::json::PointerError;
use diagnostics::header;
use diagnostics::{Code, Diagnostic};

use super::Place;
use crate::config::{self, Extract};
use crate::fields::Extraction;
use crate::fields::field::Source;
use crate::fields::path::Path;
use crate::fields::usage::Count;
use crate::fields::wanted::{Format, named};
use crate::languages::Compilation;
use crate::languages::Phase;
use crate::ops::Direction;
use crate::pointer;

/// What a source calls the field.
pub(super) fn source_name(source: &config::Source) -> Option<String> {
    match source {
        config::Source::Json(pointer) => {
            let last = pointer.rsplit('/').next().unwrap_or_default();
            Some(last.replace("~1", "/").replace("~0", "~"))
        }
        config::Source::Multipart(name) | config::Source::Form(name) => Some(name.clone()),
        config::Source::Path(template) => Path::parse(template).ok().map(|path| path.name),
        config::Source::Usage(tokens) => Some(format!("{}_tokens", tokens.as_str())),
        config::Source::Header(_) | config::Source::Cel(_) => None,
    }
}

/// The sources of a field, as far as they can be used, and how the configuration spells each.
pub(super) fn sources(
    extract: &Extract,
    targets: &BTreeSet<String>,
    extraction: &mut Extraction,
    expressions: &mut Compilation,
    at: &mut Place<'_>,
) -> (Vec<Source>, Vec<String>) {
    if extract.from.is_empty() {
        let help = "add a source, or remove `from` to read `/model`";
        at.error(Code::Conflict, "from", "the list has no source", help);
    }
    let Extraction { wanted, rules, .. } = extraction;
    let (take, duplicates) = (extract.take.unwrap_or_default(), extract.duplicates);
    let (mut sources, mut spellings) = (Vec::new(), Vec::new());
    for (index, source) in extract.from.iter().enumerate() {
        let key = format!("from[{index}]");
        if let Some((message, help)) = misplaced(source, at.direction) {
            at.error(Code::Conflict, &key, message, help);
            continue;
        }
        match source {
            config::Source::Json(path) => {
                let source = match at.direction {
                    Direction::Request => {
                        let field = wanted.pointers.insert(path);
                        field.map(|field| Source::Body(Format::Json, field))
                    }
                    Direction::Response => {
                        rules.value(path, take, duplicates).map(Source::Documents)
                    }
                };
                match source {
                    Ok(source) => {
                        sources.push(source);
                        let doubt =
                            pointer::misspelt(path).or_else(|| pointer::leads_nowhere(path));
                        if let Some((message, help)) = doubt {
                            let place = format!("{}.{key}", at.path);
                            let message = format!("`{path}`: {message}");
                            let warning = Diagnostic::warning(Code::Pointer, &place, message);
                            at.diagnostics.push(warning.help(help));
                        }
                    }
                    Err(error) => {
                        let message = format!("`{path}`: {error}");
                        let help = match error {
                            PointerError::NoSlash => {
                                format!("write `{}`", pointer::as_pointer(path))
                            }
                            _ => error.help().to_owned(),
                        };
                        at.error(Code::Pointer, &key, message, &help);
                    }
                }
            }
            config::Source::Usage(tokens) => match Count::ruled(rules, *tokens, take, duplicates) {
                Ok(count) => sources.push(Source::Usage(count)),
                Err(error) => at.error(Code::Range, &key, error.to_string(), error.help()),
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
                    let sender = match at.direction {
                        Direction::Request => "client",
                        Direction::Response => "upstream",
                    };
                    let message = format!(
                        "a field sets `{name}`, so what the {sender} sent in it is removed"
                    );
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
        if sources.len() > spellings.len() {
            spellings.push(source.to_string());
        }
    }
    (sources, spellings)
}

/// Why messages of this direction have no such source, and the way out.
fn misplaced(
    source: &config::Source,
    direction: Direction,
) -> Option<(&'static str, &'static str)> {
    match (direction, source) {
        (Direction::Request, config::Source::Usage(_)) => Some((
            "a request reports no tokens",
            "move the field to `response.extract`",
        )),
        (Direction::Response, config::Source::Multipart(_) | config::Source::Form(_)) => Some((
            "a response is not read as a form",
            "use `json`, `header`, `usage` or `cel`",
        )),
        (Direction::Response, config::Source::Path(_)) => Some((
            "a response has no path",
            "add the field to `request.extract`, and read `extracted.` and its name",
        )),
        _ => None,
    }
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
