//! What callbacks do, however they are called.

use std::cell::{Ref, RefMut};

use envoy_proxy_dynamic_modules_rust_sdk::abi::{HttpBodyType, RawEnvoyBuffer, RawEnvoyHeader};
use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, HttpBody, HttpCalloutResult, HttpHeaderType, MetadataSource, hooks,
};

use crate::message::{Callout, HeaderMap, MetadataValue};
use crate::stream::{Attribute, Half, Received, Stream, drain};

/// Lends bytes of the stream's to the module: valid until they are changed.
fn lend(bytes: &[u8]) -> RawEnvoyBuffer {
    RawEnvoyBuffer {
        ptr: bytes.as_ptr(),
        length: bytes.len(),
    }
}

fn direction(body: HttpBodyType) -> HttpBody {
    match body {
        HttpBodyType::ReceivedRequest | HttpBodyType::BufferedRequest => HttpBody::Request,
        HttpBodyType::ReceivedResponse | HttpBodyType::BufferedResponse => HttpBody::Response,
    }
}

fn is_received(body: HttpBodyType) -> bool {
    matches!(
        body,
        HttpBodyType::ReceivedRequest | HttpBodyType::ReceivedResponse
    )
}

impl Stream {
    fn map(&self, map: HttpHeaderType) -> Option<Ref<'_, HeaderMap>> {
        let (half, trailers) = match map {
            HttpHeaderType::RequestHeader => (&self.request, false),
            HttpHeaderType::RequestTrailer => (&self.request, true),
            HttpHeaderType::ResponseHeader => (&self.response, false),
            HttpHeaderType::ResponseTrailer => (&self.response, true),
        };
        Ref::filter_map(half.borrow(), |half| {
            if trailers {
                half.trailers.as_ref()
            } else {
                half.headers.as_ref()
            }
        })
        .ok()
    }

    fn map_mut(&self, map: HttpHeaderType) -> Option<RefMut<'_, HeaderMap>> {
        let (half, trailers) = match map {
            HttpHeaderType::RequestHeader => (&self.request, false),
            HttpHeaderType::RequestTrailer => (&self.request, true),
            HttpHeaderType::ResponseHeader => (&self.response, false),
            HttpHeaderType::ResponseTrailer => (&self.response, true),
        };
        RefMut::filter_map(half.borrow_mut(), |half| {
            if trailers {
                half.trailers.as_mut()
            } else {
                half.headers.as_mut()
            }
        })
        .ok()
    }

    /// Value number `index` of a header, and how many there are.
    pub(super) fn header(
        &self,
        map: HttpHeaderType,
        name: &str,
        index: usize,
    ) -> (Option<RawEnvoyBuffer>, usize) {
        let Some(map) = self.map(map) else {
            return (None, 0);
        };
        let values = map.values(name);
        (values.get(index).map(|value| lend(value)), values.len())
    }

    pub(super) fn headers_size(&self, map: HttpHeaderType) -> usize {
        self.map(map).map_or(0, |map| map.len())
    }

    pub(super) fn headers_list(&self, map: HttpHeaderType) -> Option<Vec<RawEnvoyHeader>> {
        let map = self.map(map)?;
        let list = map.0.iter().map(|(name, value)| RawEnvoyHeader {
            key_ptr: name.as_ptr(),
            key_length: name.len(),
            value_ptr: value.as_ptr(),
            value_length: value.len(),
        });
        Some(list.collect())
    }

    /// Sets a header, or removes it.
    pub(super) fn set_header(&self, map: HttpHeaderType, name: &str, value: Option<&[u8]>) -> bool {
        let Some(mut map) = self.map_mut(map) else {
            return false;
        };
        match value {
            Some(value) => map.set(name, value),
            None => map.remove(name),
        }
        true
    }

    pub(super) fn add_header(&self, map: HttpHeaderType, name: &str, value: &[u8]) -> bool {
        let Some(mut map) = self.map_mut(map).filter(|_| !value.is_empty()) else {
            return false;
        };
        map.add(name, value);
        true
    }

    /// The chunks of a body buffer; `None` when there is no such buffer.
    pub(super) fn chunks(&self, body: HttpBodyType) -> Option<Vec<RawEnvoyBuffer>> {
        let half = self.half(direction(body)).borrow();
        let chunks = if is_received(body) {
            half.received()
        } else {
            half.buffered.as_ref()
        };
        Some(chunks?.iter().map(|chunk| lend(chunk)).collect())
    }

    pub(super) fn body_size(&self, body: HttpBodyType) -> usize {
        self.chunks(body)
            .iter()
            .flatten()
            .map(|chunk| chunk.length)
            .sum()
    }

    pub(super) fn append(&self, body: HttpBodyType, data: &[u8]) -> bool {
        let mut half = self.half(direction(body)).borrow_mut();
        if is_received(body) {
            let Some(received) = half.received_mut() else {
                return false;
            };
            if !data.is_empty() {
                received.push(data.to_vec());
            }
            return true;
        }
        if half.buffered.is_none() && half.in_trailers && self.passes(&half) {
            half.forward_data(vec![data.to_vec()], false);
        } else {
            half.buffer(vec![data.to_vec()]);
        }
        true
    }

    fn passes(&self, half: &Half) -> bool {
        half.iteration == Default::default() && half.headers_continued
    }

    pub(super) fn drain(&self, body: HttpBodyType, bytes: usize) -> bool {
        let mut half = self.half(direction(body)).borrow_mut();
        let chunks = if is_received(body) {
            half.received_mut()
        } else {
            half.buffered.as_mut()
        };
        let Some(chunks) = chunks else {
            return false;
        };
        drain(chunks, bytes);
        true
    }

    pub(super) fn received_is_buffered(&self, body: HttpBody) -> bool {
        matches!(self.half(body).borrow().received, Received::Buffered)
    }

    pub(super) fn metadata_string(
        &self,
        source: u32,
        namespace: String,
        key: String,
    ) -> Option<RawEnvoyBuffer> {
        let metadata = self.metadata.borrow();
        let Some(MetadataValue::String(value)) = metadata.get(&(source, namespace, key)) else {
            return None;
        };
        if source < MetadataSource::Host as u32 {
            return Some(lend(value.as_bytes()));
        }
        let mut copy = self.host_metadata.borrow_mut();
        Some(lend(copy.insert(value.clone().into_bytes())))
    }

    pub(super) fn metadata_number(&self, source: u32, namespace: &str, key: &str) -> Option<f64> {
        match self.metadata(source, namespace, key)? {
            MetadataValue::Number(number) => Some(number),
            _ => None,
        }
    }

    /// As in Envoy, a key is set once.
    pub(super) fn set_filter_state_bytes(&self, key: &[u8], value: &[u8]) -> bool {
        self.filter_state
            .borrow_mut()
            .entry(key.to_vec())
            .or_insert_with(|| value.to_vec());
        true
    }

    pub(super) fn filter_state_bytes(&self, key: &[u8]) -> Option<RawEnvoyBuffer> {
        self.filter_state.borrow().get(key).map(|value| lend(value))
    }

    /// What a test set as the attribute of this name: real hosts have either or both.
    pub(super) fn cluster_name(&self) -> Option<RawEnvoyBuffer> {
        let id = AttributeId::XdsClusterName as u32;
        match self.attributes.borrow().get(&id)? {
            Attribute::String(name) => Some(lend(name.as_bytes())),
            _ => None,
        }
    }

    pub(super) fn attribute_string(&self, id: u32) -> Option<RawEnvoyBuffer> {
        self.check_connection(id);
        if let Some(Attribute::String(value)) = self.attributes.borrow().get(&id) {
            return Some(lend(value.as_bytes()));
        }
        let header = |name| self.header(HttpHeaderType::RequestHeader, name, 0).0;
        const PATH: u32 = AttributeId::RequestPath as u32;
        const HOST: u32 = AttributeId::RequestHost as u32;
        const SCHEME: u32 = AttributeId::RequestScheme as u32;
        const METHOD: u32 = AttributeId::RequestMethod as u32;
        const REFERER: u32 = AttributeId::RequestReferer as u32;
        const USER_AGENT: u32 = AttributeId::RequestUserAgent as u32;
        const ID: u32 = AttributeId::RequestId as u32;
        match id {
            PATH => header(":path"),
            HOST => header(":authority"),
            SCHEME => header(":scheme"),
            METHOD => header(":method"),
            REFERER => header("referer"),
            USER_AGENT => header("user-agent"),
            ID => header("x-request-id"),
            _ => None,
        }
    }

    /// Up to 1.39 Envoy follows a null pointer when it is asked for the addresses of a connection that
    /// is not there.
    fn check_connection(&self, id: u32) {
        let connection = AttributeId::ConnectionId as u32;
        let addresses = AttributeId::SourceAddress as u32..=AttributeId::DestinationPort as u32;
        if addresses.contains(&id) && !self.attributes.borrow().contains_key(&connection) {
            let what = format!("attribute {id} of a connection that is not there");
            self.violations.borrow_mut().push(what);
        }
    }

    pub(super) fn attribute_int(&self, id: u32) -> Option<u64> {
        self.check_connection(id);
        match self.attributes.borrow().get(&id) {
            Some(Attribute::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn attribute_bool(&self, id: u32) -> Option<bool> {
        match self.attributes.borrow().get(&id) {
            Some(Attribute::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Starts a callout; Envoy's result code.
    pub(super) fn start_callout(&self, callout: Callout) -> u32 {
        let result = self.callout_result.get();
        if result != 0 {
            return result;
        }
        if !self.callouts_fail_at_once.get() {
            self.callouts.borrow_mut().push(callout);
            return 0;
        }
        let id = callout.id;
        self.callouts.borrow_mut().push(callout);
        self.finish_callout(id, HttpCalloutResult::Reset, &[], &[]);
        0
    }

    /// Ends a callout.
    pub(crate) fn finish_callout(
        &self,
        id: u64,
        result: HttpCalloutResult,
        headers: &[RawEnvoyHeader],
        body: &[RawEnvoyBuffer],
    ) {
        self.hook(HttpBody::Response, |envoy, module| {
            // SAFETY: the stream and the lists are alive; the module pointer is null once
            // destroyed.
            unsafe {
                hooks::envoy_dynamic_module_on_http_filter_http_callout_done(
                    envoy,
                    module,
                    id,
                    result as u32,
                    headers.as_ptr(),
                    headers.len(),
                    body.as_ptr(),
                    body.len(),
                );
            }
        });
    }
}
