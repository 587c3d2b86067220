//! What a test does with a stream, and what it sees of it.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use envoy_proxy_dynamic_modules_rust_sdk::abi::{RawEnvoyBuffer, RawEnvoyHeader};
use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, HttpBody, HttpCalloutResult, MetadataSource, hooks,
};

use super::{Attribute, Stream};
use crate::host::{ConfigState, FakeRouteConfig};
use crate::message::{Callout, HeaderMap, LocalReply, Message, MetadataValue};

/// One stream through the module. It is completed when dropped.
pub struct FakeStream {
    stream: Rc<Stream>,
}

impl FakeStream {
    pub(crate) fn new(config: Rc<ConfigState>) -> Self {
        let stream = Rc::new(Stream::new(config));
        // SAFETY: the configuration and the stream are alive.
        let module = unsafe {
            hooks::envoy_dynamic_module_on_http_filter_new(stream.config.module, stream.envoy())
        };
        assert!(!module.is_null(), "a null filter crashes Envoy up to 1.39");
        stream.module.set(module);
        Self { stream }
    }

    /// The request headers arrive; `end`: nothing follows.
    pub fn request_headers(&self, headers: &[(&str, &str)], end: bool) {
        self.stream
            .headers(HttpBody::Request, HeaderMap::new(headers), end);
    }

    /// A frame of the request body arrives. HTTP/1 ends with an empty frame, HTTP/2 on the last.
    pub fn request_body(&self, chunk: &[u8], end: bool) {
        self.stream.data(HttpBody::Request, chunk, end);
    }

    /// The request trailers arrive.
    pub fn request_trailers(&self, trailers: &[(&str, &str)]) {
        self.stream
            .trailers(HttpBody::Request, HeaderMap::new(trailers));
    }

    /// The response headers arrive; `end`: nothing follows.
    pub fn response_headers(&self, headers: &[(&str, &str)], end: bool) {
        self.stream
            .headers(HttpBody::Response, HeaderMap::new(headers), end);
    }

    /// A frame of the response body arrives. HTTP/1 ends with an empty frame, HTTP/2 on the last.
    pub fn response_body(&self, chunk: &[u8], end: bool) {
        self.stream.data(HttpBody::Response, chunk, end);
    }

    /// The response trailers arrive.
    pub fn response_trailers(&self, trailers: &[(&str, &str)]) {
        self.stream
            .trailers(HttpBody::Response, HeaderMap::new(trailers));
    }

    /// Runs the events that schedulers committed; returns how many there were.
    pub fn run_scheduled(&self) -> usize {
        let mut events = 0;
        loop {
            let event = self
                .stream
                .events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(event) = event else {
                return events;
            };
            events += 1;
            self.stream.hook(HttpBody::Response, |envoy, module| {
                // SAFETY: the stream is alive; the module pointer is null once destroyed.
                unsafe {
                    hooks::envoy_dynamic_module_on_http_filter_scheduled(envoy, module, event)
                }
            });
        }
    }

