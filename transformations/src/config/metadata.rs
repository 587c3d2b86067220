//! The model of `dynamicMetadata`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::{ValueType, given};

/// A dynamic metadata entry.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `namespace`, `key` and `value`")]
pub struct DynamicMetadata {
    /// Metadata namespace. An entry without one is skipped.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: path, value: {cel: request.path}}]}`
    pub namespace: String,
    /// Key inside the namespace. An entry without one is skipped.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: path, value: {cel: request.path}}]}`
    pub key: String,
    /// The value.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: path, value: {cel: request.path}}]}`
    pub value: DynamicMetadataValue,
}

/// The value of a dynamic metadata entry: one of `stringValue`, `numberValue` and `cel`. What cannot be
/// made, or is not of the type, is not set, and counts as a failure.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `stringValue`, `numberValue` or `cel`")]
#[serde(rename_all = "camelCase", default)]
pub struct DynamicMetadataValue {
    /// Jinja template of a string. An entry without one, or whose template renders nothing, is
    /// skipped.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: user, value: {stringValue: "{{
    /// header('x-user') }}"}}]}`
    pub string_value: Option<String>,
    /// A number, or the Jinja template of one. A template that renders nothing, or only spaces, sets
    /// nothing. Metadata holds numbers as 64-bit floats: a whole number that none of these is exactly is
    /// a failure. A variable of `parseAs: AsJson` beyond 64 bits is a float already, as in kgateway.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: weight, value: {numberValue: 5}}]}`
    #[serde(deserialize_with = "number_or_template")]
    #[cfg_attr(feature = "schema", schemars(extend("type" = ["number", "string", "null"])))]
    pub number_value: Option<String>,
    /// A CEL expression. `null` sets nothing.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: path, value: {cel: request.path}}]}`
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub cel: Option<String>,
    /// What the value of `cel` has to be: a string that spells a number or a boolean counts as one,
    /// and a number or a boolean becomes `text`. Default: what the expression gives; a list or a map is its
    /// JSON as text. Envoy before 1.37.1 has no booleans in metadata: there they are text.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: max, value: {cel:
    /// json(request.body).max_tokens, type: number}}]}`
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
}

/// A template, or a number as JSON has it.
fn number_or_template<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    struct NumberOrTemplate;

    impl Visitor<'_> for NumberOrTemplate {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or a template of one")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E: Error>(self, template: &str) -> Result<Self::Value, E> {
            Ok(Some(template.to_owned()))
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }
    }

    deserializer.deserialize_any(NumberOrTemplate)
}
