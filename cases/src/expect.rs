//! What a case expects.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::matcher::{Field, Matcher};

/// What comes of an exchange. What is not mentioned stays as it was, and does not occur.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Both messages stay as they were: to be written where nothing else is.
    pub unchanged: bool,
    /// What is different about the request that goes on to the upstream.
    pub request: Option<Change>,
    /// What is different about the response that goes on to the client.
    pub response: Option<Change>,
    /// The answer in place of a message.
    pub reply: Option<Reply>,
    /// Whether the route is chosen again.
    pub route_chosen_again: bool,
    /// The name of the route that the exchange ends on.
    pub route: Option<String>,
    /// Dynamic metadata, every write in order.
    pub metadata: Writes,
    /// The reason of every failure, in order.
    pub failures: Vec<String>,
    /// Parts of what the module logs at debug level.
    pub log: Vec<String>,
    /// Every error of the configuration, in order.
    pub errors: Vec<Said>,
    /// Every warning of the configuration, in order.
    pub warnings: Vec<Said>,
    /// Whether the pass of a direction waits for the body.
    pub reads_body: BTreeMap<Pass, bool>,
    /// How often methods of the host are called.
    pub calls: BTreeMap<String, usize>,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pass {
    /// To the upstream.
    Request,
    /// To the client.
    Response,
}

/// What is different about a message afterwards.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Its header lines, pseudo headers among them.
    pub headers: BTreeMap<String, Field>,
    /// Its body.
    pub body: Option<Matcher>,
}

/// An answer in place of a message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Envoy's response code details.
    pub details: String,
    /// All of its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Field>,
    /// Its body. Where it is not mentioned it is empty.
    #[serde(default)]
    pub body: Option<Matcher>,
}

/// Writes of dynamic metadata: `{namespace: {key: value}}`, or where their order matters or a key is
/// written twice, a list of such maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes(pub Vec<[String; 3]>);

/// A diagnostic: `CODE: a part of its text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The code, as `RF001`.
    pub code: String,
    /// The part.
    pub part: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {:?}", self.code, self.part)
    }
}

impl<'de> Deserialize<'de> for Writes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WritesVisitor).map(Self)
    }
}

struct WritesVisitor;

impl<'de> Visitor<'de> for WritesVisitor {
    type Value = Vec<[String; 3]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of namespaces, or a list of such maps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut maps: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Writes(writes)) = maps.next_element()? {
            all.extend(writes);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some((namespace, Pairs(pairs))) = map.next_entry::<String, _>()? {
            let write = |(key, value)| [namespace.clone(), key, value];
            all.extend(pairs.into_iter().map(write));
        }
        Ok(all)
    }
}

/// The pairs of a map, in order.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor).map(Self)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Pairs(pairs) = Pairs::deserialize(deserializer)?;
        match <[(String, String); 1]>::try_from(pairs) {
            Ok([(code, part)]) => Ok(Self { code, part }),
            Err(_) => Err(D::Error::custom("one code, and a part of what it says")),
        }
    }
}
