//! The host as the engine sees it.

use std::sync::Arc;
use std::time::Duration;

use super::host::Host;
use crate::failure::Failure;
use crate::metrics::Metric;
use crate::note::Note;
use crate::ops::{
    Attribute, AttributeValue, Direction, MetadataSource, MetadataValue, TransformationOps,
};
use crate::session::{self, Arrival, Chain, RouteProgram};

impl Host {
    fn check_name(&mut self, name: &str) {
        if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.violated(format!("`{name}` is not a name in lower case"));
        }
    }

    /// Whether a header may be written.
    fn accepts(&mut self, name: &str, value: &[u8]) -> bool {
        self.check_name(name);
        if value.is_empty() {
            self.violated(format!("`{name}` set to nothing"));
        }
        if value.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
            self.violated(format!("`{name}` set to control characters: {value:?}"));
        }
        !self.refuses.iter().any(|refused| refused == name)
    }

    /// An entry of metadata: what was set last, or what the surroundings have.
    fn entry(&self, source: MetadataSource, namespace: &str, key: &str) -> Option<AttributeValue> {
        if source == MetadataSource::Dynamic {
            let is = |(other, name, _): &&(String, String, _)| other == namespace && name == key;
            let last = self.metadata.iter().rfind(is);
            return last.map(|(_, _, value)| value.clone());
        }
        let surroundings = self.surroundings.as_ref()?;
        surroundings.metadata(self.route_number(), source, namespace, key)
    }

    fn put(&mut self, direction: Direction, data: &[u8]) {
        let buffers = self.buffers_mut(direction);
        let buffer = if buffers.no_frame {
            &mut buffers.held
        } else {
            &mut buffers.received
        };
        if !data.is_empty() {
            buffer.push(data.to_vec());
        }
    }
}

impl TransformationOps for Host {
    fn header_values(&self, direction: Direction, name: &str) -> Vec<&[u8]> {
        self.called("header_values");
        let headers = &self.message(direction).headers;
        let named = headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    fn headers(&self, direction: Direction) -> Vec<(&[u8], &[u8])> {
        self.called("headers");
        let headers = self.message(direction).headers.iter();
        headers
            .map(|(name, value)| (name.as_bytes(), value.as_slice()))
            .collect()
    }

    fn buffer_limit(&self) -> Option<u64> {
        self.limit
    }

    fn set_buffer_limit(&mut self, bytes: u64) -> bool {
        self.called("set_buffer_limit");
        let tells = self.limit.is_some();
        if tells {
            self.limit = Some(bytes);
        }
        tells
    }

    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.called("set_header");
        let accepted = self.accepts(name, value);
        if accepted {
            let headers = &mut self.message_mut(direction).headers;
            headers.retain(|(other, _)| other != name);
            headers.push((name.to_owned(), value.to_vec()));
        }
        accepted
    }

