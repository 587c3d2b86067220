//! Metadata as it is configured.

use std::collections::BTreeMap;

use serde_json::Value;
use transformations::AttributeValue;

use crate::placed::Placed;

/// What is below `filter_metadata`, by namespace and key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata(BTreeMap<(String, String), AttributeValue>);

impl Metadata {
    /// Reads the `metadata` of a part.
    pub(crate) fn of(part: &Placed<'_>) -> Self {
        let mut entries = BTreeMap::new();
        let found = part.get("metadata");
        let found = found.and_then(|metadata| metadata.get("filter_metadata"));
        for (namespace, members) in found.iter().flat_map(Placed::entries) {
            for (key, value) in members.entries() {
                let value = match value.node.value() {
                    Value::String(text) => AttributeValue::Text(text),
                    Value::Bool(flag) => AttributeValue::Bool(flag),
                    Value::Number(number) => match number.as_f64() {
                        Some(number) => AttributeValue::Number(number),
                        None => continue,
                    },
                    _ => continue,
                };
                entries.insert((namespace.to_owned(), key.to_owned()), value);
            }
        }
        Self(entries)
    }

    /// An entry.
    pub(crate) fn get(&self, namespace: &str, key: &str) -> Option<AttributeValue> {
        self.0.get(&(namespace.to_owned(), key.to_owned())).cloned()
    }
}
