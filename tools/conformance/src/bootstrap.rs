//! Each case's listener and cluster, and the bootstrap of the one Envoy that has them all.
//!
//! Listeners and clusters come from files: Envoy takes each that is valid and says of each other listener why not.

use std::net::SocketAddr;
use std::path::Path;

use cases::{Chain, Neighbour};
use harness::{Bootstrap, Cluster, EnvoyRelease, Filter, Protocol, Route};
use serde_json::{Value, json};

use super::case::{Golden, GoldenKind};
use super::gateway::Files;
use super::routing::{ROUTE, Routes};
use super::take::{Take, instance, neutral_config};
use super::wire::{Source, Wire};

/// The largest local reply; Envoy's own limit is 4 KiB.
const LOCAL_REPLY_LIMIT: u32 = 1 << 20;

/// The access log's keys.
pub(crate) const LISTENER: &str = "listener";
pub(crate) const DETAILS: &str = "details";
pub(crate) const METADATA: &str = "metadata";

/// A listener that has the case's configuration, or what stands in for it.
pub(crate) struct Listener<'a> {
    pub(crate) name: &'a str,
    pub(crate) case: &'a Take,
    pub(crate) wire: &'a Wire,
    /// Namespaces of dynamic metadata to write to the access log.
    pub(crate) namespaces: &'a [String],
    /// Where Unix sockets go.
    pub(crate) directory: &'a Path,
}

impl Listener<'_> {
    /// The listener with the case's own configuration.
    pub(crate) fn resource(&self, release: EnvoyRelease) -> Value {
        let case = self.case;
        let config = case.case.config_text();
        self.build(self.name, config, case.per_route(), release)
    }

    /// The same listener with configurations that do nothing: what tells a refusal of the configuration from a
    /// refusal of anything else.
    pub(crate) fn neutral(&self, name: &str, release: EnvoyRelease) -> Value {
        let config = neutral_config(self.case.case.filter);
        let per_route = self.case.per_route().map(|_| config);
        self.build(name, config, per_route, release)
    }

    fn build(
        &self,
        name: &str,
        config: &str,
        per_route: Option<&str>,
        release: EnvoyRelease,
    ) -> Value {
        let (case, wire) = (self.case, self.wire);
        let filter = |config: &str| filter_of(case, config);
        let mut bootstrap = Bootstrap::new();
        if !wire.request_added.is_empty() {
            let added = json!({"request_mutations": mutations(&wire.request_added)});
            bootstrap = bootstrap.http_filter("before", &header_mutation(&added));
        }
        let beside = |bootstrap: Bootstrap, neighbours: &[Neighbour]| {
            let neighbours = neighbours.iter().map(neighbour);
            neighbours.fold(bootstrap, |bootstrap, (name, config)| {
                bootstrap.http_filter(name, &config)
            })
        };
        if let Chain::Downstream { before, behind } = &case.case.chain {
            bootstrap = beside(bootstrap, before);
            bootstrap = bootstrap.filter(match per_route {
                Some(_) => filter(config).disabled(),
                None => filter(config),
            });
            bootstrap = beside(bootstrap, behind);
            if let Some(added) = response_mutations(wire) {
                bootstrap = bootstrap.http_filter("after", &added);
            }
        }
        let mut route = self.route();
        if let Some(config) = per_route {
            route = route.per_route(filter(config));
        }
        let mut paths = match &case.routes {
            Some(routes) => routes.build(self.name),
            None if case.per_route().is_some() => vec![route.clone()],
            None => self.routes(route.clone(), &filter),
        };
        let settings = case.routes.iter().flat_map(Routes::settings);
        bootstrap = settings.fold(bootstrap, |bootstrap, (field, value)| {
            bootstrap.connection_manager(field, value)
        });
        if let Some(upgrade) = wire.upgrade_type(case) {
            let upgrades = json!([{"upgrade_type": upgrade}]);
            bootstrap = bootstrap.connection_manager("upgrade_configs", upgrades);
            if upgrade == "CONNECT" {
                paths.insert(0, route.field("match", json!({"connect_matcher": {}})));
            }
        }
        bootstrap = paths.into_iter().fold(bootstrap, Bootstrap::route);
        bootstrap = match &wire.source {
            Source::Any => bootstrap,
            Source::Proxied(_) => bootstrap.listener("listener_filters", proxy_protocol()),
            Source::Unix(_) => {
                let path = socket_path(self.directory, name);
                bootstrap.listener("address", json!({"pipe": {"path": path}}))
            }
        };
        let bootstrap = bootstrap
            .connection_manager("generate_request_id", json!(false))
            .connection_manager("server_header_transformation", json!("PASS_THROUGH"))
            .connection_manager("access_log", access_log(name, self.namespaces));
        into_resource(name, &bootstrap, release)
    }

    /// The routes of the case, each known by a header to the upstream; without any, this one.
    fn routes(&self, route: Route, filter: &dyn Fn(&str) -> Filter) -> Vec<Route> {
        if self.case.case.routes.is_empty() {
            return vec![route];
        }
        let routes = self.case.case.routes.iter().map(|one| {
            let headers = one.headers.iter();
            let headers = headers
                .map(|(name, value)| json!({"name": name, "string_match": {"exact": value}}));
            let headers: Vec<Value> = headers.collect();
            let known = json!({"header": {"key": ROUTE, "value": one.name}});
            let route = route
                .clone()
                .field("match", json!({"prefix": "/", "headers": headers}))
                .field("request_headers_to_add", json!([known]));
            match &one.config {
                Some(config) => route.per_route(filter(config.text())),
                None => route,
            }
        });
        routes.collect()
    }

    fn route(&self) -> Route {
        match self.case.is_answered_locally() {
            true => {
                let body = self.case.response_body().bytes();
                let status = self.case.status().unwrap_or(200);
                Route::direct_response(status, &String::from_utf8_lossy(&body))
            }
            false => Route::to(self.name),
        }
    }
}

