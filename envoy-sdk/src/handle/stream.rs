//! Routes and the small things of a stream.

use std::any::Any;
use std::sync::Arc;

use super::{EnvoyHttpFilter, EnvoyMetrics};
use crate::HttpBody;
use crate::host::Host;
use crate::message::Message;
use crate::route_config::{self, RouteConfigError};

impl EnvoyMetrics {
    /// The Envoy that loaded the module.
    pub fn host(&self) -> Host {
        self.instance.callbacks().host()
    }
}

impl EnvoyHttpFilter {
    /// A message, as far as this filter knows it.
    #[inline]
    pub(crate) fn message(&self, body: HttpBody) -> &Message {
        self.instance.message(body)
    }

    /// The per-route configuration that applies to the stream, as the module made it; `None` when
    /// the route has none. It lives on when Envoy drops the route.
    ///
    /// # Errors
    /// When another module made it, or another filter: it is not a `T`. The route's rules are not
    /// known then: answer with an error rather than go on without them.
    pub fn most_specific_route_config<T: Any + Send + Sync>(
        &self,
    ) -> Result<Option<Arc<T>>, RouteConfigError> {
        let Some(callbacks) = self.callbacks() else {
            return Ok(None);
        };
        let address = callbacks.most_specific_route_config();
        if address.is_null() {
            return Ok(None);
        }
        let config = route_config::find(address).ok_or(RouteConfigError::OtherModule)?;
        let config = config.downcast();
        config
            .map(Some)
            .map_err(|_other| RouteConfigError::OtherFilter)
    }

    /// Leaves out the hook of the stream's end, as long as this was called with true last: a hook that has nothing
    /// to do costs every stream as much as one that has.
    #[inline]
    pub fn leave_out_complete(&mut self, leaves_out: bool) {
        self.instance.leave_out_complete(leaves_out);
    }

    /// The number of the worker thread this stream belongs to. `None` before 1.38.
    pub fn worker_index(&self) -> Option<u32> {
        self.callbacks()?.worker_index()
    }

    /// Adds a flag, without spaces, to the stream for the access log. False on 1.36.
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
