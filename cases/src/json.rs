//! JSON that is written as YAML.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON text. Its members keep the order that they were written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(pub String);

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

pub(crate) struct JsonVisitor;

impl JsonVisitor {
    /// The rest of an object, after the name of its first member.
    pub(crate) fn members<'de, A: MapAccess<'de>>(
        first: String,
        mut members: A,
    ) -> Result<String, A::Error> {
        let mut texts = Vec::new();
        let mut name = Some(first);
        while let Some(member) = name {
            let JsonText(value) = members.next_value()?;
            texts.push(format!("{}:{value}", written::<A::Error>(member)?));
            name = members.next_key()?;
        }
        Ok(format!("{{{}}}", texts.join(",")))
    }
}

fn written<E: Error>(value: impl serde::Serialize) -> Result<String, E> {
    serde_json::to_string(&value).map_err(E::custom)
}

impl<'de> Visitor<'de> for JsonVisitor {
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
        match members.next_key()? {
            Some(first) => Self::members(first, members),
            None => Ok("{}".to_owned()),
        }
    }
}
