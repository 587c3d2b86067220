use serde_json::{Value, json};

use super::super::documented;
use super::{Unmapped, read};

fn written(config: Value) -> Value {
    let line = json!({
        "id": "a", "config": config, "expect": {},
        "request": {"method": "POST", "path": "/", "headers": {}},
    });
    let case = read(line).unwrap().case;
    serde_json::from_str(case.config_text()).unwrap()
}

#[test]
fn fields_come_from_every_kind_of_body() {
    let config = written(json!({"extract": [{"field": "a/b", "header": "x-a"}]}));
    let from = json!([{"multipart": "a/b"}, {"form": "a/b"}, {"json": "/a~1b"}]);
    let extract = json!([{"name": "a/b", "from": from, "header": "x-a"}]);
    assert_eq!(config, json!({"request": {"extract": extract}}));
}

#[test]
fn steps_are_what_they_come_to() {
    let steps = json!([
        ["set", "X-A", "{{ 1 }}"],
        ["add", "x-a", "2"],
        ["remove", "x-b"],
        ["add", "x-c", "3"]
    ]);
    assert_eq!(
        written(json!({"ordered_header_ops": steps})),
        json!({"request": {
            "set": [{"name": "x-a", "value": "{{ \"{{ 1 }}\" }}"}],
            "add": [{"name": "x-a", "value": "2"}, {"name": "x-c", "value": "3"}],
            "remove": ["x-b"],
        }})
    );
}

/// A word that stands in the documents as missing, and is known here, must leave them.
#[test]
fn what_is_documented_as_missing_is_missing() {
    let words = documented::differences().words;
    assert!(!words.is_empty());
    for word in words.into_keys() {
        let line = json!({
            "id": "a", "config": {"transform": {"request": {(word): "{}"}}}, "expect": {},
            "request": {"method": "GET", "path": "/"},
        });
        let error = read(line).unwrap_err();
        let missing = error.downcast_ref().map(|Unmapped(word)| *word);
        assert_eq!(missing, Some(word), "{error:#}");
    }
}
