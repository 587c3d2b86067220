//! Envoy bootstraps for scenarios: a listener, some filters, routes, clusters, and more listeners beside it.

use std::net::SocketAddr;

use artifacts::EnvoyRelease;
use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::filter::Filter;

/// A bootstrap with a plain-text listener that speaks HTTP/1.1 and HTTP/2, called `main` unless named.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    name: String,
    http_filters: Vec<Value>,
    routes: Vec<Route>,
    per_virtual_host: Vec<Filter>,
    per_route_configuration: Vec<Filter>,
    clusters: Vec<Cluster>,
    listener: Map<String, Value>,
    connection_manager: Map<String, Value>,
    virtual_host: Map<String, Value>,
    router: Map<String, Value>,
    beside: Vec<Self>,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self::named("main")
    }
}

impl Bootstrap {
    /// A bootstrap without filters, routes or clusters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a listener of another name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            http_filters: Vec::new(),
            routes: Vec::new(),
            per_virtual_host: Vec::new(),
            per_route_configuration: Vec::new(),
            clusters: Vec::new(),
            listener: Map::new(),
            connection_manager: Map::new(),
            virtual_host: Map::new(),
            router: Map::new(),
            beside: Vec::new(),
        }
    }

    /// Adds another's listener, which needs a name of its own, and its clusters. Every listener reaches every cluster.
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.beside.push(other);
        self
    }

    /// All of these [beside](Self::beside) each other; `None` of none.
    pub fn all(each: impl IntoIterator<Item = Self>) -> Option<Self> {
        each.into_iter().reduce(Self::beside)
    }

    /// Adds one of the module's filters to the chain: a [`Filter`], or just its configuration.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<Filter>) -> Self {
        self.http_filters.push(filter.into().in_chain());
        self
    }

    /// Adds another HTTP filter to the chain: its `typed_config`, with `@type`.
    #[must_use]
    pub fn http_filter(mut self, name: &str, typed_config: &Value) -> Self {
        self.http_filters
            .push(json!({"name": name, "typed_config": typed_config}));
        self
    }

    /// Adds a route; the first that matches wins.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Configures a filter for the virtual host.
    #[must_use]
    pub fn per_virtual_host(mut self, filter: impl Into<Filter>) -> Self {
        self.per_virtual_host.push(filter.into());
        self
    }

    /// Configures a filter for the whole route configuration.
    #[must_use]
    pub fn per_route_configuration(mut self, filter: impl Into<Filter>) -> Self {
        self.per_route_configuration.push(filter.into());
        self
    }

    /// Adds a cluster of one endpoint, reached by HTTP/1.1.
    #[must_use]
    pub fn cluster(self, name: &str, address: SocketAddr) -> Self {
        self.add_cluster(Cluster::new(name, address))
    }

    /// Adds a cluster of one endpoint, reached by HTTP/2.
    #[must_use]
    pub fn http2_cluster(self, name: &str, address: SocketAddr) -> Self {
        self.add_cluster(Cluster::new(name, address).http2())
    }

    /// Adds a cluster that needs more than a name and an address.
    #[must_use]
    pub fn add_cluster(mut self, cluster: Cluster) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// Sets `per_connection_buffer_limit_bytes`; Envoy's default is 1 MiB.
    #[must_use]
    pub fn buffer_limit(self, bytes: u32) -> Self {
        self.listener("per_connection_buffer_limit_bytes", json!(bytes))
    }

    /// Writes a line of this format per request, read back with `Envoy::access_log`.
    #[must_use]
    pub fn access_log(self, format: &str) -> Self {
        let log = json!([{
            "name": "stdout",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                "log_format": {"text_format_source": {"inline_string": format!("{format}\n")}},
            },
        }]);
        self.connection_manager("access_log", log)
    }

    /// Allows `Upgrade: websocket`.
    #[must_use]
    pub fn websockets(self) -> Self {
        self.connection_manager("upgrade_configs", json!([{"upgrade_type": "websocket"}]))
    }

    /// Lets HTTP/1.1 trailers of clients in and out. HTTP/2 and the clusters here always do.
    #[must_use]
    pub fn http1_trailers(self) -> Self {
        self.connection_manager("http_protocol_options", json!({"enable_trailers": true}))
    }

    /// Sets any other field of the listener.
    #[must_use]
    pub fn listener(mut self, field: &str, value: Value) -> Self {
        self.listener.insert(field.to_owned(), value);
        self
    }

    /// Sets any other field of the HTTP connection manager.
    #[must_use]
    pub fn connection_manager(mut self, field: &str, value: Value) -> Self {
        self.connection_manager.insert(field.to_owned(), value);
        self
    }

    /// Sets any other field of the virtual host.
    #[must_use]
    pub fn virtual_host(mut self, field: &str, value: Value) -> Self {
        self.virtual_host.insert(field.to_owned(), value);
        self
    }

    /// Sets a field of the router's configuration.
    #[must_use]
    pub fn router(mut self, field: &str, value: Value) -> Self {
        self.router.insert(field.to_owned(), value);
        self
    }

    /// The bootstrap as this release accepts it.
    #[must_use]
    pub fn build(&self, release: EnvoyRelease) -> Value {
        let (mut listeners, mut clusters) = (Vec::new(), Vec::new());
        self.collect(release, &mut listeners, &mut clusters);
        json!({
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        })
    }

    fn collect(
        &self,
        release: EnvoyRelease,
        listeners: &mut Vec<Value>,
        clusters: &mut Vec<Value>,
    ) {
        listeners.push(self.build_listener(release));
        clusters.extend(self.clusters.iter().map(Cluster::build));
        for other in &self.beside {
            other.collect(release, listeners, clusters);
        }
    }

    fn build_listener(&self, release: EnvoyRelease) -> Value {
        let mut router =
            json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"});
        merge(&mut router, &self.router);
        let mut http_filters = self.http_filters.clone();
        http_filters.push(json!({"name": "envoy.filters.http.router", "typed_config": router}));
        let routes: Vec<Value> = self
            .routes
            .iter()
            .map(|route| route.build(release))
            .collect();
        let mut virtual_host = json!({
            "name": "main",
            "domains": ["*"],
            "typed_per_filter_config": per_filter(&self.per_virtual_host, release),
            "routes": routes,
        });
        merge(&mut virtual_host, &self.virtual_host);
        let mut connection_manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": self.name,
            "http_filters": http_filters,
            "route_config": {
                "name": "main",
                "typed_per_filter_config": per_filter(&self.per_route_configuration, release),
                "virtual_hosts": [virtual_host],
            },
        });
        merge(&mut connection_manager, &self.connection_manager);
        let mut listener = json!({
            "name": self.name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": connection_manager,
            }]}],
        });
        merge(&mut listener, &self.listener);
        listener
    }
}