    /// Ends a callout.
    pub fn finish_callout(
        &self,
        id: u64,
        result: HttpCalloutResult,
        headers: &[(&str, &str)],
        body: &[&[u8]],
    ) {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| RawEnvoyHeader {
                key_ptr: name.as_ptr(),
                key_length: name.len(),
                value_ptr: value.as_ptr(),
                value_length: value.len(),
            })
            .collect();
        let body: Vec<_> = body
            .iter()
            .map(|chunk| RawEnvoyBuffer {
                ptr: chunk.as_ptr(),
                length: chunk.len(),
            })
            .collect();
        self.stream.finish_callout(id, result, &headers, &body);
    }

    /// The downstream connection is full.
    pub fn above_write_buffer_high_watermark(&self) {
        self.stream.hook(HttpBody::Response, |envoy, module| {
            // SAFETY: the stream is alive; the module pointer is null once destroyed.
            unsafe {
                hooks::envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(envoy, module);
            }
        });
    }

    /// The downstream connection has room again.
    pub fn below_write_buffer_low_watermark(&self) {
        self.stream.hook(HttpBody::Response, |envoy, module| {
            // SAFETY: the stream is alive; the module pointer is null once destroyed.
            unsafe {
                hooks::envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(envoy, module);
            }
        });
    }

    /// Ends the stream: the last hook runs and the module's filter is destroyed.
    pub fn complete(&self) {
        self.stream.destroy();
    }

    /// What has left to the upstream.
    pub fn upstream(&self) -> Message {
        self.stream.request.borrow().forwarded.clone()
    }

    /// What has left to the downstream, the module's own answer included.
    pub fn downstream(&self) -> Message {
        self.stream.response.borrow().forwarded.clone()
    }

    /// The request headers as they are now, passed on or not.
    pub fn request_header_map(&self) -> HeaderMap {
        self.stream
            .request
            .borrow()
            .headers
            .clone()
            .unwrap_or_default()
    }

    /// The response headers as they are now, passed on or not.
    pub fn response_header_map(&self) -> HeaderMap {
        self.stream
            .response
            .borrow()
            .headers
            .clone()
            .unwrap_or_default()
    }

    /// The answers made by Envoy, for the module or on its own account.
    pub fn local_replies(&self) -> Vec<LocalReply> {
        self.stream.local_replies.borrow().clone()
    }

    /// Reason and details of the reset, when there was one.
    pub fn reset(&self) -> Option<(u32, String)> {
        self.stream.reset.borrow().clone()
    }

    /// Whether the module's filter is destroyed.
    pub fn is_destroyed(&self) -> bool {
        self.stream.destroyed.get()
    }

    /// The directions that the module resumed, in order.
    pub fn continued(&self) -> Vec<HttpBody> {
        self.stream.continued.borrow().clone()
    }

    /// How often the route cache was cleared.
    pub fn route_cache_cleared(&self) -> usize {
        self.stream.route_cache_cleared.get()
    }

    /// How often the route's cluster cache was cleared.
    pub fn route_cluster_cache_cleared(&self) -> usize {
        self.stream.route_cluster_cache_cleared.get()
    }

    /// Sets the per-route configuration that applies.
    pub fn set_route_config(&self, config: Option<&FakeRouteConfig>) {
        self.stream.route_config.replace(config.cloned());
    }

    /// Bytes that the host holds at most; 1 MiB at first.
    pub fn buffer_limit(&self) -> u64 {
        self.stream.buffer_limit.get()
    }

    /// Sets [`Self::buffer_limit`].
    pub fn set_buffer_limit(&self, bytes: u64) {
        self.stream.buffer_limit.set(bytes);
    }

    /// Has a callback unwind instead of doing anything, as an exception of Envoy would.
    pub fn set_unwinds(&self, callback: Option<&'static str>) {
        self.stream.unwinds.set(callback);
    }

    /// Whether the host has the fault of losing the last frame; at first as its release does.
    pub fn set_loses_last_frame(&self, loses: bool) {
        self.stream.loses_last_frame.set(loses);
    }

    /// Has a filter behind, or the router, keep the body that passes, in the buffer that all share.
    pub fn keep_behind(&self, body: HttpBody) {
        self.stream.half(body).borrow_mut().kept_behind = true;
    }

    /// What is held of a body, whoever holds it.
    pub fn held(&self, body: HttpBody) -> Vec<u8> {
        let half = self.stream.half(body).borrow();
        half.buffered.iter().flatten().flatten().copied().collect()
    }

    /// How many schedulers there are: made, and not deleted.
    pub fn schedulers(&self) -> usize {
        Arc::strong_count(&self.stream.events) - 1
    }

    /// A value of dynamic metadata.
    pub fn metadata(&self, namespace: &str, key: &str) -> Option<MetadataValue> {
        self.stream
            .metadata(MetadataSource::Dynamic as u32, namespace, key)
    }

    /// Sets a value of metadata.
    pub fn set_metadata(
        &self,
        source: MetadataSource,
        namespace: &str,
        key: &str,
        value: MetadataValue,
    ) {
        self.stream
            .metadata
            .borrow_mut()
            .insert((source as u32, namespace.to_owned(), key.to_owned()), value);
    }

    /// Filter state.
    pub fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.stream
            .filter_state
            .borrow()
            .get(key.as_bytes())
            .cloned()
    }

    /// Sets filter state, as another filter would.
    pub fn set_filter_state(&self, key: &str, value: &[u8]) {
        self.stream
            .filter_state
            .borrow_mut()
            .insert(key.as_bytes().to_vec(), value.to_vec());
    }

    /// Sets a textual attribute. Those of the request line need not be set: they follow the headers.
    pub fn set_attribute_string(&self, id: AttributeId, value: &str) {
        self.set_attribute(id, Attribute::String(value.to_owned()));
    }

    /// Makes a stream of a request that no client sent, such as a mirrored one: it has no downstream
    /// connection.
    pub fn without_connection(&self) {
        let id = AttributeId::ConnectionId as u32;
        self.stream.attributes.borrow_mut().remove(&id);
    }

    /// Sets a numeric attribute.
    pub fn set_attribute_int(&self, id: AttributeId, value: u64) {
        self.set_attribute(id, Attribute::Int(value));
    }

    /// Sets a boolean attribute.
    pub fn set_attribute_bool(&self, id: AttributeId, value: bool) {
        self.set_attribute(id, Attribute::Bool(value));
    }

    fn set_attribute(&self, id: AttributeId, value: Attribute) {
        self.stream.attributes.borrow_mut().insert(id as u32, value);
    }

    /// The callouts that the module started.
    pub fn callouts(&self) -> Vec<Callout> {
        self.stream.callouts.borrow().clone()
    }

    /// Envoy's result code for callouts from now on; 0 at first, which starts them.
    pub fn set_callout_result(&self, code: u32) {
        self.stream.callout_result.set(code);
    }

    /// Has callouts fail inside the call that starts them.
    pub fn fail_callouts_at_once(&self) {
        self.stream.callouts_fail_at_once.set(true);
    }

    /// Traces the stream from now on.
    pub fn trace(&self) {
        self.stream.span_tags.replace(Some(BTreeMap::new()));
    }

    /// A tag of the active span.
    pub fn span_tag(&self, key: &str) -> Option<String> {
        self.stream.span_tags.borrow().as_ref()?.get(key).cloned()
    }

    /// Flags for the access log.
    pub fn custom_flags(&self) -> Vec<String> {
        self.stream.custom_flags.borrow().clone()
    }

    /// How often the module called a callback of this stream, by its name without
    /// `envoy_dynamic_module_callback_`.
    pub fn calls(&self, callback: &str) -> usize {
        self.stream
            .calls
            .borrow()
            .get(callback)
            .copied()
            .unwrap_or(0)
    }

    /// Every callback that the module called, with how often.
    pub fn all_calls(&self) -> BTreeMap<&'static str, usize> {
        self.stream.calls.borrow().clone()
    }

    /// Leaves the module's filter to the test: no hook of it runs any more, and the test destroys
    /// it.
    pub fn forget_module(&self) {
        self.stream.module.set(std::ptr::null());
    }

    /// The pointers that hooks take, for tests that call hooks themselves. The second is null once
    /// the filter is destroyed.
    pub fn pointers(&self) -> (*mut c_void, *const c_void) {
        (self.stream.envoy(), self.stream.module.get())
    }
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.stream.destroy();
        let violations = self.stream.violations.take();
        if !std::thread::panicking() {
            assert!(
                violations.is_empty(),
                "Envoy would have crashed: {violations:?}"
            );
        }
    }
}

impl fmt::Debug for FakeStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FakeStream")
            .field("generation", &self.stream.generation())
            .field("upstream", &self.upstream())
            .field("downstream", &self.downstream())
            .finish_non_exhaustive()
    }
}
