//! Metadata, filter state and attributes.

use super::EnvoyHttpFilter;
use crate::abi::MetadataSource;
use crate::attribute::AttributeId;
use crate::buffer::EnvoyBuffer;
use crate::callbacks::FilterCallbacks;
use crate::host::Host;

impl EnvoyHttpFilter {
    /// Sets a string in the stream's dynamic metadata. False when the stream is gone; a refusal only
    /// 1.36 reports.
    pub fn set_dynamic_metadata_string(&mut self, ns: &str, key: &str, value: &str) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.set_dynamic_metadata_string(ns, key, value))
    }

    /// Sets a number in the stream's dynamic metadata. False when the stream is gone; a refusal only
    /// 1.36 reports.
    pub fn set_dynamic_metadata_number(&mut self, ns: &str, key: &str, value: f64) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.set_dynamic_metadata_number(ns, key, value))
    }

    /// Sets a boolean in the stream's dynamic metadata. False before 1.37.1.
    pub fn set_dynamic_metadata_bool(&mut self, ns: &str, key: &str, value: bool) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.set_dynamic_metadata_bool(ns, key, value))
    }

    /// A string of metadata. Envoy logs an error when the value has another type: do not probe.
    pub fn metadata_string(
        &self,
        source: MetadataSource,
        ns: &str,
        key: &str,
    ) -> Option<EnvoyBuffer<'_>> {
        let raw = self.callbacks()?.metadata_string(source, ns, key)?;
        Some(match source {
            // Up to 1.39 the next read of host metadata frees what this one returned.
            MetadataSource::Host | MetadataSource::HostLocality => self.keep(raw),
            MetadataSource::Dynamic | MetadataSource::Route | MetadataSource::Cluster => {
                self.borrow(raw)
            }
        })
    }

    /// A number of metadata. Envoy logs an error when the value has another type: do not probe.
    pub fn metadata_number(&self, source: MetadataSource, ns: &str, key: &str) -> Option<f64> {
        self.callbacks()?.metadata_number(source, ns, key)
    }

    /// A boolean of metadata. Envoy logs an error when the value has another type: do not probe.
    /// `None` before 1.37.1.
    pub fn metadata_bool(&self, source: MetadataSource, ns: &str, key: &str) -> Option<bool> {
        self.callbacks()?.metadata_bool(source, ns, key)
    }

    /// The name of the cluster that the route leads to. `None` before 1.38, and without a route or a
    /// cluster.
    pub fn cluster_name(&self) -> Option<EnvoyBuffer<'_>> {
        let raw = self.callbacks()?.cluster_name()?;
        Some(self.borrow(raw))
    }

    /// Sets filter state that other filters and the access log can read. False before 1.39 when the
    /// key was set: there Envoy lets a key be set once per stream, and reports a bug of its own.
    pub fn set_filter_state_bytes(&mut self, key: &str, value: &[u8]) -> bool {
        let Some(callbacks) = self.callbacks() else {
            return false;
        };
        let key = key.as_bytes();
        let was_set = self.host() < Host::V1_39 && callbacks.filter_state_bytes(key).is_some();
        !was_set && callbacks.set_filter_state_bytes(key, value)
    }

    /// Filter state as bytes, copied: Envoy may free its own before the hook is over.
    pub fn filter_state_bytes(&self, key: &str) -> Option<Vec<u8>> {
        let raw = self.callbacks()?.filter_state_bytes(key.as_bytes())?;
        Some(self.borrow(raw).to_vec())
    }

    /// A textual attribute. Up to 1.38 Envoy logs an error when the attribute has another type.
    ///
    /// `None` for the addresses of a downstream connection that is not there, as in a cluster's chain
    /// for a mirrored request: up to 1.39 Envoy dies when it is asked for them.
    pub fn attribute_string(&self, id: AttributeId) -> Option<EnvoyBuffer<'_>> {
        let raw = self.asked_safely(id)?.attribute_string(id)?;
        Some(self.borrow(raw))
    }

    /// A numeric attribute. Up to 1.38 Envoy logs an error when the attribute has another type.
    ///
    /// `None` as [`Self::attribute_string`] is, for the ports of a connection that is not there.
    pub fn attribute_int(&self, id: AttributeId) -> Option<u64> {
        self.asked_safely(id)?.attribute_int(id)
    }

    /// The callbacks, unless this attribute is one that Envoy does not survive being asked for.
    fn asked_safely(&self, id: AttributeId) -> Option<FilterCallbacks> {
        use AttributeId::{
            ConnectionId, DestinationAddress, DestinationPort, SourceAddress, SourcePort,
        };
        let callbacks = self.callbacks()?;
        let of_connection = matches!(
            id,
            SourceAddress | SourcePort | DestinationAddress | DestinationPort
        );
        // Silent on every release, and absent exactly where the connection is.
        (!of_connection || callbacks.attribute_int(ConnectionId).is_some()).then_some(callbacks)
    }

    /// A boolean attribute. Up to 1.38 Envoy logs an error when the attribute has another type.
    /// `None` before 1.37.1.
    pub fn attribute_bool(&self, id: AttributeId) -> Option<bool> {
        self.callbacks()?.attribute_bool(id)
    }
}
