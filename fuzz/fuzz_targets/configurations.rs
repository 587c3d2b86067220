//! Configurations of both filters: any bytes, and values that follow the schema or nearly so. They are loaded or
//! refused, twice the same, with places that exist; what loads without a warning is valid by the schema.

#![no_main]

use std::sync::LazyLock;

use acl::Acl;
use arbitrary::{Arbitrary, Result, Unstructured};
use diagnostics::{Code, ConfigErrors, Diagnostic};
use fuzz::instance::Instances;
use jsonschema::Validator;
use libfuzzer_sys::fuzz_target;
use reference::{Filter, schema};
use serde_json::Value;
use transformations::Program;

/// A filter, its schema, and what checks it.
struct Known {
    filter: Filter,
    schema: Value,
    validator: Validator,
}

static KNOWN: LazyLock<[Known; 2]> = LazyLock::new(|| {
    Filter::ALL.map(|filter| {
        let schema = schema(filter);
        let validator = jsonschema::draft202012::new(&schema).expect("it is a schema");
        Known {
            filter,
            schema,
            validator,
        }
    })
});

#[derive(Debug)]
struct Input {
    known: usize,
    text: Vec<u8>,
}

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let known = usize::from(input.ratio(1, 8)?);
        let text = if input.ratio(1, 4)? {
            fuzz::text::rest(input)?
        } else {
            let value = Instances::of(&KNOWN[known].schema).value(input)?;
            value.to_string().into_bytes()
        };
        Ok(Self { known, text })
    }
}

/// What comes of a configuration: what is compiled, as far as it is shown, and what is reported.
type Loaded = std::result::Result<(String, Vec<Diagnostic>), Vec<Diagnostic>>;

fn load(filter: Filter, text: &[u8]) -> Loaded {
    match filter {
        Filter::Transformations => match Program::load(text) {
            Ok(mut loaded) => {
                let program = &loaded.program;
                let shown = format!(
                    "{:?}{:?}",
                    program.body_plan(transformations::Direction::Request),
                    program.body_plan(transformations::Direction::Response)
                );
                loaded.warnings.append(&mut loaded.notes);
                Ok((shown, loaded.warnings))
            }
            Err(ConfigErrors(found)) => Err(found),
        },
        Filter::Acl => match Acl::load(text) {
            Ok(loaded) => Ok((format!("{:?}", loaded.acl), loaded.warnings)),
            Err(ConfigErrors(found)) => Err(found),
        },
    }
}

fuzz_target!(|input: Input| {
    let Known {
        filter, validator, ..
    } = &KNOWN[input.known];
    let text = &input.text;
    let shown = || String::from_utf8_lossy(text);
    let loaded = load(*filter, text);
    assert_eq!(load(*filter, text), loaded, "{}", shown());
    let (Ok((_, found)) | Err(found)) = &loaded;
    assert_eq!(
        loaded.is_err(),
        found.iter().any(Diagnostic::is_error),
        "{}",
        shown()
    );
    for diagnostic in found {
        let message = diagnostic.to_string();
        assert!(
            !message.contains(['\n', '\r']) || shown().contains('\\'),
            "a message of two lines: {message:?}"
        );
    }
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        assert!(loaded.is_err(), "not JSON, and loaded: {}", shown());
        return;
    };
    let positions = found
        .iter()
        .filter(|diagnostic| diagnostic.code != Code::Syntax);
    for diagnostic in positions {
        assert!(
            exists(&value, &diagnostic.path),
            "no place `{}`: {diagnostic} of {}",
            diagnostic.path,
            shown()
        );
    }

    // A key that stands twice is refused; without it the same value is the same configuration, however it is spelled.
    let twice = found
        .iter()
        .any(|diagnostic| diagnostic.message.starts_with("duplicate key"));
    if !twice {
        assert_eq!(
            load(*filter, format!("{value:#}").as_bytes()).map_err(unplaced),
            loaded.clone().map_err(unplaced),
            "{}",
            shown()
        );
    }
    let valid = validator.is_valid(&value);
    if found.is_empty() {
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(valid, "loaded, and not valid: {errors:?} {}", shown());
    }
    if !twice
        && found
            .iter()
            .any(|diagnostic| diagnostic.code == Code::Schema)
    {
        assert!(!valid, "valid, and of a wrong shape: {found:?} {}", shown());
    }
});

/// What is reported, without where it stands in the text.
fn unplaced(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut found = found;
    for diagnostic in &mut found {
        if diagnostic.code == Code::Syntax {
            diagnostic.position = None;
        }
    }
    found
}

/// Whether a path leads to a value, or to a key that an object lacks.
fn exists(value: &Value, path: &str) -> bool {
    let path = path.split(" `").next().unwrap_or_default();
    leads(value, path)
}

fn leads(value: &Value, path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    if let Some(rest) = path.strip_prefix('[') {
        let Some((index, rest)) = rest.split_once(']') else {
            return false;
        };
        let item = index
            .parse::<usize>()
            .ok()
            .and_then(|index| value.get(index));
        return item.is_some_and(|item| leads(item, rest));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let Value::Object(members) = value else {
        return false;
    };
    let lacks = path.bytes().all(|byte| byte.is_ascii_alphanumeric());
    lacks
        || members.iter().any(|(key, value)| {
            let rest = path.strip_prefix(key.as_str());
            rest.is_some_and(|rest| {
                (rest.is_empty() || rest.starts_with(['.', '['])) && leads(value, rest)
            })
        })
}
