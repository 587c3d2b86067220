//! The examples of the doc comments.

use std::fs;

use reference::{Filter, keys};
use transformations::Settings;

use crate::documents::{Document, yaml};

#[test]
fn each_key_has_an_example_that_uses_it_and_loads() {
    let mut wrong = Vec::new();
    for filter in Filter::ALL {
        for key in keys(filter) {
            let path = key.path();
            let Some(example) = &key.example else {
                wrong.push(format!(
                    "{path}: end its doc comment with ``Example: `…` ``"
                ));
                continue;
            };
            if key.used_in(example).is_none() {
                wrong.push(format!("{path}: `{}` does not use it", example.text));
            }
            let config = example.value.clone().unwrap_or_default().to_string();
            let document = Document::new(String::new(), filter, &config, Settings::default());
            for diagnostic in document.diagnostics() {
                wrong.push(format!("{path}: {}: {diagnostic}", diagnostic.code));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "{wrong:#?}");
}

#[test]
fn each_key_and_name_is_described() {
    for filter in Filter::ALL {
        for key in keys(filter) {
            assert!(!key.description.is_empty(), "{}", key.path());
            for (name, meaning) in &key.values {
                assert!(!meaning.is_empty(), "{}: {name}", key.path());
            }
        }
    }
}

#[test]
fn the_files_for_editors_load_and_name_their_schema() {
    let folder = artifacts::workspace().join("docs/schema");
    for (filter, name) in [
        (Filter::Transformations, "example.yaml"),
        (Filter::Acl, "http-acl.example.yaml"),
    ] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let line = format!("# yaml-language-server: $schema=./{}\n", filter.file());
        assert!(text.starts_with(&line), "{name}");
        let config = yaml(&text).to_string();
        let document = Document::new(name.to_owned(), filter, &config, Settings::default());
        assert_eq!(document.diagnostics(), [], "{name}");
    }
}
