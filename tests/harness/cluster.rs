//! Clusters of one endpoint.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use serde_json::{Map, Value, json};

use crate::bootstrap::merge;
use crate::filter::Filter;

/// Where nobody listens. A port that the system gave out and took back may be the next that another test gets.
pub const NOBODY: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// A cluster of one endpoint, reached by HTTP/1.1 unless said.
#[derive(Clone, Debug)]
pub struct Cluster {
    name: String,
    address: SocketAddr,
    protocol: Value,
    http_filters: Vec<Value>,
    protocol_options: Map<String, Value>,
    fields: Map<String, Value>,
}

impl Cluster {
    /// A cluster of this endpoint.
    #[must_use]
    pub fn new(name: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            address,
            protocol: json!({"http_protocol_options": {"enable_trailers": true}}),
            http_filters: Vec::new(),
            protocol_options: Map::new(),
            fields: Map::new(),
        }
    }

    /// Reached by HTTP/2.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.protocol = json!({"http2_protocol_options": {}});
        self
    }

    /// Adds one of the module's filters to the cluster's own chain, where it runs once for each attempt.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<Filter>) -> Self {
        self.http_filters.push(filter.into().in_chain());
        self
    }

    /// Adds another HTTP filter to the cluster's own chain: its `typed_config`, with `@type`.
    #[must_use]
    pub fn http_filter(mut self, name: &str, typed_config: &Value) -> Self {
        self.http_filters
            .push(json!({"name": name, "typed_config": typed_config}));
        self
    }

    /// Sets any other field of its HTTP protocol options.
    #[must_use]
    pub fn protocol_option(mut self, field: &str, value: Value) -> Self {
        self.protocol_options.insert(field.to_owned(), value);
        self
    }

    /// Sets any other field of the cluster.
    #[must_use]
    pub fn field(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    /// The cluster, for a file that Envoy reads by CDS.
    #[must_use]
    pub fn resource(&self) -> Value {
        let mut cluster = self.build();
        if let Some(fields) = cluster.as_object_mut() {
            fields.insert(
                "@type".into(),
                "type.googleapis.com/envoy.config.cluster.v3.Cluster".into(),
            );
        }
        cluster
    }

    pub(crate) fn build(&self) -> Value {
        // An empty chain is Envoy's default; any other has to end as that one does.
        let mut http_filters = self.http_filters.clone();
        if !http_filters.is_empty() {
            http_filters.push(json!({
                "name": "envoy.filters.http.upstream_codec",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"},
            }));
        }
        let mut options = json!({
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": self.protocol,
            "http_filters": http_filters,
        });
        merge(&mut options, &self.protocol_options);
        let mut cluster = json!({
            "name": self.name,
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": {
                "cluster_name": self.name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {
                    "address": self.address.ip().to_string(),
                    "port_value": self.address.port(),
                }}}}]}],
            },
            "typed_extension_protocol_options":
                {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        });
        merge(&mut cluster, &self.fields);
        cluster
    }
}
