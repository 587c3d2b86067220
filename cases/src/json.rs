//! JSON that is written as YAML.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON text. Its members keep the order that they were written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(pub String);

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Writer).map(Self)
    }
}

struct Writer;

fn written<E: Error>(value: impl serde::Serialize) -> Result<String, E> {
    serde_json::to_string(&value).map_err(E::custom)
}

impl<'de> Visitor<'de> for Writer {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<String, E> {
        Ok("null".to_owned())
    }

    fn visit_none<E: Error>(self) -> Result<String, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        written(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        written(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        written(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        written(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        written(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<String, A::Error> {
        let mut texts = Vec::new();
        while let Some(JsonText(item)) = items.next_element()? {
            texts.push(item);
        }
        Ok(format!("[{}]", texts.join(",")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<String, A::Error> {
        let mut texts = Vec::new();
        while let Some((name, JsonText(value))) = members.next_entry::<String, _>()? {
            texts.push(format!("{}:{value}", written::<A::Error>(name)?));
        }
        Ok(format!("{{{}}}", texts.join(",")))
    }
}
