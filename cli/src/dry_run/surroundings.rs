//! What is around a filter, as the file has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use transformations::testing::{Message, Surroundings};
use transformations::{Attribute, AttributeValue, Chain, MetadataSource};

use crate::gateway::Cluster;
use crate::routes::Routes;

/// Routes and clusters around a filter of this chain.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) chain: Chain,
    pub(super) routes: Arc<Routes>,
    pub(super) clusters: Arc<BTreeMap<String, Cluster>>,
    /// The cluster that the request goes to, where that is settled.
    pub(super) cluster: Option<String>,
}

impl Around {
    fn cluster_name(&self, route: Option<usize>) -> Option<String> {
        // A header that names the cluster may still change.
        let of_route = || self.routes.get(route)?.action.cluster(&Vec::new());
        self.cluster.clone().or_else(of_route)
    }
}

impl Surroundings for Around {
    fn route(&self, request: &Message) -> Option<usize> {
        self.routes.choose(&request.headers)
    }

    fn attribute(&self, route: Option<usize>, attribute: Attribute) -> Option<AttributeValue> {
        match attribute {
            Attribute::RequestAttempt if self.chain == Chain::Upstream => {
                Some(AttributeValue::Int(1))
            }
            Attribute::XdsRouteName => {
                // Without a name it is empty.
                let name = self.routes.get(route)?.name.clone();
                Some(AttributeValue::Text(name.unwrap_or_default()))
            }
            Attribute::XdsClusterName => self.cluster_name(route).map(AttributeValue::Text),
            _ => None,
        }
    }

    fn metadata(
        &self,
        route: Option<usize>,
        source: MetadataSource,
        namespace: &str,
        key: &str,
    ) -> Option<AttributeValue> {
        let cluster = || self.clusters.get(&self.cluster_name(route)?);
        match source {
            MetadataSource::Route => self.routes.get(route)?.metadata.get(namespace, key),
            MetadataSource::Cluster => cluster()?.metadata.get(namespace, key),
            MetadataSource::UpstreamHost if self.chain == Chain::Upstream => {
                cluster()?.host.as_ref()?.metadata.get(namespace, key)
            }
            MetadataSource::UpstreamHost | MetadataSource::Dynamic => None,
        }
    }
}
