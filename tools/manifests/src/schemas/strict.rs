//! A JSON Schema that also refuses what Kubernetes would drop or refuse beyond it: unknown fields, integers out of
//! range, entries of lists that are there twice, and what the CEL rules beside it say.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::rules::Rules;

/// Names the fields that tell the entries of a list apart.
const LIST_KEYS: &str = "x-kubernetes-list-map-keys";

const RULES: &str = "x-kubernetes-validations";

/// A schema ready to use.
pub(crate) struct Schema {
    document: Value,
    validator: Validator,
}

impl Schema {
    /// # Errors
    /// It is no JSON Schema.
    pub(crate) fn new(mut document: Value, rules: &Rules) -> Result<Self> {
        tighten(&mut document);
        let rules = rules.clone();
        let validator = jsonschema::options()
            .with_keyword(LIST_KEYS, |_, keys, _| Ok(ListKeys::boxed(keys)))
            .with_keyword(RULES, move |_, list, _: Location| Ok(rules.keyword(list)))
            .build(&document)
            .map_err(|error| anyhow!("{}: {error}", error.instance_path()))?;
        Ok(Self {
            document,
            validator,
        })
    }

    /// Everything wrong: the place, as a JSON Pointer, and what.
    pub(crate) fn problems(&self, value: &Value) -> Vec<(String, String)> {
        let mut value = value.clone();
        set_defaults(&self.document, &mut value);
        let errors = self.validator.iter_errors(&value);
        errors
            .map(|error| (error.instance_path().to_string(), error.to_string()))
            .collect()
    }
}

/// Closes objects, bounds integers, and takes `null`, which nobody writes, out of the alternatives: errors get clearer.
fn tighten(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    let open = fields
        .get("x-kubernetes-preserve-unknown-fields")
        .is_some_and(|value| value == true);
    if fields.contains_key("properties") && !fields.contains_key("additionalProperties") && !open {
        fields.insert("additionalProperties".into(), json!(false));
    }
    if let Some(types) = fields.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
    }
    if let Some(choices) = fields.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let only = std::mem::take(only);
            fields.remove("anyOf");
            fields.extend(only);
        }
    }
    if fields.get("format").is_some_and(|format| format == "int32") {
        fields.entry("minimum").or_insert(json!(i32::MIN));
        fields.entry("maximum").or_insert(json!(i32::MAX));
    }
    if fields
        .get("x-kubernetes-list-type")
        .is_some_and(|kind| kind == "set")
    {
        fields.insert("uniqueItems".into(), json!(true));
    }
    // Not below `allOf` and its kind: what they say is only a part of an object.
    for name in ["items", "additionalProperties"] {
        if let Some(below) = fields.get_mut(name) {
            tighten(below);
        }
    }
    for name in ["properties", "$defs"] {
        let below = fields.get_mut(name).and_then(Value::as_object_mut);
        for schema in below.into_iter().flat_map(Map::values_mut) {
            tighten(schema);
        }
    }
}

/// Kubernetes sets defaults before it asks what is required and what the rules say.
fn set_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, schema) in properties.into_iter().flatten() {
                if let (false, Some(default)) = (fields.contains_key(name), schema.get("default")) {
                    fields.insert(name.clone(), default.clone());
                }
                if let Some(field) = fields.get_mut(name) {
                    set_defaults(schema, field);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| set_defaults(schema, item));
            }
        }
        _ => {}
    }
}

/// No two entries with the same keys.
struct ListKeys(Vec<String>);

impl ListKeys {
    fn boxed(keys: &Value) -> Box<dyn for<'i> Keyword<'i>> {
        let keys = keys.as_array().into_iter().flatten();
        let keys = keys.filter_map(|key| key.as_str().map(ToOwned::to_owned));
        Box::new(Self(keys.collect()))
    }

    /// The keys of an entry that is there twice.
    fn repeated(&self, list: &Value) -> Option<String> {
        let mut seen = BTreeSet::new();
        list.as_array()?.iter().find_map(|entry| {
            let keys = self.0.iter();
            let keys: Vec<String> = keys
                .map(|key| entry.get(key).map(ToString::to_string).unwrap_or_default())
                .collect();
            let keys = keys.join(", ");
            (!seen.insert(keys.clone())).then_some(keys)
        })
    }
}

impl<'i> Keyword<'i> for ListKeys {
    fn validate(&self, list: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.repeated(list) {
            Some(keys) => Err(ValidationError::custom(format!("{keys} is there twice"))),
            None => Ok(()),
        }
    }

    fn is_valid(&self, list: &'i Value) -> bool {
        self.repeated(list).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{Rules, Schema};
    use serde_json::{Value, json};

    fn problems(schema: Value, value: &Value) -> Vec<String> {
        let schema = Schema::new(schema, &Rules::default()).unwrap();
        let problems = schema.problems(value).into_iter();
        problems
            .map(|(place, what)| format!("{place}: {what}"))
            .collect()
    }

    #[test]
    fn what_kubernetes_would_drop_or_refuse() {
        let port = json!({"type": "integer", "format": "int32", "minimum": 1});
        let schema = json!({
            "type": "object",
            "required": ["mode"],
            "properties": {
                "port": port,
                "mode": {"type": "string", "enum": ["A", "B"], "default": "A"},
                "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "list": {
                    "type": "array",
                    "x-kubernetes-list-map-keys": ["name", "port"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}, "port": port}},
                },
            },
            "x-kubernetes-validations": [
                {"rule": "!has(self.port) || self.port != 22", "message": "not this port"},
                {"rule": "self.mode in ['A', 'B']"},
            ],
        });
        for right in [
            json!({}),
            json!({"port": 1, "open": {"x": 1}, "labels": {"x": "y"}, "set": ["a", "b"]}),
            json!({"list": [{"name": "a", "port": 1}, {"name": "a", "port": 2}, {"name": "b"}]}),
        ] {
            assert_eq!(problems(schema.clone(), &right), [""; 0], "{right}");
        }
        for (wrong, expected) in [
            (json!({"Port": 1}), "'Port' was unexpected"),
            (json!({"port": 0}), "/port: 0 is less than the minimum"),
            (
                json!({"port": 3_000_000_000_u64}),
                "greater than the maximum",
            ),
            (json!({"port": "1"}), "/port: \"1\" is not of type"),
            (json!({"port": 22}), "not this port"),
            (json!({"mode": "a"}), "/mode: \"a\" is not one of"),
            (json!({"labels": {"x": 1}}), "/labels/x: 1 is not of type"),
            (
                json!({"set": ["a", "a"]}),
                "/set: [\"a\",\"a\"] has non-unique",
            ),
            (json!({"list": [{"nme": "a"}]}), "/list/0: Additional"),
            (
                json!({"list": [{"name": "a", "port": 1}, {"name": "a", "port": 1}]}),
                "/list: \"a\", 1 is there twice",
            ),
        ] {
            let problems = problems(schema.clone(), &wrong);
            assert!(
                problems.iter().any(|problem| problem.contains(expected)),
                "{wrong}: {problems:?}"
            );
        }
    }
}