/// A listener with a configuration in every place that `golden` was emitted for.
pub(crate) fn golden(name: &str, golden: &Golden, config: &str, release: EnvoyRelease) -> Value {
    let filter_name = golden.filter_name();
    let filter = |key: &str, config: &str| {
        let filter = Filter::new(config).instance(key);
        filter.filter_name(filter_name.as_str())
    };
    let mut bootstrap = Bootstrap::new();
    let mut route = Route::direct_response(200, "");
    for key in &golden.keys {
        match golden.kind {
            GoldenKind::DynamicModuleFilter => {
                bootstrap = bootstrap.filter(filter(key, config).disabled());
            }
            GoldenKind::DynamicModuleFilterPerRoute => {
                let neutral = filter(key, neutral_config(filter_name));
                bootstrap = bootstrap.filter(neutral.disabled());
                let per_route = filter(key, config);
                route = route.per_route(match golden.filter_name {
                    Some(_) => per_route,
                    None => per_route.unnamed_per_route(),
                });
            }
        }
    }
    into_resource(name, &bootstrap.route(route), release)
}

/// The bootstrap that reads its listeners and clusters from files.
pub(crate) fn bootstrap(files: &Files, release: EnvoyRelease) -> Value {
    let mut bootstrap = Bootstrap::new().build(release);
    let source = |path: std::path::PathBuf| json!({"path_config_source": {"path": path}, "resource_api_version": "V3"});
    if let Some(bootstrap) = bootstrap.as_object_mut() {
        bootstrap.remove("static_resources");
        bootstrap.insert(
            "node".into(),
            json!({"id": "conformance", "cluster": "conformance"}),
        );
        let sources = json!({
            "lds_config": source(files.listeners()),
            "cds_config": source(files.clusters()),
        });
        bootstrap.insert("dynamic_resources".into(), sources);
    }
    bootstrap
}

