//! Clusters: their own filters, and the host that a request goes to.

use super::Slot;
use crate::placed::Placed;
use crate::routes::{Metadata, Unplayed};

/// A cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// Its own filters; `None`: those of the router apply.
    pub(crate) filters: Option<Vec<Slot>>,
    pub(crate) metadata: Metadata,
    /// The host that is played.
    pub(crate) host: Option<Endpoint>,
    pub(crate) unplayed: Unplayed,
}

/// A host.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// `127.0.0.1:9001`; empty: the file does not tell it.
    pub(crate) address: String,
    pub(crate) metadata: Metadata,
}

impl Cluster {
    pub(super) fn read(cluster: &Placed<'_>) -> Self {
        let options = cluster.get("typed_extension_protocol_options");
        let options = options.iter().flat_map(Placed::entries);
        let mut chains = options.filter_map(|(_, options)| options.get("http_filters"));
        let filters = chains.next();
        let assignment = cluster.get("load_assignment");
        let mut localities = assignment.map_or_else(Vec::new, |found| found.list("endpoints"));
        // Of the first priority, and there the first.
        localities.sort_by_key(|locality| locality.number("priority").unwrap_or_default());
        let endpoints: Vec<_> = localities
            .iter()
            .flat_map(|locality| locality.list("lb_endpoints"))
            .collect();
        let mut unplayed = Unplayed::default();
        if endpoints.len() > 1 {
            let what = "is a choice of Envoy's: the first host of the first priority is played";
            unplayed.note(&format!("{}.load_assignment", cluster.place), what);
        }
        if let Some(kind) = cluster.get("cluster_type") {
            unplayed.note(&kind.place, "is not played");
        }
        Self {
            name: cluster.text("name").unwrap_or_default().to_owned(),
            filters: filters.map(|filters| {
                let filters = filters.items();
                filters.filter_map(|filter| Slot::read(&filter)).collect()
            }),
            metadata: Metadata::of(cluster),
            host: endpoints.first().map(Endpoint::read),
            unplayed,
        }
    }
}

impl Endpoint {
    fn read(endpoint: &Placed<'_>) -> Self {
        let address = endpoint.get("endpoint").and_then(|of| of.get("address"));
        let socket = address.and_then(|address| address.get("socket_address"));
        let address = socket.and_then(|socket| {
            let port = socket.number("port_value")?;
            Some(format!("{}:{port}", socket.text("address")?))
        });
        Self {
            address: address.unwrap_or_default(),
            metadata: Metadata::of(endpoint),
        }
    }
}
