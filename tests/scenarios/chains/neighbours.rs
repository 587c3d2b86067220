//! The chains: what stands beside the filter, as Envoy's configuration.

use std::fmt;
use std::net::SocketAddr;

use harness::{Bootstrap, Cluster, Filter, Route};
use serde_json::{Value, json};

/// What stands beside the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Neighbour {
    /// Nothing: what all others are compared with.
    Nothing,
    /// A retry after a 503.
    Retry,
    /// A retry of an attempt that is not answered in time.
    PerTryTimeout,
    /// An internal redirect to another path, which runs the chain again.
    InternalRedirect,
    /// A second upstream that gets a copy of the request.
    Mirror,
    /// Envoy's `buffer`.
    Buffer,
    /// Envoy's `lua`, reading both bodies.
    Lua,
    /// Envoy's `fault`, delaying the request.
    Fault,
    /// Envoy's `ext_authz`, answering after the body has begun to arrive.
    ExtAuthz,
    /// Envoy's `json_to_metadata`, reading both bodies.
    JsonToMetadata,
    /// The module's filter once more, holding the request.
    SecondBuffered,
    /// The module's filter once more, reading the request on its way.
    SecondStreamed,
    /// Envoy's `decompressor`, for a client that encodes its request.
    Decompressor,
    /// Envoy's `compressor`, for a client that takes gzip.
    Compressor,
    /// Nothing, but every request waits for a new connection to the upstream.
    NewConnections,
}

/// Where the filter stands. Answers pass a chain the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In the listener's chain, in front of the neighbour.
    Front,
    /// In the listener's chain, behind the neighbour.
    Back,
    /// In the cluster's chain, the neighbour in the listener's.
    Cluster,
}

/// A filter and its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chain {
    pub(crate) neighbour: Neighbour,
    pub(crate) place: Place,
}

impl fmt::Display for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { neighbour, place } = self;
        match place {
            Place::Front => write!(formatter, "{neighbour:?} behind"),
            Place::Back => write!(formatter, "{neighbour:?} before"),
            Place::Cluster => write!(formatter, "{neighbour:?} and in the cluster"),
        }
    }
}

const fn before(neighbour: Neighbour) -> Chain {
    let place = Place::Back;
    Chain { neighbour, place }
}

const fn behind(neighbour: Neighbour) -> Chain {
    let place = Place::Front;
    Chain { neighbour, place }
}

const fn in_cluster(neighbour: Neighbour) -> Chain {
    let place = Place::Cluster;
    Chain { neighbour, place }
}

/// What every other chain is compared with.
pub(crate) const ALONE: Chain = behind(Neighbour::Nothing);

/// Every chain whose filter is in the listener, and whose route does more than forward.
pub(crate) const OF_ROUTE: &[Chain] = &[
    behind(Neighbour::Retry),
    behind(Neighbour::PerTryTimeout),
    behind(Neighbour::InternalRedirect),
    behind(Neighbour::Mirror),
];

/// Every chain whose filter is in the listener beside another one.
pub(crate) const OF_LISTENER: &[Chain] = &[
    before(Neighbour::Buffer),
    behind(Neighbour::Buffer),
    before(Neighbour::Lua),
    behind(Neighbour::Lua),
    before(Neighbour::Fault),
    behind(Neighbour::Fault),
    before(Neighbour::ExtAuthz),
    behind(Neighbour::ExtAuthz),
    before(Neighbour::JsonToMetadata),
    behind(Neighbour::JsonToMetadata),
    before(Neighbour::SecondBuffered),
    behind(Neighbour::SecondBuffered),
    before(Neighbour::SecondStreamed),
    behind(Neighbour::SecondStreamed),
    before(Neighbour::Decompressor),
    // Answers reach what stands before the filter after it, so this one encodes what the filter has edited.
    before(Neighbour::Compressor),
    behind(Neighbour::Compressor),
];

/// Every chain whose filter is in the cluster.
pub(crate) const IN_CLUSTER: &[Chain] = &[
    in_cluster(Neighbour::Nothing),
    in_cluster(Neighbour::NewConnections),
    in_cluster(Neighbour::Retry),
    in_cluster(Neighbour::PerTryTimeout),
    in_cluster(Neighbour::InternalRedirect),
    in_cluster(Neighbour::Mirror),
    in_cluster(Neighbour::Buffer),
    in_cluster(Neighbour::Lua),
    in_cluster(Neighbour::ExtAuthz),
];

/// The header that a second instance of the filter sets.
pub(crate) const SECOND: &str = "x-second";

/// The cluster of the authorization service.
pub(crate) const AUTHORIZATION: &str = "authorization";

