//! The schemas accept what the module accepts.

use diagnostics::Code;
use jsonschema::Validator;
use reference::{Filter, schema};

use crate::documents::{Document, cases, of_envoy};

fn validator(filter: Filter) -> Validator {
    jsonschema::draft202012::new(&schema(filter)).unwrap()
}

/// What a schema has against each of the documents, with the place.
fn refusals<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Vec<String> {
    let validators = Filter::ALL.map(|filter| (filter, validator(filter)));
    let mut refused = Vec::new();
    for document in documents {
        let (_, validator) = &validators[usize::from(document.filter == Filter::Acl)];
        let config = document.config.as_ref();
        for error in config
            .map(|config| validator.iter_errors(config))
            .into_iter()
            .flatten()
        {
            refused.push(format!(
                "{}: {}: {error}",
                document.place,
                error.instance_path()
            ));
        }
    }
    refused
}

#[test]
fn they_are_schemas() {
    for filter in Filter::ALL {
        assert!(
            jsonschema::draft202012::meta::is_valid(&schema(filter)),
            "{filter:?}"
        );
    }
}

#[test]
fn what_loads_without_diagnostics_is_valid() {
    let all: Vec<_> = cases().into_iter().chain(of_envoy()).collect();
    let sound = all
        .iter()
        .filter(|document| document.diagnostics().is_empty());
    let sound: Vec<_> = sound.collect();
    assert!(
        sound.len() > 500,
        "only {} configurations were found",
        sound.len()
    );
    assert_eq!(refusals(sound), [""; 0]);
}

/// Examples may be warned of, but not for their shape.
#[test]
fn the_files_for_envoy_are_valid() {
    let all = of_envoy();
    assert!(
        all.len() > 15,
        "only {} configurations were found",
        all.len()
    );
    assert_eq!(refusals(&all), [""; 0]);
}

#[test]
fn an_unknown_key_is_invalid() {
    let all = cases();
    let unknown = |document: &&Document| {
        let mut diagnostics = document.diagnostics().iter();
        diagnostics.any(|found| found.code == Code::UnknownKey) && document.config.is_some()
    };
    let unknown: Vec<_> = all.iter().filter(unknown).collect();
    assert!(!unknown.is_empty());
    for document in unknown {
        assert_ne!(refusals([document]), [""; 0], "{}", document.place);
    }
}

/// Of two equal keys a schema sees one.
#[test]
fn a_wrong_shape_is_invalid() {
    let all = cases();
    let misshapen = |document: &&Document| {
        let mut diagnostics = document.diagnostics().iter();
        document.config.is_some()
            && diagnostics.any(|found| {
                found.code == Code::Schema && !found.message.starts_with("duplicate key")
            })
    };
    let misshapen: Vec<_> = all.iter().filter(misshapen).collect();
    assert!(!misshapen.is_empty());
    let valid = misshapen
        .into_iter()
        .filter(|document| refusals([*document]).is_empty());
    let valid: Vec<_> = valid.map(|document| &document.place).collect();
    assert_eq!(valid, [""; 0]);
}

#[test]
fn a_number_out_of_its_range_is_invalid() {
    for (filter, config) in [
        (Filter::Transformations, "limits: {jsonDepth: 128}"),
        (Filter::Transformations, "limits: {maxHeldBytes: 0}"),
        (Filter::Transformations, "metrics: {maxValues: 10001}"),
        (Filter::Transformations, "request: {when: null}"),
        (Filter::Transformations, "request: {remove: [x-a], typo: 1}"),
        (
            Filter::Acl,
            "{defaultAction: deny, denyResponse: {statusCode: 199}}",
        ),
        (Filter::Acl, "rules: []"),
    ] {
        let config = crate::documents::yaml(config);
        let found = Document::new(
            String::new(),
            filter,
            &config.to_string(),
            Default::default(),
        );
        assert!(!found.diagnostics().is_empty(), "{config}");
        assert!(!validator(filter).is_valid(&config), "{config}");
    }
}

#[test]
fn a_label_that_is_no_name_is_invalid() {
    for (label, is_valid) in [
        ("tenant_1", true),
        ("1st", false),
        ("a b", false),
        ("", false),
    ] {
        let config = serde_json::json!({"metrics": {"labels": {label: "request.method"}}});
        let loaded = transformations::Program::load(config.to_string().as_bytes());
        assert_eq!(loaded.is_ok(), is_valid, "{label}");
        let validator = validator(Filter::Transformations);
        assert_eq!(validator.is_valid(&config), is_valid, "{label}");
    }
}
