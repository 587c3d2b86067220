//! A case, and what is wrong with one.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::chain::Chain;
use crate::config::Config;
use crate::expect::{Change, Expect};
use crate::message::{Answer, Request};

/// One exchange under one configuration, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The filter of the module.
    #[serde(default)]
    pub filter: Filter,
    /// The configuration of the filter; where there is none, the file gives one.
    #[serde(default)]
    pub config: Option<Config>,
    /// What the process sets for all configurations.
    #[serde(default)]
    pub settings: Settings,
    /// Environment variables that it relies on. The player in memory only checks them.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Headers that the host refuses to write.
    #[serde(default)]
    pub host_refuses: Vec<String>,
    /// The routes, of which the first that matches is chosen.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Where the filter is.
    #[serde(default)]
    pub chain: Chain,
    /// What the client sends.
    #[serde(default)]
    pub request: Request,
    /// What the upstream answers.
    #[serde(default)]
    pub response: Option<Answer>,
    /// What a strict reader sees of the field that chooses the route.
    #[serde(default)]
    pub reader: Option<Reader>,
    /// What comes of it.
    pub expect: Expect,
}

/// A reader of a format in another language, which refuses what the format does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// The value; `null` where there is none, or where the reader refuses.
    pub sees: Option<String>,
}

/// A filter of the module, by its name in Envoy's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Filter {
    /// Extraction and transformation.
    #[default]
    #[serde(rename = "rustformation")]
    Rustformation,
    /// The same, by its older name.
    #[serde(rename = "http_simple_mutations")]
    HttpSimpleMutations,
    /// The access list.
    #[serde(rename = "http-acl")]
    HttpAcl,
}

impl Filter {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rustformation => "rustformation",
            Self::HttpSimpleMutations => "http_simple_mutations",
            Self::HttpAcl => "http-acl",
        }
    }
}

/// The settings of the process, lists as environment variables hold them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The headers that routes look at.
    pub routing_headers: Option<String>,
    /// The environment variables that templates may read.
    pub readable_variables: Option<String>,
    /// Whether the host tells no booleans, as Envoy 1.36 does.
    pub lacks_booleans: bool,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its name, which `expect.route` names.
    pub name: String,
    /// The request headers that lead to it; none: every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its own configuration of the filter.
    #[serde(default)]
    pub config: Option<Config>,
}

impl Case {
    /// The configuration's text.
    pub fn config_text(&self) -> &str {
        self.config.as_ref().map_or("", Config::text)
    }

    /// What is wrong with the case itself: it could not fail, or contradicts itself.
    pub fn mistakes(&self) -> Vec<String> {
        let expect = &self.expect;
        let changes = [&expect.request, &expect.response];
        let changes_nothing = |change: &Change| {
            change.headers.is_empty()
                && change.body.is_none()
                && change.pieces.is_none()
                && change.arrives_within_ms.is_none()
                && !change.true_length
        };
        let changed = changes.iter().any(|change| change.is_some());
        let passed = expect.unchanged
            || changed
            || expect.reply.is_some()
            || expect.route_chosen_again == Some(true)
            || expect.route.is_some()
            || expect.upstream_reached.is_some()
            || expect.client_reached.is_some()
            || expect.details.is_some()
            || !expect.counters.is_empty()
            || !expect.metrics.is_empty()
            || !expect.callbacks.is_empty()
            || expect.metadata.is_some();
        let refused = expect.refused || !expect.errors.is_empty();
        let mut mistakes: Vec<String> = [
            (self.config.is_none(), "no `config`"),
            (
                !passed && !refused && !expect.partial,
                "no expectation: write `unchanged: true` when nothing changes",
            ),
            (passed && refused, "a refused configuration does nothing"),
            (
                expect.unchanged && changed,
                "`unchanged`, and then a change",
            ),
            (
                changes.into_iter().flatten().any(changes_nothing) && !expect.partial,
                "a change of nothing",
            ),
            (
                self.response.is_none() && expect.response.is_some() && !expect.partial,
                "a change of a response that never comes",
            ),
            (
                self.request.0.unseen && expect.request.is_some(),
                "a change of a request that is `unseen`",
            ),
            (
                !self.routes.is_empty() && self.chain == Chain::Upstream,
                "a cluster's chain chooses no route",
            ),
            (
                expect
                    .request
                    .as_ref()
                    .is_some_and(|change| change.arrives_within_ms.is_some()),
                "`arrives_within_ms` is for a response",
            ),
            (
                self.request.0.unseen && self.request.0.broken_off,
                "a request that is `unseen` and broken off",
            ),
            (
                self.request.0.broken_off && self.response.is_some(),
                "an answer to a request that is broken off",
            ),
            (
                self.response
                    .as_ref()
                    .is_some_and(|answer| answer.0.direct && answer.0.broken_off),
                "what Envoy answers itself is never broken off",
            ),
        ]
        .into_iter()
        .filter_map(|(mistaken, what)| mistaken.then_some(what.to_owned()))
        .collect();
        let sent = [
            ("request", &expect.request, Some(&self.request.0)),
            (
                "response",
                &expect.response,
                self.response.as_ref().map(|answer| &answer.0),
            ),
        ];
        for (side, change, message) in sent {
            let pieces = change.as_ref().and_then(|change| change.pieces.as_ref());
            let sent = message.map_or(0, |message| message.body.pieces().len());
            if let Some(pieces) = pieces
                && pieces.len() != sent
            {
                let count = pieces.len();
                mistakes.push(format!(
                    "`pieces` of the {side} expects {count}, and {sent} are sent"
                ));
            }
        }
        if let Some(reader) = &self.reader
            && !expect.is_routed_on(reader.sees.as_deref())
            && expect.upstream_reached != Some(false)
        {
            mistakes.push(
                "not refused (`upstream_reached: false`), nor routed on what the `reader` sees"
                    .to_owned(),
            );
        }
        if let Some(name) = &expect.route
            && !self.routes.iter().any(|route| route.name == *name)
        {
            mistakes.push(format!("no route is called `{name}`"));
        }
        mistakes
    }
}