/// When an attempt without an answer ends. The next must answer sooner, on a busy machine too.
pub(crate) const TRY_TIMEOUT: &str = "2s";

impl Neighbour {
    /// How often an exchange reaches the upstream.
    pub(crate) fn copies(self) -> usize {
        match self {
            Self::Retry | Self::PerTryTimeout | Self::InternalRedirect | Self::Mirror => 2,
            _ => 1,
        }
    }

    /// A cluster of its kind. More retries run at once than Envoy allows by default.
    pub(crate) fn cluster(self, cluster: Cluster) -> Cluster {
        let many = json!({"thresholds": [{"max_retries": 1000}]});
        let cluster = cluster.field("circuit_breakers", many);
        match self {
            Self::NewConnections => cluster.protocol_option(
                "common_http_protocol_options",
                json!({"max_requests_per_connection": 1}),
            ),
            _ => cluster,
        }
    }

    /// A route of its kind. `cluster` is its own.
    pub(crate) fn route(self, route: Route, cluster: &str) -> Route {
        match self {
            Self::Retry => route.action("retry_policy", json!({"retry_on": "5xx"})),
            Self::PerTryTimeout => route.action(
                "retry_policy",
                json!({"retry_on": "5xx", "per_try_timeout": TRY_TIMEOUT}),
            ),
            Self::InternalRedirect => route.action("internal_redirect_policy", json!({})),
            Self::Mirror => route.action("request_mirror_policies", json!([{"cluster": cluster}])),
            _ => route,
        }
    }

    /// Adds what the neighbour has in the listener's chain. `authorization` is the service's address.
    pub(crate) fn in_chain(self, bootstrap: Bootstrap, authorization: SocketAddr) -> Bootstrap {
        if let Self::SecondBuffered | Self::SecondStreamed = self {
            return bootstrap.filter(self.second());
        }
        match self.http_filter(authorization) {
            Some((name, config)) => bootstrap.http_filter(name, &config),
            None => bootstrap,
        }
    }

    fn second(self) -> Filter {
        let mode = match self {
            Self::SecondStreamed => "streamed",
            _ => "buffered",
        };
        let extract = json!([{"name": "who", "from": [{"json": "/who"}], "header": SECOND}]);
        Filter::new(json!({"request": {"bodyMode": mode, "extract": extract}})).instance("second")
    }

    fn http_filter(self, authorization: SocketAddr) -> Option<(&'static str, Value)> {
        let gzip = |direction: &str| {
            let message = format!(
                "type.googleapis.com/envoy.extensions.compression.gzip.{direction}.v3.Gzip"
            );
            json!({"name": "gzip", "typed_config": {"@type": message}})
        };
        Some(match self {
            Self::Buffer => (
                "envoy.filters.http.buffer",
                json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                    "max_request_bytes": 1 << 20,
                }),
            ),
            Self::Lua => (
                "envoy.filters.http.lua",
                json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": "
                        function envoy_on_request(handle) handle:body() end
                        function envoy_on_response(handle) handle:body() end
                    "},
                }),
            ),
            Self::Fault => (
                "envoy.filters.http.fault",
                json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
                    "delay": {"fixed_delay": "0.015s", "percentage": {"numerator": 100}},
                }),
            ),
            Self::ExtAuthz => (
                "envoy.filters.http.ext_authz",
                json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
                    "transport_api_version": "V3",
                    "http_service": {"server_uri": {
                        "uri": format!("http://{authorization}"),
                        "cluster": AUTHORIZATION,
                        "timeout": "5s",
                    }},
                }),
            ),
            Self::JsonToMetadata => {
                let value = json!({"metadata_namespace": "neighbour", "key": "model"});
                let mut missing = value.clone();
                missing["value"] = "none".into();
                let rules = json!({"rules": [{
                    "selectors": [{"key": "model"}],
                    "on_present": value,
                    "on_missing": missing,
                }]});
                (
                    "envoy.filters.http.json_to_metadata",
                    json!({
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata",
                        "request_rules": rules,
                        "response_rules": rules,
                    }),
                )
            }
            Self::Decompressor => (
                "envoy.filters.http.decompressor",
                json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.decompressor.v3.Decompressor",
                    "decompressor_library": gzip("decompressor"),
                    "request_direction_config": {"advertise_accept_encoding": false},
                }),
            ),
            Self::Compressor => (
                "envoy.filters.http.compressor",
                json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.compressor.v3.Compressor",
                    "compressor_library": gzip("compressor"),
                    "response_direction_config": {"common_config": {
                        "content_type": ["application/json", "text/event-stream"],
                    }},
                }),
            ),
            _ => return None,
        })
    }
}
