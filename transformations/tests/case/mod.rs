//! The format of a fixture file.
//!
//! A case states what changes; everything it does not mention must stay as it was. Strings are
//! text; `{"bytes": [255]}` stands for bytes that are not.

mod run;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub(crate) use run::{Ways, problems};

/// A fixture file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Area {
    /// The name of the file.
    pub(crate) area: String,
    pub(crate) cases: Vec<Case>,
}

/// One exchange under one configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// An object, or the exact text.
    config: Value,
    /// What the process sets for all configurations.
    #[serde(default)]
    settings: Settings,
    /// Environment variables the case relies on. They are checked, not set.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Headers the host refuses to write.
    #[serde(default)]
    host_refuses: Vec<String>,
    #[serde(default)]
    request: Message,
    #[serde(default)]
    response: Option<Message>,
    expect: Expect,
}

/// [`transformations::Settings`], its lists as environment variables hold them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    routing_headers: Option<String>,
    readable_variables: Option<String>,
    lacks_booleans: bool,
}

/// A message as it arrives. At most one of the four kinds of body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Message {
    headers: Vec<(String, Bytes)>,
    body: Option<Bytes>,
    chunks: Option<Vec<Bytes>>,
    json: Option<Value>,
    body_gen: Option<BodyGen>,
    /// The hooks of this message never run.
    unseen: bool,
}

/// A body too long to write out: `prefix`, `count` times `unit`, `suffix`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BodyGen {
    prefix: String,
    unit: String,
    count: usize,
    suffix: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Bytes {
    Text(String),
    Raw { bytes: Vec<u8> },
}

impl Bytes {
    fn to_vec(&self) -> Vec<u8> {
        match self {
            Bytes::Text(text) => text.clone().into_bytes(),
            Bytes::Raw { bytes } => bytes.clone(),
        }
    }
}

/// What comes of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    /// Both messages stay as they were: to be said when nothing else is.
    unchanged: bool,
    request: Option<Change>,
    response: Option<Change>,
    /// Every write, in order: namespace, key, value.
    metadata: Vec<[String; 3]>,
    route_cache_cleared: bool,
    reply: Option<Reply>,
    /// The reason of every failure, in order.
    failures: Vec<String>,
    /// A part of what the failures say, for a debug log.
    says: Option<String>,
    /// Every configuration error, in order: its code, and a part of its text.
    errors: Vec<(String, String)>,
    /// Every warning, likewise.
    warnings: Vec<(String, String)>,
    /// How often the host's methods are called.
    calls: BTreeMap<String, usize>,
    /// Whether the pass of a direction waits for the body.
    reads_body: BTreeMap<String, bool>,
}

/// What is different about a message afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Change {
    /// The value, all values in order, or `null` for none.
    headers: BTreeMap<String, Option<Values>>,
    body: Option<Bytes>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    One(Bytes),
    All(Vec<Bytes>),
}

impl Values {
    fn to_vecs(&self) -> Vec<Vec<u8>> {
        match self {
            Values::One(value) => vec![value.to_vec()],
            Values::All(values) => values.iter().map(Bytes::to_vec).collect(),
        }
    }
}

/// An answer in place of the message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    status: u16,
    details: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Parts of the body. Without any the body is empty.
    #[serde(default)]
    body_contains: Vec<String>,
}

impl Case {
    /// What is wrong with the case itself: it could not fail, or cannot be understood.
    pub(crate) fn mistakes(&self) -> Vec<&'static str> {
        let expect = &self.expect;
        let changes = [&expect.request, &expect.response];
        let changes_nothing = |change: &Change| change.headers.is_empty() && change.body.is_none();
        let several_bodies = |message: &Message| {
            let kinds = [
                message.body.is_some(),
                message.chunks.is_some(),
                message.json.is_some(),
                message.body_gen.is_some(),
            ];
            kinds.into_iter().filter(|given| *given).count() > 1
        };
        let changed = changes.iter().any(|change| change.is_some());
        let passed = expect.unchanged
            || changed
            || expect.reply.is_some()
            || expect.route_cache_cleared
            || !expect.metadata.is_empty();
        [
            (
                !passed && expect.errors.is_empty(),
                "no expectation: say `unchanged` when nothing changes",
            ),
            (
                passed && !expect.errors.is_empty(),
                "a refused configuration does nothing",
            ),
            (
                expect.unchanged && changed,
                "`unchanged`, and then a change",
            ),
            (
                changes.into_iter().flatten().any(changes_nothing),
                "a change of nothing",
            ),
            (
                several_bodies(&self.request) || self.response.as_ref().is_some_and(several_bodies),
                "more than one kind of body",
            ),
            (
                self.response.is_none() && expect.response.is_some(),
                "a change of a response that never comes",
            ),
        ]
        .into_iter()
        .filter_map(|(mistaken, what)| mistaken.then_some(what))
        .collect()
    }
}
