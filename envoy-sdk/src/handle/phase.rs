//! A handle for each phase, with the calls that Envoy survives there and nowhere else.

use std::ops::{Deref, DerefMut};

use super::{EnvoyHttpFilter, HttpBody, ReplyStream};
use crate::flow::{HeldRequest, HeldResponse};
use crate::hooks::Hook;
use crate::host::Host;
use crate::message::Progress;
use crate::{AttributeId, envoy_log_debug};

/// Declares the handle of a phase over a narrower one; hooks are lent it or not.
macro_rules! phase {
    ($(#[$doc:meta])* $name:ident over $narrower:ident $(, $lent:ident to its hooks)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name($narrower);

        impl Deref for $name {
            type Target = $narrower;

            fn deref(&self) -> &$narrower {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut $narrower {
                &mut self.0
            }
        }

        phase! { @lent $($lent)? $name }
    };
    (@lent $name:ident) => {};
    (@lent lent $name:ident) => {
        impl $name {
            /// The handle of a hook as this phase has it; for hooks of this phase only.
            #[inline]
            pub(crate) fn over(handle: &mut EnvoyHttpFilter) -> &mut Self {
                let handle: *mut EnvoyHttpFilter = handle;
                // SAFETY: this type is transparent over `EnvoyHttpFilter`, directly or through
                // another that is, and the borrow passes to the result.
                unsafe { &mut *handle.cast::<Self>() }
            }
        }
    };
}

phase! {
    /// A stream that is not over: events for it can be scheduled.
    EnvoyOpenStream over EnvoyHttpFilter
}
phase! {
    /// An open stream in whose hook callouts can be made.
    EnvoyClient over EnvoyOpenStream
}
phase! {
    /// The handle of request hooks.
    EnvoyRequest over EnvoyClient, lent to its hooks
}
phase! {
    /// The handle of response hooks.
    EnvoyResponse over EnvoyOpenStream, lent to its hooks
}
phase! {
    /// The handle of the hooks of events: a schedule that is due, a callout that ended.
    EnvoyEvent over EnvoyClient, lent to its hooks
}

impl EnvoyHttpFilter {
    /// The handle as request hooks have it, in a request hook: for code that serves several phases.
    #[inline]
    pub fn as_request(&mut self) -> Option<&mut EnvoyRequest> {
        (self.hook().0.message() == Some(HttpBody::Request)).then(|| EnvoyRequest::over(self))
    }

    /// The handle as response hooks have it, in a response hook.
    pub fn as_response(&mut self) -> Option<&mut EnvoyResponse> {
        (self.hook().0.message() == Some(HttpBody::Response)).then(|| EnvoyResponse::over(self))
    }

    /// The handle as the hooks of events have it, in one of them.
    pub fn as_event(&mut self) -> Option<&mut EnvoyEvent> {
        matches!(self.hook().0, Hook::Scheduled | Hook::HttpCalloutDone)
            .then(|| EnvoyEvent::over(self))
    }

    /// Whether the route can be chosen again. Once the headers have gone on, the request stays where
    /// it went while its log and its per-route configuration change; once there is an answer, Envoy
    /// reports a bug of its own. In a cluster's chain there is nothing to choose, and up to 1.38 Envoy
    /// dies.
    fn may_choose_route(&self) -> bool {
        let answered = !self.instance.is_open()
            || self.instance.message(HttpBody::Response).progress() != Progress::Expected;
        if answered || !self.instance.message(HttpBody::Request).is_with_filter() {
            envoy_log_debug!(
                "the route is not chosen again: the request has gone on or is answered"
            );
            return false;
        }
        // There exactly where a host was chosen already; silent on every release.
        self.host() >= Host::V1_39
            || self
                .attribute_string(AttributeId::UpstreamAddress)
                .is_none()
    }

    fn choose_route_again(&mut self) -> bool {
        if !self.may_choose_route() {
            return false;
        }
        let callbacks = self.callbacks();
        if let Some(callbacks) = callbacks {
            callbacks.clear_route_cache();
        }
        callbacks.is_some()
    }

    fn choose_cluster_again(&mut self) -> bool {
        if !self.may_choose_route() {
            return false;
        }
        self.callbacks()
            .is_some_and(|callbacks| callbacks.clear_route_cluster_cache())
    }
}

impl EnvoyRequest {
    /// Has Envoy match the route again, with the request headers as they are now. Replaces the
    /// per-route configuration too. False, and nothing changes, once the filter has let the headers
    /// go on or the request is answered, and in a cluster's chain before 1.39.
    pub fn clear_route_cache(&mut self) -> bool {
        self.choose_route_again()
    }

    /// Has Envoy choose the cluster of the same route again. It does not read a `cluster_header`
    /// again. False as [`Self::clear_route_cache`] is, and before 1.38.
    pub fn clear_route_cluster_cache(&mut self) -> bool {
        self.choose_cluster_again()
    }
}

impl EnvoyEvent {
    /// As [`EnvoyRequest::clear_route_cache`].
    pub fn clear_route_cache(&mut self) -> bool {
        self.choose_route_again()
    }

    /// As [`EnvoyRequest::clear_route_cluster_cache`].
    pub fn clear_route_cluster_cache(&mut self) -> bool {
        self.choose_cluster_again()
    }

    /// The request, if a hook of this filter holds it: for [`crate::EventFlow::ContinueRequest`].
    pub fn held_request(&self) -> Option<HeldRequest> {
        self.is_held(HttpBody::Request).then_some(HeldRequest(()))
    }

    /// The response, if a hook of this filter holds it: for
    /// [`crate::EventFlow::ContinueResponse`].
    pub fn held_response(&self) -> Option<HeldResponse> {
        self.is_held(HttpBody::Response).then_some(HeldResponse(()))
    }

    fn is_held(&self, body: HttpBody) -> bool {
        self.instance.is_open() && self.instance.message(body).is_held()
    }

    /// The answer that this filter has begun, until it is ended.
    pub fn reply_stream(&mut self) -> Option<ReplyStream<'_>> {
        let replying = self.instance.is_replying();
        replying.then(|| ReplyStream::new(self))
    }
}
