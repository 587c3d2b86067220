//! The configuration of a case: written beside it, or in a file.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::json::{JsonText, JsonVisitor};
use crate::scalar::ReadBy;
use crate::yaml;

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// Its exact text.
    Text(String),
    /// It is in a file, which [`crate::read::file`] puts in its place.
    File(Reference),
}

/// A file with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Its path from the folder of the case file.
    pub file: PathBuf,
    /// Where in it the configuration is, as a JSON Pointer (RFC 6901); empty: all of it.
    #[serde(default)]
    pub at: String,
}

impl Config {
    /// Its text, where it is known.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::File(_) => "",
        }
    }

    /// Puts what a file says in place of a reference to it.
    ///
    /// # Errors
    /// The file cannot be read, or has nothing at that place.
    pub(crate) fn resolve(&mut self, folder: Option<&Path>) -> Result<(), String> {
        let Self::File(reference) = self else {
            return Ok(());
        };
        let text = reference.read(folder);
        *self = Self::Text(
            text.map_err(|error| format!("config file {}: {error}", reference.file.display()))?,
        );
        Ok(())
    }
}

impl Reference {
    fn read(&self, folder: Option<&Path>) -> Result<String, String> {
        let folder = folder.ok_or("this text of cases is in no folder")?;
        let within = |part: Component<'_>| {
            matches!(
                part,
                Component::Normal(_) | Component::ParentDir | Component::CurDir
            )
        };
        if !self.file.components().all(within) {
            return Err("write a path from the folder of the case file".to_owned());
        }
        let text = std::fs::read_to_string(folder.join(&self.file));
        let text = text.map_err(|error| error.to_string())?;
        let by = ReadBy::of_file(self.file.to_str(), &text);
        if by == ReadBy::Kubernetes && self.at.is_empty() {
            return Ok(text);
        }
        let whole = yaml::read(&text, by)?;
        match whole.pointer(&self.at) {
            Some(serde_json::Value::String(text)) if !self.at.is_empty() => Ok(text.clone()),
            Some(value) => Ok(value.to_string()),
            None => Err(format!("nothing is at {}", self.at)),
        }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = Config;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration, its exact text, or the `file` that it is in")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Config, E> {
        Ok(Config::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Config, A::Error> {
        let deserializer = serde::de::value::SeqAccessDeserializer::new(items);
        JsonText::deserialize(deserializer).map(|JsonText(text)| Config::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
        let Some(first) = map.next_key::<String>()? else {
            return Ok(Config::Text("{}".to_owned()));
        };
        if first != "file" {
            return JsonVisitor::members(first, map).map(Config::Text);
        }
        let file = map.next_value()?;
        let mut at = String::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "at" if at.is_empty() => at = map.next_value()?,
                other => return Err(A::Error::custom(format!("`{other}` beside `file`"))),
            }
        }
        Ok(Config::File(Reference { file, at }))
    }
}
