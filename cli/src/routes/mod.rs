//! Envoy's choice of a route, as far as a file has what it depends on.

mod action;
mod config;
mod criteria;
mod headers;
mod metadata;
mod mutations;
mod path_template;
mod rewrite;
mod text_match;
mod unplayed;
mod virtual_host;

use std::collections::{BTreeMap, BTreeSet};

use cases::Fields;

pub(crate) use action::Action;
pub(crate) use criteria::is_grpc;
pub(crate) use metadata::Metadata;
pub(crate) use mutations::Mutations;
pub(crate) use unplayed::Unplayed;

use criteria::{Criteria, Values};
use virtual_host::VirtualHost;

/// A route configuration.
#[derive(Debug)]
pub(crate) struct Routes {
    /// The routes of all virtual hosts, in order.
    pub(crate) all: Vec<Route>,
    /// What is not played whatever route is taken.
    pub(crate) unplayed: Unplayed,
    hosts: Vec<VirtualHost>,
    ignores_port: bool,
}

/// A route, with what its virtual host and the whole configuration add to it.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) place: String,
    pub(crate) name: Option<String>,
    pub(crate) virtual_host: String,
    pub(crate) action: Action,
    /// The place of the configuration that the route has for a filter of this name.
    pub(crate) overrides: BTreeMap<String, String>,
    /// The filters that are not in the chain of a request that comes to this route first.
    pub(crate) disabled: BTreeSet<String>,
    pub(crate) metadata: Metadata,
    pub(crate) request: Mutations,
    pub(crate) response: Mutations,
    /// What is not played of it.
    pub(crate) unplayed: Unplayed,
    criteria: Criteria,
    /// The number of its virtual host.
    host: usize,
}

impl Routes {
    /// The number of the route that a request takes now.
    pub(crate) fn choose(&self, request: &Fields) -> Option<usize> {
        self.choose_by(request, Values::Each)
    }

    /// The number of the route that a request took before Envoy 1.39, which joins the values of a header.
    pub(crate) fn choose_before_1_39(&self, request: &Fields) -> Option<usize> {
        self.choose_by(request, Values::Joined)
    }

    fn choose_by(&self, request: &Fields, values: Values) -> Option<usize> {
        let authority = headers::joined(request, ":authority").unwrap_or_default();
        let authority = match self.ignores_port {
            true => without_port(&authority),
            false => &authority,
        };
        let host = virtual_host::choose(&self.hosts, authority)?;
        let takes = |route: &Route| route.host == host && route.criteria.hold(request, values);
        self.all.iter().position(takes)
    }

    /// A route by its number.
    pub(crate) fn get(&self, number: Option<usize>) -> Option<&Route> {
        self.all.get(number?)
    }
}

impl Route {
    /// Does to a request what Envoy does before it goes to the cluster.
    pub(crate) fn send(&self, request: &mut Fields) {
        self.request.apply(request);
        self.action.rewrite(request, self.criteria.matched(request));
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}
