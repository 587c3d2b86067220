//! The JSON Schemas (2020-12), as the types give them, made strict and fit for editors.

use serde_json::{Map, Value, json};

use crate::example::Example;
use crate::keys::keys_of;

/// A filter of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `rustformation`.
    Transformations,
    /// `http-acl`.
    Acl,
}

impl Filter {
    /// The filters.
    pub const ALL: [Self; 2] = [Self::Transformations, Self::Acl];

    /// The name of the schema's file in `docs/schema/`.
    pub fn file(self) -> &'static str {
        match self {
            Self::Transformations => "transformations.schema.json",
            Self::Acl => "http-acl.schema.json",
        }
    }

    /// The `filter_name` of Envoy's configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transformations => "rustformation",
            Self::Acl => "http-acl",
        }
    }

    fn of_types(self) -> Value {
        match self {
            Self::Transformations => transformations::config::schema(),
            Self::Acl => acl::schema(),
        }
    }
}

/// The JSON Schema of a filter's configuration.
pub fn schema(filter: Filter) -> Value {
    let mut schema = commented(filter);
    for key in keys_of(&schema) {
        let value = key
            .example
            .as_ref()
            .and_then(|example| key.used_in(example));
        let part = schema
            .pointer_mut(&key.place)
            .and_then(Value::as_object_mut);
        if let (Some(value), Some(part)) = (value, part) {
            part.insert("examples".to_owned(), json!([value]));
        }
    }
    each(&mut schema, &mut |part| {
        if let Some(Value::String(comment)) = part.get_mut("description") {
            *comment = Example::part(comment).0;
        }
    });
    if let Some(root) = schema.as_object_mut() {
        let title = format!("filter_config of {}", filter.name());
        root.insert("title".to_owned(), json!(title));
    }
    schema
}

/// The schema with whole doc comments as descriptions.
pub(crate) fn commented(filter: Filter) -> Value {
    let mut schema = filter.of_types();
    strict(&mut schema);
    schema
}

/// The schema as its file has it.
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// Every part of a schema that is one itself, this one first.
fn each(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match schema {
        Value::Object(part) => {
            change(part);
            for (key, value) in part {
                match key.as_str() {
                    "default" | "examples" | "const" | "enum" | "required" => {}
                    // The keys of these are names.
                    "properties" | "$defs" => {
                        for schema in value.as_object_mut().into_iter().flatten() {
                            each(schema.1, change);
                        }
                    }
                    _ => each(value, change),
                }
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| each(part, change)),
        _ => {}
    }
}

/// Allows no keys but those that are known, and drops what helps nobody who writes a configuration.
fn strict(schema: &mut Value) {
    each(schema, &mut |part| {
        if part.contains_key("properties") && !part.contains_key("additionalProperties") {
            part.insert("additionalProperties".to_owned(), json!(false));
        }
        // The size of Rust's integers.
        part.remove("format");
        // `null` is how the types spell that a key is absent; an object's defaults are at its keys.
        if part.get("default").is_some_and(|default| {
            default.is_null() || default.as_object().is_some_and(|keys| !keys.is_empty())
        }) {
            part.remove("default");
        }
    });
}
