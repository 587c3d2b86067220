//! What is around an exchange: routes, clusters and hosts.

use std::fmt::Debug;

use super::message::Message;
use crate::ops::{Attribute, AttributeValue, MetadataSource};

/// What is around an exchange in memory.
pub trait Surroundings: Debug {
    /// The number of the route that a request leads to now.
    fn route(&self, request: &Message) -> Option<usize>;

    /// An attribute of an exchange on this route.
    fn attribute(&self, _route: Option<usize>, _: Attribute) -> Option<AttributeValue> {
        None
    }

    /// An entry of the metadata that is configured for what this route leads to.
    fn metadata(
        &self,
        _route: Option<usize>,
        _source: MetadataSource,
        _namespace: &str,
        _key: &str,
    ) -> Option<AttributeValue> {
        None
    }
}
