//! What a case expects.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::matcher::{Condition, Field, Matcher};

/// What comes of an exchange. What is not mentioned stays as it was, and does not occur.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// What is not mentioned is not compared.
    pub partial: bool,
    /// The configuration is refused, whatever its errors say.
    pub refused: bool,
    /// Both messages stay as they were: to be written where nothing else is.
    pub unchanged: bool,
    /// What is different about the request that goes on to the upstream.
    pub request: Option<Change>,
    /// What is different about the response that goes on to the client.
    pub response: Option<Change>,
    /// The answer in place of a message.
    pub reply: Option<Reply>,
    /// Whether the route is chosen again.
    pub route_chosen_again: Option<bool>,
    /// The name of the route that the exchange ends on.
    pub route: Option<String>,
    /// Whether a request gets to the upstream.
    pub upstream_reached: Option<bool>,
    /// Whether anything of the response gets to the client.
    pub client_reached: Option<bool>,
    /// Envoy's response code details, whoever answers.
    pub details: Option<String>,
    /// Dynamic metadata, every write in order.
    pub metadata: Option<Writes>,
    /// By how much counters rise.
    pub counters: BTreeMap<String, u64>,
    /// By how much metrics of the module rise, by series as Prometheus spells them. Of a histogram its
    /// `_count` and its `_sum`.
    pub metrics: BTreeMap<String, u64>,
    /// Whether what a callback of the filter is given goes on.
    pub callbacks: BTreeMap<Callback, Passages>,
    /// The reason of every failure, in order.
    pub failures: Option<Vec<String>>,
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

impl Expect {
    /// Whether a request goes on with no new header but one, of exactly this value.
    pub(crate) fn is_routed_on(&self, value: Option<&str>) -> bool {
        let Some((value, change)) = value.zip(self.request.as_ref()) else {
            return false;
        };
        let is_value = |field: &Field| {
            matches!(field, Field::One(Matcher(conditions))
                if matches!(conditions.as_slice(), [Condition::Exact(exact)] if exact == value.as_bytes()))
        };
        change.headers.len() == 1 && change.headers.values().all(is_value)
    }
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

/// A callback of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Callback {
    /// A request's headers.
    OnRequestHeaders,
    /// A piece of a request's body.
    OnRequestBody,
    /// A request's trailers.
    OnRequestTrailers,
    /// A response's headers.
    OnResponseHeaders,
    /// A piece of a response's body.
    OnResponseBody,
    /// A response's trailers.
    OnResponseTrailers,
}

impl Callback {
    /// Whether it is of the request.
    pub fn is_of_the_request(self) -> bool {
        matches!(
            self,
            Self::OnRequestHeaders | Self::OnRequestBody | Self::OnRequestTrailers
        )
    }
}

/// What becomes of what a callback is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passage {
    /// It goes on.
    Passes,
    /// It is held.
    Held,
}

/// The calls of a callback.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passages {
    /// The last one.
    Last(Passage),
    /// Each.
    Each(Vec<Passage>),
}

/// What is different about a message afterwards.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Its header lines, pseudo headers among them.
    pub headers: BTreeMap<String, Field>,
    /// Its body.
    pub body: Option<Matcher>,
    /// What has gone on after each piece that is sent, and before the next is.
    pub pieces: Option<Vec<Matcher>>,
    /// How long the first byte of a response's body may take, in milliseconds, from the request on.
    pub arrives_within_ms: Option<u64>,
    /// A `content-length`, if there is one, is that of the body.
    pub true_length: bool,
    /// The message may also not arrive: then it is compared as one without headers.
    #[serde(skip)]
    pub or_none: bool,
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writes(pub Vec<Write>);

/// A namespace, a key and a value.
pub type Write = (String, String, Value);

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
    type Value = Vec<Write>;

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
        while let Some((namespace, Pairs(pairs))) = map.next_entry::<String, Pairs<Value>>()? {
            let write = |(key, value)| (namespace.clone(), key, value);
            all.extend(pairs.into_iter().map(write));
        }
        Ok(all)
    }
}

/// The pairs of a map, in order.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(PairsVisitor(PhantomData))
            .map(Self)
    }
}

struct PairsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
    type Value = Vec<(String, T)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
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
        let Pairs(pairs) = Pairs::<String>::deserialize(deserializer)?;
        match <[(String, String); 1]>::try_from(pairs) {
            Ok([(code, part)]) => Ok(Self { code, part }),
            Err(_) => Err(D::Error::custom("one code, and a part of what it says")),
        }
    }
}
