//! Routes and the small things of a stream.

use std::any::Any;
use std::sync::Arc;

use super::EnvoyHttpFilter;
use crate::hooks::config::PerRouteConfig;
use crate::host::Host;

impl EnvoyHttpFilter {
    /// The host.
    pub fn host(&self) -> Host {
        self.instance.callbacks().host()
    }

    /// Has Envoy match the route again, with the request headers as they are now. For request hooks,
    /// before the headers have gone on. Replaces the per-route configuration too.
    pub fn clear_route_cache(&mut self) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.clear_route_cache())
    }

    /// Has Envoy choose the cluster of the same route again. It does not read a `cluster_header`
    /// again. False before 1.38.
    pub fn clear_route_cluster_cache(&mut self) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.clear_route_cluster_cache())
    }

    /// The per-route configuration that applies to the stream, as the module made it. The clone
    /// lives on when Envoy drops the route.
    pub fn most_specific_route_config(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        let config = self
            .callbacks()?
            .most_specific_route_config()
            .cast::<PerRouteConfig>();
        // SAFETY: unless null, what the per-route hook returned, alive because the stream's route
        // holds it during the hook.
        unsafe { config.as_ref() }.cloned()
    }

    /// The number of the worker thread this stream belongs to. `None` before 1.38.
    pub fn worker_index(&self) -> Option<u32> {
        self.callbacks()?.worker_index()
    }

    /// Adds a flag to the stream for the access log. False on 1.36.
    pub fn add_custom_flag(&mut self, flag: &str) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.add_custom_flag(flag))
    }

    /// Sets a tag of the active tracing span. False when nothing is traced, and before 1.38.
    pub fn set_span_tag(&mut self, key: &str, value: &str) -> bool {
        self.callbacks()
            .is_some_and(|callbacks| callbacks.set_span_tag(key, value))
    }
}
