//! What came of a whole exchange.

use serde::Serialize;

use super::changes::HeaderChange;
use super::transcript::Transcript;

/// What came of a whole exchange.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The route that Envoy chooses before the first filter; `None`: the file has no routes.
    pub first_route: Option<Routed>,
    /// What came of it in each filter, in the order in which a request meets them.
    pub filters: Vec<Played>,
    /// The headers of the request that the last route changes, before the cluster's filters see it.
    pub by_route: Vec<HeaderChange>,
    /// What goes to the upstream; `None`: nothing does, or the file has no routes.
    pub upstream: Option<Sent>,
    /// What the client gets; `None`: nothing is known of it.
    pub answer: Option<Received>,
    /// What of the file is not played, each with its place.
    pub not_played: Vec<String>,
}

/// What came of an exchange in a filter.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Played {
    /// What its chain calls it; empty where the file has no chain.
    pub filter: String,
    /// Where its configuration is.
    pub place: String,
    /// Whether it is a cluster's.
    pub of_cluster: bool,
    /// The route that the request is on behind it; `None`: the file has no routes.
    pub route: Option<Routed>,
    /// What came of the exchange.
    #[serde(flatten)]
    pub transcript: Transcript,
}

/// A choice of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Routed {
    /// Where the route is; `None`: the request has none.
    pub place: Option<String>,
    /// What the file calls it.
    pub name: Option<String>,
    /// What its virtual host is called.
    pub virtual_host: Option<String>,
    /// Where it leads to.
    pub leads_to: LeadsTo,
}

/// Where a route leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LeadsTo {
    /// To this cluster.
    Cluster(String),
    /// To an answer of Envoy's, with this status.
    Answer(u16),
    /// It is not known.
    Unknown,
}

/// What an upstream gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The cluster.
    pub cluster: String,
    /// The address of the host that is played; empty: the file does not have it.
    pub host: String,
    /// The headers that arrive there, but for those that Envoy adds by itself.
    pub headers: Vec<(String, String)>,
    /// The body, as text, or `base64:` and bytes that are none.
    pub body: String,
}

/// What a client gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// The headers, with `:status`.
    pub headers: Vec<(String, String)>,
    /// The body, as text, or `base64:` and bytes that are none.
    pub body: String,
}