    fn add_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.called("add_header");
        let accepted = self.accepts(name, value);
        let joins = self.joins_lines;
        let headers = &mut self.message_mut(direction).headers;
        let mut there = headers.iter_mut().filter(|(other, _)| other == name);
        match there.next() {
            _ if !accepted => {}
            Some(_) if joins && name == "set-cookie" => return false,
            Some((_, line)) if joins => {
                line.extend_from_slice(b", ");
                line.extend_from_slice(value);
            }
            _ => headers.push((name.to_owned(), value.to_vec())),
        }
        accepted
    }

    fn keeps_lines_apart(&self, _: Direction, name: &str) -> bool {
        !self.joins_lines || name != "set-cookie"
    }

    fn remove_header(&mut self, direction: Direction, name: &str) -> bool {
        self.called("remove_header");
        self.check_name(name);
        let headers = &mut self.message_mut(direction).headers;
        headers.retain(|(other, _)| other != name);
        true
    }

    fn body_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        self.called("body_chunks");
        let buffers = self.buffers(direction);
        let chunks = buffers.shared.iter().chain(&buffers.held);
        let chunks = chunks.chain(&buffers.received);
        chunks.map(Vec::as_slice).collect()
    }

    fn has_trailers(&self, direction: Direction) -> bool {
        let early = self.buffers(direction).has_trailers;
        early || self.tells_trailers && self.message(direction).trailers
    }

    fn drain_body(&mut self, direction: Direction, number_of_bytes: usize) -> bool {
        self.called("drain_body");
        let buffers = self.buffers_mut(direction);
        if !buffers.shared.is_empty() {
            self.violated("a body that others hold was drained");
            return false;
        }
        let mut left = number_of_bytes;
        for chunk in buffers.held.iter_mut().chain(&mut buffers.received) {
            let drained = left.min(chunk.len());
            chunk.drain(..drained);
            left = left.saturating_sub(drained);
        }
        for buffer in [&mut buffers.held, &mut buffers.received] {
            buffer.retain(|chunk| !chunk.is_empty());
        }
        if left > 0 {
            self.violated(format!(
                "{left} of {number_of_bytes} drained bytes are not there"
            ));
        }
        left == 0
    }

    fn append_body(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.called("append_body");
        self.put(direction, data);
        true
    }

    fn set_dynamic_metadata(
        &mut self,
        namespace: &str,
        key: &str,
        value: MetadataValue<'_>,
    ) -> bool {
        self.called("set_dynamic_metadata");
        if matches!(value, MetadataValue::Number(number) if !number.is_finite()) {
            self.violated(format!("`{key}` set to a number that is not finite"));
        }
        let write = (namespace.to_owned(), key.to_owned(), value.into());
        self.metadata.push(write);
        true
    }

    fn attribute(&self, attribute: Attribute) -> Option<AttributeValue> {
        let surroundings = self.surroundings.as_ref()?;
        surroundings.attribute(self.route_number(), attribute)
    }

    fn metadata_text(&self, source: MetadataSource, namespace: &str, key: &str) -> Option<String> {
        match self.entry(source, namespace, key)? {
            AttributeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    fn metadata_number(&self, source: MetadataSource, namespace: &str, key: &str) -> Option<f64> {
        match self.entry(source, namespace, key)? {
            AttributeValue::Number(number) => Some(number),
            _ => None,
        }
    }

    fn metadata_bool(&self, source: MetadataSource, namespace: &str, key: &str) -> Option<bool> {
        match self.entry(source, namespace, key)? {
            AttributeValue::Bool(value) => Some(value),
            _ => None,
        }
    }

    fn clear_route_cache(&mut self) -> bool {
        self.called("clear_route_cache");
        if self.chain == Chain::Upstream {
            self.violated("a route was chosen again in a cluster's chain");
        }
        self.route = None;
        true
    }
}

impl session::Host for Host {
    fn chain(&self) -> Chain {
        self.called("chain");
        self.chain
    }

    fn holds_replaceable(&self) -> bool {
        !self.loses_replaced
    }

    fn route_program(&mut self) -> RouteProgram {
        self.called("route_program");
        if self.route.is_none() {
            self.route = Some(self.choose());
        }
        match self.chosen_route().and_then(|route| route.program.as_ref()) {
            Some(program) => RouteProgram::Found(Arc::clone(program)),
            None => RouteProgram::Absent,
        }
    }

    fn received_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        self.called("received_chunks");
        let received = self.buffers(direction).received.iter();
        received.map(Vec::as_slice).collect()
    }

    fn first_buffer_limit(&self) -> Option<u64> {
        self.first_limit
    }

    fn arrival(&self, direction: Direction) -> Arrival {
        self.called("arrival");
        let size = |chunks: &[Vec<u8>]| chunks.iter().map(Vec::len).sum::<usize>();
        let buffers = self.buffers(direction);
        let held = size(&buffers.shared).saturating_add(size(&buffers.held));
        Arrival {
            brought: size(&buffers.received),
            held: (!buffers.again).then_some(held),
        }
    }

    fn replace_received(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.called("replace_received");
        self.buffers_mut(direction).received.clear();
        self.put(direction, data);
        true
    }

    fn filter_number(&self) -> u64 {
        self.filter
    }

    fn saved(&self) -> Option<Vec<u8>> {
        self.saved.clone()
    }

    fn save(&mut self, state: &[u8]) -> bool {
        self.saved = Some(state.to_vec());
        true
    }

    fn now(&self) -> Duration {
        self.now
    }

    fn record(&mut self, metric: Metric, labels: &[&str], value: u64) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.recorded.push((metric, labels, value));
    }

    fn watches(&self) -> bool {
        true
    }

    fn note(&mut self, direction: Direction, notes: &[Note]) {
        self.notes.push((direction, notes.to_vec()));
    }

    fn report(&mut self, failures: &[Failure]) {
        self.failures.extend_from_slice(failures);
    }
}
