//! Values that follow a JSON Schema, or nearly so.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Texts of every kind that a configuration has.
const TEXTS: [&str; 44] = [
    "",
    "x-a",
    "X-B",
    ":path",
    ":status",
    "content-length",
    "x-*",
    "a b",
    "é",
    "/model",
    "/a/0",
    "/",
    "model",
    "$.a[*].b",
    "$..x",
    "$.a[-1]",
    "$[?@.a]",
    "/a~2",
    "{{ header('x-a') }}",
    "{{ model }}",
    "{{ a | upper }}",
    "{{ a | nofilter }}",
    "{% for i in a %}{{ i }}{% endfor %}",
    "{% for",
    "{{ cel(\"request.path\") }}",
    "{{ extracted.model }}",
    "json(request.body).model",
    "request.method == 'POST'",
    "response.code >= 500",
    "extracted.model",
    "1 +",
    "nofunction(1)",
    "document.a",
    "value",
    "'a'",
    "true",
    "/v1/{model}/*",
    "/{a}/{b=**}",
    "gpt-*",
    "$1-$$",
    "10.0.0.0/8",
    "::1",
    "10.0.0.1/8",
    "allow",
];

/// Follows schemas with what an input has.
#[derive(Debug)]
pub struct Instances<'s> {
    root: &'s Value,
    /// How many values may still be made.
    left: usize,
}

impl<'s> Instances<'s> {
    /// Of a schema.
    #[must_use]
    pub fn of(root: &'s Value) -> Self {
        Self { root, left: 60 }
    }

    /// A value of the whole.
    ///
    /// # Errors
    ///
    /// The input has ended.
    pub fn value(&mut self, input: &mut Unstructured<'_>) -> Result<Value> {
        self.follow(self.root, input)
    }

    fn follow(&mut self, schema: &Value, input: &mut Unstructured<'_>) -> Result<Value> {
        self.left = self.left.saturating_sub(1);
        if input.ratio(1, 40)? {
            return odd(input);
        }
        if let Some(Value::String(reference)) = schema.get("$ref") {
            let place = self.root.pointer(reference.trim_start_matches('#'));
            return self.follow(place.expect("the schema is whole"), input);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            if let Some(Value::Array(schemas)) = schema.get(key) {
                return self.follow(input.choose(schemas)?, input);
            }
        }
        if let Some(constant) = schema.get("const") {
            return Ok(constant.clone());
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return Ok(input.choose(values)?.clone());
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => input.choose(kinds)?.as_str().unwrap_or_default(),
            _ if schema.get("properties").is_some() => "object",
            _ => return odd(input),
        };
        Ok(match kind {
            "object" => self.object(schema, input)?,
            "array" => {
                let mut items = Vec::new();
                while self.left > 0 && items.len() < 4 && input.ratio(2, 3)? {
                    items.push(self.follow(schema.get("items").unwrap_or(&Value::Null), input)?);
                }
                Value::from(items)
            }
            "string" => json!(crate::text::one_of_or_any(input, &TEXTS)?),
            "boolean" => json!(input.arbitrary::<bool>()?),
            "integer" | "number" => number(schema, input)?,
            _ => Value::Null,
        })
    }

    fn object(&mut self, schema: &Value, input: &mut Unstructured<'_>) -> Result<Value> {
        let mut members = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (key, schema) in properties {
                let needed = required.is_some_and(|required| required.contains(&json!(key)));
                let many = u32::try_from(properties.len()).unwrap_or(1);
                if input.ratio(
                    if needed { 19 } else { 1 },
                    if needed { 20 } else { many.clamp(2, 5) },
                )? && self.left > 0
                {
                    members.insert(key.clone(), self.follow(schema, input)?);
                }
            }
        }
        if let Some(schema @ Value::Object(_)) = schema.get("additionalProperties") {
            for _ in 0..input.int_in_range(0..=2)? {
                let key = *input.choose(&TEXTS)?;
                members.insert(key.to_owned(), self.follow(schema, input)?);
            }
        }
        if input.ratio(1, 40)? {
            members.insert("unknown".to_owned(), Value::Null);
        }
        Ok(Value::Object(members))
    }
}

/// A number within the bounds of a schema, at them, or beyond.
fn number(schema: &Value, input: &mut Unstructured<'_>) -> Result<Value> {
    let least = schema.get("minimum").and_then(Value::as_u64).unwrap_or(0);
    let most = schema
        .get("maximum")
        .and_then(Value::as_u64)
        .unwrap_or(1 << 20);
    Ok(match input.int_in_range(0..=9)? {
        0 => json!(least),
        1 => json!(most),
        2 => json!(most.saturating_add(1)),
        3 => json!(-1),
        4 => json!(1.5),
        _ => json!(input.int_in_range(least..=most)?),
    })
}

/// A value that has nothing to do with the schema.
fn odd(input: &mut Unstructured<'_>) -> Result<Value> {
    let odd = [
        Value::Null,
        json!(true),
        json!(0),
        json!(1.5),
        json!(""),
        json!("/model"),
        json!([]),
        json!({}),
        json!([1, {"a": null}]),
    ];
    Ok(input.choose(&odd)?.clone())
}