/// The cluster of a case, which has the filter if it is a cluster's.
pub(crate) fn cluster(name: &str, case: &Take, wire: &Wire, address: SocketAddr) -> Cluster {
    let cluster = Cluster::new(name, address);
    let cluster = match wire.upstream {
        Protocol::Http1 => cluster,
        Protocol::Http2 => cluster.http2(),
    };
    if case.case.chain != Chain::Upstream {
        return cluster;
    }
    let filter = filter_of(case, case.case.config_text());
    let cluster = cluster.filter(filter.instance("ours"));
    match response_mutations(wire) {
        Some(added) => cluster.http_filter("after", &added),
        None => cluster,
    }
}

/// The module's filter of a case with this configuration.
fn filter_of(case: &Take, config: &str) -> Filter {
    Filter::new(config)
        .filter_name(case.case.filter.as_str())
        .instance(instance(case.case.filter))
}

/// What adds the headers of a response that Envoy's own front would change.
fn response_mutations(wire: &Wire) -> Option<Value> {
    let mutations = json!({"response_mutations": mutations(&wire.response_added)});
    (!wire.response_added.is_empty()).then(|| header_mutation(&mutations))
}

/// Another filter: its name and its `typed_config`.
fn neighbour(neighbour: &Neighbour) -> (&str, Value) {
    match neighbour {
        Neighbour::Buffer => (
            "buffer",
            json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": 1 << 20,
            }),
        ),
        Neighbour::Lua(source) => (
            "lua",
            json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": {"inline_string": source},
            }),
        ),
        Neighbour::Other { name, typed_config } => {
            (name, serde_json::from_str(typed_config).unwrap_or_default())
        }
    }
}

/// The socket of a listener that Unix sockets connect to.
pub(crate) fn socket_path(directory: &Path, listener: &str) -> std::path::PathBuf {
    directory.join(format!("{listener}.sock"))
}

fn into_resource(name: &str, bootstrap: &Bootstrap, release: EnvoyRelease) -> Value {
    let mut built = bootstrap.build(release);
    let listener = built.pointer_mut("/static_resources/listeners/0");
    let mut listener = listener.map(Value::take).unwrap_or_default();
    if let Some(fields) = listener.as_object_mut() {
        fields.insert("name".into(), name.into());
        fields.insert(
            "@type".into(),
            "type.googleapis.com/envoy.config.listener.v3.Listener".into(),
        );
    }
    let routes = "/filter_chains/0/filters/0/typed_config/route_config";
    if let Some(routes) = listener.pointer_mut(routes).and_then(Value::as_object_mut) {
        routes.insert(
            "max_direct_response_body_size_bytes".into(),
            LOCAL_REPLY_LIMIT.into(),
        );
    }
    listener
}

fn access_log(listener: &str, namespaces: &[String]) -> Value {
    let metadata: serde_json::Map<String, Value> = namespaces
        .iter()
        .map(|namespace| {
            (
                namespace.clone(),
                format!("%DYNAMIC_METADATA({namespace})%").into(),
            )
        })
        .collect();
    json!([{
        "name": "stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": {
                LISTENER: listener,
                DETAILS: "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%",
                METADATA: metadata,
            }},
        },
    }])
}

fn proxy_protocol() -> Value {
    json!([{
        "name": "proxy_protocol",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
        },
    }])
}

fn header_mutation(mutations: &Value) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        "mutations": mutations,
    })
}

fn mutations(fields: &[(String, String)]) -> Value {
    let mutation = |(name, value): &(String, String)| {
        // Envoy itself sets these on a local reply; everywhere else there is none to replace.
        let action = match name.as_str() {
            "content-length" | "content-type" => "OVERWRITE_IF_EXISTS_OR_ADD",
            _ => "APPEND_IF_EXISTS_OR_ADD",
        };
        json!({"append": {
            "header": {"key": name, "value": value.replace('%', "%%")},
            "append_action": action,
            "keep_empty_value": true,
        }})
    };
    fields.iter().map(mutation).collect()
}
