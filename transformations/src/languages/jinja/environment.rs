//! The environment all templates share, and the names they can use.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Value, escape_formatter,
};

use super::scope::Scope;
use super::{filters, functions, memory, operators, predicates, rewrite};
use crate::settings::Settings;

/// Functions of the engine and of this crate.
pub(crate) const FUNCTIONS: &[&str] = &[
    "add_query",
    "base64_decode",
    "base64_encode",
    "base64url_decode",
    "base64url_encode",
    "body",
    "cel",
    "context",
    "debug",
    "dict",
    "env",
    "get_cookie",
    "get_cookie_i",
    "get_query",
    "header",
    "namespace",
    "range",
    "raw_string",
    "remove_query",
    "replace_with_random",
    "replace_with_string",
    "request_header",
    "set_query",
    "substring",
];

/// Filters of the engine.
pub(crate) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Tests of the engine.
pub(crate) const TESTS: &[&str] = &[
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// An environment whose templates may take `fuel` steps.
pub(crate) fn environment(settings: &Arc<Settings>, fuel: u64) -> Environment<'static> {
    let mut environment = Environment::new();
    // Debug mode copies the variables into each error.
    environment.set_debug(false);
    environment.set_fuel(Some(fuel));
    // kgateway escapes HTML where a template's own text ends in `.html`; no header wants that.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(print);
    operators::register(&mut environment);
    filters::register(&mut environment);
    predicates::register(&mut environment);
    functions::register(&mut environment, settings);
    environment
}

/// Prints a value as the template engine does, and counts it: what is printed may become a value.
/// Bytes that are no text are printed as they are, unless they become a value.
fn print(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => {
            memory::print(text.len())?;
            if let Some(bytes) = Scope::raw(text) {
                return Scope::print(bytes, || Ok(out.write_str(text)?));
            }
        }
        None if let Some(bytes) = value.as_bytes() => {
            let text = String::from_utf8_lossy(bytes);
            memory::print(text.len())?;
            return Scope::print(bytes.into(), || Ok(out.write_str(&text)?));
        }
        None if matches!(state.auto_escape(), AutoEscape::None) => {
            return Ok(write!(Counted(out), "{value}")?);
        }
        None => memory::print(memory::printed_size(value)?)?,
    }
    escape_formatter(out, state, value)
}

/// Counts what it writes.
struct Counted<'o, 'w>(&'o mut Output<'w>);

impl Write for Counted<'_, '_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        memory::print_piece(piece.len()).map_err(|_too_much| fmt::Error)?;
        self.0.write_str(piece)
    }
}

/// The same environment, in which templates can include and import these by name.
pub(crate) fn with_templates(
    environment: &Environment<'static>,
    templates: BTreeMap<String, String>,
) -> Environment<'static> {
    let mut environment = environment.clone();
    environment.set_loader(move |name| {
        let Some(text) = templates.get(name) else {
            return Ok(None);
        };
        match rewrite::text(name, text, true) {
            Ok(rewritten) => Ok(Some(rewritten.unwrap_or_else(|| text.clone()))),
            Err(rewrite::Error::Syntax(error)) => Err(error),
            // It is refused where it is configured too.
            Err(rewrite::Error::Refused(_)) => {
                let message = "a template that takes too much to compile";
                Err(Error::new(ErrorKind::InvalidOperation, message))
            }
        }
    });
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renders(template: &str) -> Result<String, minijinja::Error> {
        environment(&Arc::default(), 1000).render_str(template, ())
    }

    /// The names behind a key of an environment that is shown, but for those of rewritten templates.
    fn keys<'s>(shown: &'s str, key: &str) -> Vec<&'s str> {
        let (_, rest) = shown.split_once(key).unwrap();
        let (keys, _) = rest.split_once([']', '}']).unwrap();
        let names = keys.split('"').skip(1).step_by(2);
        names.filter(|name| !name.starts_with('_')).collect()
    }

    #[test]
    fn every_listed_name_exists_and_no_other() {
        let environment = environment(&Arc::default(), 1000);
        let functions: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
        assert_eq!(functions, FUNCTIONS);
        let shown = format!("{environment:?}");
        assert_eq!(keys(&shown, "filters: "), FILTERS);
        assert_eq!(keys(&shown, "tests: "), TESTS);
        for name in FILTERS {
            let error = renders(&format!("{{{{ 1 | {name} }}}}")).err();
            let kind = error.map(|error| error.kind());
            assert_ne!(kind, Some(minijinja::ErrorKind::UnknownFilter), "{name}");
        }
        for name in TESTS
            .iter()
            .filter(|name| name.starts_with(char::is_alphabetic))
        {
            let error = renders(&format!("{{{{ 1 is {name} }}}}")).err();
            let kind = error.map(|error| error.kind());
            assert_ne!(kind, Some(minijinja::ErrorKind::UnknownTest), "{name}");
        }
        assert!(renders("{{ 1 | tojson }}").is_err());
        assert!(renders("{{ 1 is blue }}").is_err());
    }

    #[test]
    fn prints_values_as_kgateway_does() {
        let printed =
            renders("{{ none }} {{ true }} {{ 1.0 }} {{ {'a': 1, 'b': [true, none, 'x\"y']} }}")
                .unwrap();
        assert_eq!(
            printed,
            r#"none true 1.0 {"a": 1, "b": [true, none, "x\"y"]}"#
        );
    }
}
