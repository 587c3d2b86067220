//! Where a route leads to.

use cases::Fields;

use super::headers;
use super::rewrite::Rewrite;
use super::unplayed::Unplayed;
use crate::placed::Placed;

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Action {
    /// It goes to a cluster.
    Cluster { cluster: Cluster, rewrite: Rewrite },
    /// Envoy answers.
    DirectResponse { status: u16, body: Vec<u8> },
    /// Envoy answers with another place.
    Redirect { status: u16 },
    /// It is not known.
    Unplayed,
}

/// Which cluster.
#[derive(Debug)]
pub(crate) enum Cluster {
    Named(String),
    /// The one that this header names.
    InHeader(String),
    /// A plugin chooses it.
    Unplayed,
}

const NOT_PLAYED: &str = "is not played";
/// What is played of `route`, and what changes no message of a single attempt.
const KEYS: [&str; 17] = [
    "cluster",
    "cluster_header",
    "weighted_clusters",
    "prefix_rewrite",
    "regex_rewrite",
    "path_rewrite_policy",
    "host_rewrite_literal",
    "append_x_forwarded_host",
    "timeout",
    "idle_timeout",
    "flush_timeout",
    "max_stream_duration",
    "max_grpc_timeout",
    "priority",
    "hash_policy",
    "retry_policy",
    "upgrade_configs",
];

impl Action {
    /// Reads the action of a route; `heaviest` is the weighted cluster that is played.
    pub(super) fn read(
        route: &Placed<'_>,
        heaviest: Option<&Placed<'_>>,
        unplayed: &mut Unplayed,
    ) -> Self {
        if let Some(action) = route.get("route") {
            unplayed.keys(&action, &KEYS, NOT_PLAYED);
            if let Some(policy) = action.get("retry_policy") {
                unplayed.note(&policy.place, "is not played: there is one attempt");
            }
            let of = heaviest.unwrap_or(&action);
            let key = if heaviest.is_some() {
                "name"
            } else {
                "cluster"
            };
            let cluster = match (of.text(key), of.text("cluster_header")) {
                (Some(name), _) => Cluster::Named(name.to_owned()),
                (None, Some(header)) => Cluster::InHeader(header.to_ascii_lowercase()),
                (None, None) => Cluster::Unplayed,
            };
            let rewrite = Rewrite::read(route, &action, of, unplayed);
            return Self::Cluster { cluster, rewrite };
        }
        if let Some(direct) = route.get("direct_response") {
            unplayed.keys(&direct, &["status", "body"], NOT_PLAYED);
            let body = direct.get("body");
            if let Some(body) = &body {
                unplayed.keys(body, &["inline_string"], NOT_PLAYED);
            }
            let body = body.and_then(|body| body.text("inline_string"));
            let status = direct
                .number("status")
                .and_then(|status| status.try_into().ok());
            return Self::DirectResponse {
                status: status.unwrap_or(500),
                body: body.unwrap_or_default().as_bytes().to_vec(),
            };
        }
        if let Some(redirect) = route.get("redirect") {
            unplayed.note(&redirect.place, "is not played but for its status");
            let status = match redirect.text("response_code") {
                Some("FOUND") => 302,
                Some("SEE_OTHER") => 303,
                Some("TEMPORARY_REDIRECT") => 307,
                Some("PERMANENT_REDIRECT") => 308,
                _ => 301,
            };
            return Self::Redirect { status };
        }
        unplayed.note(&route.place, "has an action that is not played");
        Self::Unplayed
    }

    /// The cluster that a request goes to.
    pub(crate) fn cluster(&self, request: &Fields) -> Option<String> {
        match self {
            Self::Cluster {
                cluster: Cluster::Named(name),
                ..
            } => Some(name.clone()),
            Self::Cluster {
                cluster: Cluster::InHeader(header),
                ..
            } => headers::joined(request, header),
            _ => None,
        }
    }

    /// Rewrites path and authority; `matched` is how much of the path the route matched.
    pub(super) fn rewrite(&self, request: &mut Fields, matched: Option<usize>) {
        if let Self::Cluster { rewrite, .. } = self {
            rewrite.apply(request, matched);
        }
    }
}
