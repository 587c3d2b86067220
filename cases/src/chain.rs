//! Where the filter is, and what is beside it.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::json::JsonText;

/// The chain that the filter is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The listener's, with other filters before and behind.
    Downstream {
        /// What a request meets first.
        before: Vec<Neighbour>,
        /// What a request meets afterwards.
        behind: Vec<Neighbour>,
    },
    /// A cluster's.
    Upstream,
}

impl Default for Chain {
    fn default() -> Self {
        Self::Downstream {
            before: Vec::new(),
            behind: Vec::new(),
        }
    }
}

impl Chain {
    /// Those beside the filter, in order.
    pub fn neighbours(&self) -> impl Iterator<Item = &Neighbour> {
        let (before, behind) = match self {
            Self::Downstream { before, behind } => (before.as_slice(), behind.as_slice()),
            Self::Upstream => (&[][..], &[][..]),
        };
        before.iter().chain(behind)
    }
}

/// Another filter of Envoy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// Envoy's `buffer`, which holds requests of up to 1 MiB to their end.
    Buffer,
    /// Envoy's `lua` with this source.
    Lua(String),
    /// Any other, in Envoy's words.
    Other {
        /// Its name.
        name: String,
        /// Its `typed_config`, in JSON.
        typed_config: String,
    },
}

/// What stands for the module's filter in a list.
const OURS: &str = "filter";

/// An entry of a list.
enum Entry {
    Ours,
    Other(Neighbour),
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChainVisitor)
    }
}

struct ChainVisitor;

impl<'de> Visitor<'de> for ChainVisitor {
    type Value = Chain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`downstream`, `upstream`, or a list of filters with `filter` among them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Chain, E> {
        match text {
            "downstream" => Ok(Chain::default()),
            "upstream" => Ok(Chain::Upstream),
            other => Err(E::unknown_variant(other, &["downstream", "upstream"])),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Chain, A::Error> {
        let (mut before, mut behind) = (Vec::new(), None);
        while let Some(entry) = entries.next_element()? {
            match (entry, &mut behind) {
                (Entry::Ours, None) => behind = Some(Vec::new()),
                (Entry::Ours, Some(_)) => {
                    return Err(A::Error::custom(format!(
                        "`{OURS}` stands twice in the chain"
                    )));
                }
                (Entry::Other(neighbour), None) => before.push(neighbour),
                (Entry::Other(neighbour), Some(behind)) => behind.push(neighbour),
            }
        }
        let behind = behind.ok_or_else(|| A::Error::custom(format!("no `{OURS}` in the chain")))?;
        Ok(Chain::Downstream { before, behind })
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`filter`, `buffer`, `lua` with its source, or `name` and `typed_config`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Entry, E> {
        match text {
            OURS => Ok(Entry::Ours),
            "buffer" => Ok(Entry::Other(Neighbour::Buffer)),
            other => Err(E::unknown_variant(other, &[OURS, "buffer"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            lua: Option<String>,
            name: Option<String>,
            typed_config: Option<JsonText>,
        }
        let deserializer = serde::de::value::MapAccessDeserializer::new(map);
        match Written::deserialize(deserializer)? {
            Written {
                lua: Some(source),
                name: None,
                typed_config: None,
            } => Ok(Entry::Other(Neighbour::Lua(source))),
            Written {
                lua: None,
                name: Some(name),
                typed_config: Some(JsonText(typed_config)),
            } => Ok(Entry::Other(Neighbour::Other { name, typed_config })),
            _ => Err(A::Error::custom(
                "a filter is `lua`, or `name` with `typed_config`",
            )),
        }
    }
}
