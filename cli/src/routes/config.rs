//! Envoy's `RouteConfiguration`, read.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Action;
use super::criteria::Criteria;
use super::metadata::Metadata;
use super::mutations::Mutations;
use super::unplayed::Unplayed;
use super::virtual_host::VirtualHost;
use super::{Route, Routes};
use crate::placed::Placed;

/// The keys that routes, virtual hosts and whole configurations share.
const SHARED: [&str; 6] = [
    "name",
    "typed_per_filter_config",
    "request_headers_to_add",
    "request_headers_to_remove",
    "response_headers_to_add",
    "response_headers_to_remove",
];
const OF_CONFIGURATION: [&str; 6] = [
    "@type",
    "virtual_hosts",
    "ignore_port_in_host_matching",
    "most_specific_header_mutations_wins",
    "max_direct_response_body_size_bytes",
    "validate_clusters",
];
const OF_HOST: [&str; 3] = ["domains", "routes", "virtual_clusters"];
const OF_ROUTE: [&str; 10] = [
    "match",
    "route",
    "direct_response",
    "redirect",
    "metadata",
    "decorator",
    "tracing",
    "stat_prefix",
    "per_request_buffer_limit_bytes",
    "request_body_buffer_limit",
];
const NOT_PLAYED: &str = "is not played";

impl Routes {
    /// Reads a route configuration.
    pub(crate) fn read(config: &Placed<'_>) -> Self {
        let mut routes = Self {
            all: Vec::new(),
            unplayed: Unplayed::default(),
            hosts: Vec::new(),
            ignores_port: config.flag("ignore_port_in_host_matching"),
        };
        let known = [&SHARED[..], &OF_CONFIGURATION].concat();
        routes.unplayed.keys(config, &known, NOT_PLAYED);
        for host in config.list("virtual_hosts") {
            routes.read_host(config, &host);
        }
        routes
    }

    fn read_host(&mut self, config: &Placed<'_>, host: &Placed<'_>) {
        let number = self.hosts.len();
        let domains = host.list("domains");
        let domains = domains.iter().filter_map(|domain| domain.node.text());
        self.hosts.push(VirtualHost {
            domains: domains.map(str::to_ascii_lowercase).collect(),
        });
        let mut of_host = Unplayed::default();
        of_host.keys(host, &[&SHARED[..], &OF_HOST].concat(), NOT_PLAYED);
        for route in host.list("routes") {
            let mut unplayed = of_host.clone();
            unplayed.keys(&route, &[&SHARED[..], &OF_ROUTE].concat(), NOT_PLAYED);
            let heaviest = heaviest(&route, &mut unplayed);
            // From the most specific to the least.
            let levels = heaviest.iter().chain([&route, host, config]);
            let (mut request, mut response) = (Mutations::default(), Mutations::default());
            for level in levels.clone() {
                request.read(level, "request", &mut unplayed);
                response.read(level, "response", &mut unplayed);
            }
            if config.flag("most_specific_header_mutations_wins") {
                (request, response) = (request.reversed(), response.reversed());
            }
            let (mut overrides, mut disabled) = (BTreeMap::new(), BTreeSet::new());
            for level in levels {
                of_filters(level, &mut overrides, &mut disabled);
            }
            let criteria = match route.get("match") {
                Some(part) => Criteria::read(&part, &mut unplayed, &mut self.unplayed),
                None => Criteria::read(&route, &mut Unplayed::default(), &mut self.unplayed),
            };
            self.all.push(Route {
                place: route.place.clone(),
                name: route.text("name").map(str::to_owned),
                virtual_host: host.text("name").unwrap_or_default().to_owned(),
                action: Action::read(&route, heaviest.as_ref(), &mut unplayed),
                overrides,
                disabled,
                metadata: Metadata::of(&route),
                request,
                response,
                unplayed,
                criteria,
                host: number,
            });
        }
    }
}

/// What a level has for filters, by their names, where no level before it has something.
fn of_filters(
    level: &Placed<'_>,
    overrides: &mut BTreeMap<String, String>,
    disabled: &mut BTreeSet<String>,
) {
    let found = level.get("typed_per_filter_config");
    for (name, config) in found.iter().flat_map(Placed::entries) {
        if overrides.contains_key(name) || disabled.contains(name) {
            continue;
        }
        if config.flag("disabled") {
            disabled.insert(name.to_owned());
            continue;
        }
        let place = match config.get("config") {
            Some(within) if config.is("route.v3.FilterConfig") => within.place,
            _ => config.place,
        };
        overrides.insert(name.to_owned(), place);
    }
}

/// The weighted cluster that is played: Envoy takes one by chance.
fn heaviest<'n>(route: &Placed<'n>, unplayed: &mut Unplayed) -> Option<Placed<'n>> {
    let weighted = route.get("route")?.get("weighted_clusters")?;
    let clusters = weighted.list("clusters");
    let weight = |cluster: &Placed<'_>| cluster.number("weight").unwrap_or_default();
    if clusters
        .iter()
        .filter(|cluster| weight(cluster) > 0)
        .count()
        > 1
    {
        let what = "is a choice by chance: the heaviest cluster is played";
        unplayed.note(&weighted.place, what);
    }
    // The first of those that weigh most.
    clusters.into_iter().rev().max_by_key(weight)
}
