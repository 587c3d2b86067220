//! What of an Envoy's configuration an exchange goes through: connection managers, their routes, and clusters.

mod cluster;

use std::collections::BTreeMap;

use crate::placed::Placed;
use crate::routes::{Routes, Unplayed};
use crate::tree::Node;

pub(crate) use cluster::Cluster;

const MANAGER: &str = "http_connection_manager.v3.HttpConnectionManager";
const ROUTES: &str = "route.v3.RouteConfiguration";
const CLUSTER: &str = "cluster.v3.Cluster";
/// Filters that end a chain, and are no filters to those who write one.
const TERMINAL: [&str; 2] = ["router.v3.Router", "upstream_codec.v3.UpstreamCodec"];
/// What a connection manager does to a request before the first filter, or to Envoy's own answers.
const BEFORE_FILTERS: [&str; 9] = [
    "early_header_mutation_extensions",
    "local_reply_config",
    "merge_slashes",
    "normalize_path",
    "path_normalization_options",
    "path_with_escaped_slashes_action",
    "scoped_routes",
    "strip_any_host_port",
    "strip_matching_host_port",
];

/// A connection manager, or a route configuration by itself.
#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) place: String,
    /// Its filters, in the order in which a request meets them; `None`: nothing is known of them.
    pub(crate) filters: Option<Vec<Slot>>,
    /// The filters of every cluster that has none.
    pub(crate) of_clusters: Vec<Slot>,
    /// Its routes; `None`: the file does not have them.
    pub(crate) routes: Option<Routes>,
    pub(crate) unplayed: Unplayed,
}

/// A filter's place in a chain.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// What the chain calls it.
    pub(crate) instance: String,
    /// Where its configuration is.
    pub(crate) place: String,
    /// Whether the chain goes without it, unless a route has it.
    pub(crate) disabled: bool,
}

/// What is in a file.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    pub(crate) managers: Vec<Manager>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
}

impl Gateways {
    /// Finds everything in the documents of a file. A file of nothing but routes has a manager without filters for each.
    pub(crate) fn of(documents: &[Node]) -> Self {
        let mut found = Found::default();
        for document in documents {
            let document = Placed::document(document);
            if document.get("virtual_hosts").is_some() {
                found.routes.push(document);
            } else {
                found.collect(document);
            }
        }
        let clusters = found.clusters.iter().map(Cluster::read);
        let clusters = clusters.map(|cluster| (cluster.name.clone(), cluster));
        let clusters = clusters.collect();
        let managers: Vec<Manager> = match found.managers.as_slice() {
            [] => found.routes.iter().map(Manager::of_routes).collect(),
            managers => managers
                .iter()
                .map(|manager| Manager::read(manager, &found.routes))
                .collect(),
        };
        Self { managers, clusters }
    }
}

/// The parts of a file, not yet read.
#[derive(Default)]
struct Found<'n> {
    managers: Vec<Placed<'n>>,
    routes: Vec<Placed<'n>>,
    clusters: Vec<Placed<'n>>,
}

impl<'n> Found<'n> {
    fn collect(&mut self, part: Placed<'n>) {
        if part.is(MANAGER) {
            self.managers.push(part);
            return;
        }
        if part.is(ROUTES) {
            self.routes.push(part);
            return;
        }
        if part.is(CLUSTER) {
            self.clusters.push(part);
            return;
        }
        for (key, value) in part.entries() {
            if key == "clusters" {
                self.clusters.extend(value.items());
            } else {
                self.collect(value);
            }
        }
        for item in part.items() {
            self.collect(item);
        }
    }
}

impl Manager {
    fn read(manager: &Placed<'_>, apart: &[Placed<'_>]) -> Self {
        let mut unplayed = Unplayed::default();
        for key in BEFORE_FILTERS {
            if let Some(part) = manager.get(key) {
                unplayed.note(&part.place, "is not played");
            }
        }
        let filters = manager.list("http_filters");
        let router = filters
            .iter()
            .filter_map(|filter| filter.get("typed_config"));
        let of_clusters = router.flat_map(|config| config.list("upstream_http_filters"));
        let routes = manager.get("route_config").or_else(|| {
            let name = manager.get("rds")?.text("route_config_name")?;
            let named = apart
                .iter()
                .find(|routes| routes.text("name") == Some(name));
            named.cloned()
        });
        if let (None, Some(rds)) = (&routes, manager.get("rds")) {
            unplayed.note(&rds.place, "names routes that the file does not have");
        }
        Self {
            place: manager.place.clone(),
            filters: Some(filters.iter().filter_map(Slot::read).collect()),
            of_clusters: of_clusters
                .filter_map(|filter| Slot::read(&filter))
                .collect(),
            routes: routes.as_ref().map(Routes::read),
            unplayed,
        }
    }

    fn of_routes(routes: &Placed<'_>) -> Self {
        Self {
            place: routes.place.clone(),
            filters: None,
            of_clusters: Vec::new(),
            routes: Some(Routes::read(routes)),
            unplayed: Unplayed::default(),
        }
    }
}

impl Slot {
    /// Reads a filter of a chain; `None`: it is the one that ends it.
    fn read(filter: &Placed<'_>) -> Option<Self> {
        let config = filter.get("typed_config");
        let ends = |config: &Placed<'_>| TERMINAL.iter().any(|name| config.is(name));
        if config.as_ref().is_some_and(ends) {
            return None;
        }
        Some(Self {
            instance: filter.text("name").unwrap_or_default().to_owned(),
            place: config.map_or(filter.place.clone(), |config| config.place),
            disabled: filter.flag("disabled"),
        })
    }
}
