//! Metadata, filter state and attributes.

use super::{FilterCallbacks, Generation};
use crate::abi::{MetadataSource, RawEnvoyBuffer, RawModuleBuffer};
use crate::attribute::AttributeId;

impl FilterCallbacks {
    /// Sets a string in the stream's dynamic metadata.
    pub(crate) fn set_dynamic_metadata_string(self, ns: &str, key: &str, value: &str) -> bool {
        let ns = RawModuleBuffer::new(ns.as_bytes());
        let key = RawModuleBuffer::new(key.as_bytes());
        let value = RawModuleBuffer::new(value.as_bytes());
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy copies the arguments.
            Generation::V1_36(table) => unsafe {
                (table.http_set_dynamic_metadata_string)(
                    self.filter,
                    ns.ptr,
                    ns.length,
                    key.ptr,
                    key.length,
                    value.ptr,
                    value.length,
                )
            },
            Generation::V1_37(table) => {
                // SAFETY: as above.
                unsafe { (table.http_set_dynamic_metadata_string)(self.filter, ns, key, value) };
                true
            }
        }
    }

    /// Sets a number in the stream's dynamic metadata.
    pub(crate) fn set_dynamic_metadata_number(self, ns: &str, key: &str, value: f64) -> bool {
        let ns = RawModuleBuffer::new(ns.as_bytes());
        let key = RawModuleBuffer::new(key.as_bytes());
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy copies the arguments.
            Generation::V1_36(table) => unsafe {
                (table.http_set_dynamic_metadata_number)(
                    self.filter,
                    ns.ptr,
                    ns.length,
                    key.ptr,
                    key.length,
                    value,
                )
            },
            Generation::V1_37(table) => {
                // SAFETY: as above.
                unsafe { (table.http_set_dynamic_metadata_number)(self.filter, ns, key, value) };
                true
            }
        }
    }

    /// Sets a boolean in the stream's dynamic metadata; false before 1.37.1.
    pub(crate) fn set_dynamic_metadata_bool(self, ns: &str, key: &str, value: bool) -> bool {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return false;
        };
        let Some(set) = table.http_set_dynamic_metadata_bool else {
            return false;
        };
        let ns = RawModuleBuffer::new(ns.as_bytes());
        let key = RawModuleBuffer::new(key.as_bytes());
        // SAFETY: the filter is live; Envoy copies the arguments.
        unsafe { set(self.filter, ns, key, value) };
        true
    }

    /// Reads a string of metadata.
    pub(crate) fn metadata_string(
        self,
        source: MetadataSource,
        ns: &str,
        key: &str,
    ) -> Option<RawEnvoyBuffer> {
        let ns = RawModuleBuffer::new(ns.as_bytes());
        let key = RawModuleBuffer::new(key.as_bytes());
        let mut value = RawEnvoyBuffer::EMPTY;
        let found = match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let get = table.http_get_metadata_string;
                // SAFETY: the filter is live; arguments and results outlive the call.
                unsafe {
                    get(
                        self.filter,
                        source as u32,
                        ns.ptr,
                        ns.length,
                        key.ptr,
                        key.length,
                        &mut value.ptr,
                        &mut value.length,
                    )
                }
            }
            Generation::V1_37(table) => {
                let get = table.http_get_metadata_string;
                // SAFETY: the filter is live; arguments and result outlive the call.
                unsafe { get(self.filter, source as u32, ns, key, &mut value) }
            }
        };
        found.then_some(value)
    }

    /// Reads a number of metadata.
    pub(crate) fn metadata_number(
        self,
        source: MetadataSource,
        ns: &str,
        key: &str,
    ) -> Option<f64> {
        let ns = RawModuleBuffer::new(ns.as_bytes());
        let key = RawModuleBuffer::new(key.as_bytes());
        let mut value = 0.0;
        let found = match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let get = table.http_get_metadata_number;
                // SAFETY: the filter is live; arguments and result outlive the call.
                unsafe {
                    get(
                        self.filter,
                        source as u32,
                        ns.ptr,
                        ns.length,
                        key.ptr,
                        key.length,
                        &mut value,
                    )
                }
            }
            Generation::V1_37(table) => {
                let get = table.http_get_metadata_number;
                // SAFETY: the filter is live; arguments and result outlive the call.
                unsafe { get(self.filter, source as u32, ns, key, &mut value) }
            }
        };
        found.then_some(value)
    }

    /// Reads a boolean of metadata; `None` before 1.37.1.
    pub(crate) fn metadata_bool(self, source: MetadataSource, ns: &str, key: &str) -> Option<bool> {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return None;
        };
        let get = table.http_get_metadata_bool?;
        let ns = RawModuleBuffer::new(ns.as_bytes());
        let key = RawModuleBuffer::new(key.as_bytes());
        let mut value = false;
        // SAFETY: the filter is live; arguments and result outlive the call.
        let found = unsafe { get(self.filter, source as u32, ns, key, &mut value) };
        found.then_some(value)
    }

    /// The name of the cluster that the route leads to; `None` before 1.38.
    pub(crate) fn cluster_name(self) -> Option<RawEnvoyBuffer> {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return None;
        };
        let get = table.http_get_cluster_name?;
        let mut name = RawEnvoyBuffer::EMPTY;
        // SAFETY: the filter is live; the result outlives the call.
        let found = unsafe { get(self.filter, &mut name) };
        found.then_some(name)
    }

    /// Sets filter state.
    pub(crate) fn set_filter_state_bytes(self, key: &[u8], value: &[u8]) -> bool {
        let (key, value) = (RawModuleBuffer::new(key), RawModuleBuffer::new(value));
        match &self.callbacks.generation {
            // SAFETY: the filter is live; Envoy copies the arguments.
            Generation::V1_36(table) => unsafe {
                (table.http_set_filter_state_bytes)(
                    self.filter,
                    key.ptr,
                    key.length,
                    value.ptr,
                    value.length,
                )
            },
            // SAFETY: as above.
            Generation::V1_37(table) => unsafe {
                (table.http_set_filter_state_bytes)(self.filter, key, value)
            },
        }
    }

    /// Reads filter state.
    pub(crate) fn filter_state_bytes(self, key: &[u8]) -> Option<RawEnvoyBuffer> {
        let key = RawModuleBuffer::new(key);
        let mut value = RawEnvoyBuffer::EMPTY;
        let found = match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let get = table.http_get_filter_state_bytes;
                // SAFETY: the filter is live; arguments and results outlive the call.
                unsafe {
                    get(
                        self.filter,
                        key.ptr,
                        key.length,
                        &mut value.ptr,
                        &mut value.length,
                    )
                }
            }
            Generation::V1_37(table) => {
                let get = table.http_get_filter_state_bytes;
                // SAFETY: the filter is live; arguments and result outlive the call.
                unsafe { get(self.filter, key, &mut value) }
            }
        };
        found.then_some(value)
    }

    /// Reads a textual attribute.
    pub(crate) fn attribute_string(self, id: AttributeId) -> Option<RawEnvoyBuffer> {
        let mut value = RawEnvoyBuffer::EMPTY;
        let found = match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let get = table.http_filter_get_attribute_string;
                // SAFETY: the filter is live; the results outlive the call.
                unsafe { get(self.filter, id as u32, &mut value.ptr, &mut value.length) }
            }
            Generation::V1_37(table) => {
                let get = table.http_filter_get_attribute_string;
                // SAFETY: the filter is live; the result outlives the call.
                unsafe { get(self.filter, id as u32, &mut value) }
            }
        };
        found.then_some(value)
    }

    /// Reads a numeric attribute.
    pub(crate) fn attribute_int(self, id: AttributeId) -> Option<u64> {
        let get = self.callbacks.shared.http_filter_get_attribute_int;
        let mut value = 0;
        // SAFETY: the filter is live; the result outlives the call.
        let found = unsafe { get(self.filter, id as u32, &mut value) };
        found.then_some(value)
    }

    /// Reads a boolean attribute; `None` before 1.37.1.
    pub(crate) fn attribute_bool(self, id: AttributeId) -> Option<bool> {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return None;
        };
        let get = table.http_filter_get_attribute_bool?;
        let mut value = false;
        // SAFETY: the filter is live; the result outlives the call.
        let found = unsafe { get(self.filter, id as u32, &mut value) };
        found.then_some(value)
    }
}