/// A route and the filter configurations that hold for it alone.
#[derive(Clone, Debug)]
pub struct Route {
    prefix: String,
    headers: Vec<Value>,
    fields: Map<String, Value>,
    per_route: Vec<Filter>,
}

impl Route {
    /// Everything to this cluster.
    #[must_use]
    pub fn to(cluster: &str) -> Self {
        Self::with("route", json!({"cluster": cluster}))
    }

    /// Everything to the cluster named in this header.
    #[must_use]
    pub fn to_cluster_in(header: &str) -> Self {
        Self::with("route", json!({"cluster_header": header}))
    }

    /// Everything answered by Envoy itself.
    #[must_use]
    pub fn direct_response(status: u16, body: &str) -> Self {
        Self::with(
            "direct_response",
            json!({"status": status, "body": {"inline_string": body}}),
        )
    }

    fn with(action: &str, value: Value) -> Self {
        let fields = Map::from_iter([(action.to_owned(), value)]);
        Self {
            prefix: "/".into(),
            headers: Vec::new(),
            fields,
            per_route: Vec::new(),
        }
    }

    /// Only paths with this prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Only requests with exactly this value in this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let matcher = json!({"name": name, "string_match": {"exact": value}});
        self.headers.push(matcher);
        self
    }

    /// Configures a filter for this route.
    #[must_use]
    pub fn per_route(mut self, filter: impl Into<Filter>) -> Self {
        self.per_route.push(filter.into());
        self
    }

    /// Sets a field of the route action, such as `request_mirror_policies` or `timeout`.
    #[must_use]
    pub fn action(mut self, field: &str, value: Value) -> Self {
        let action = self.fields.get_mut("route");
        if let Some(action) = action.and_then(Value::as_object_mut) {
            action.insert(field.to_owned(), value);
        }
        self
    }

    /// Sets a field of the route itself, such as `request_headers_to_add`.
    #[must_use]
    pub fn field(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    fn build(&self, release: EnvoyRelease) -> Value {
        let mut route = json!({
            "match": {"prefix": self.prefix, "headers": self.headers},
            "typed_per_filter_config": per_filter(&self.per_route, release),
        });
        merge(&mut route, &self.fields);
        route
    }
}

fn per_filter(filters: &[Filter], release: EnvoyRelease) -> Value {
    Value::Object(
        filters
            .iter()
            .map(|filter| filter.per_route(release))
            .collect(),
    )
}

pub(crate) fn merge(into: &mut Value, fields: &Map<String, Value>) {
    if let Some(into) = into.as_object_mut() {
        into.extend(fields.clone());
    }
}
