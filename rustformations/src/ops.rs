//! The engine's host, over Envoy.

use std::net::SocketAddr;
use std::sync::{Arc, Once};
use std::time::Duration;

use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, EnvoyBuffer, EnvoyHttpFilter, HttpBody, HttpHeaderType, MetadataSource,
    envoy_log_error,
};
use transformations::metrics::Metric;
use transformations::{
    Arrival, Attribute, AttributeValue, Chain, Direction, Failure, Host, MetadataSource as Whose,
    MetadataValue, Note, RouteProgram, TransformationOps,
};

use crate::configuration::{Route, route_config};
use crate::notes;
use crate::stats::{self, Stats};

/// Envoy's stream as the engine sees it, for the time of one hook.
pub(crate) struct Ops<'e> {
    envoy: &'e mut EnvoyHttpFilter,
    /// The number of the filter's configuration.
    listener: u64,
    stats: &'e Stats,
    /// The buffer limit before any filter changed it.
    limit: Option<u64>,
}

impl<'e> Ops<'e> {
    pub(crate) fn new(
        envoy: &'e mut EnvoyHttpFilter,
        listener: u64,
        stats: &'e Stats,
        limit: Option<u64>,
    ) -> Self {
        Self {
            envoy,
            listener,
            stats,
            limit,
        }
    }

    /// What was saved last, and how often something was.
    fn last_saved(&self) -> (Option<Vec<u8>>, u64) {
        let mut last = None;
        for number in 0.. {
            match self.envoy.filter_state_bytes(&saved_key(number)) {
                Some(state) => last = Some(state),
                None => return (last, number),
            }
        }
        (last, u64::MAX)
    }

    /// The number of attempts that a filter of a cluster has counted.
    fn attempt(&self) -> Option<u64> {
        let (namespace, key) = ATTEMPT;
        let source = MetadataSource::Dynamic;
        let count = self.envoy.metadata_number(source, namespace, key)?;
        Some(count as u64)
    }
}

/// A filter state that the filters of a cluster's chain share over all attempts of a request. Before
/// 1.39 Envoy lets each be set once.
fn saved_key(number: u64) -> String {
    format!("rustformations.attempts.{number}")
}

fn header_type(direction: Direction) -> HttpHeaderType {
    match direction {
        Direction::Request => HttpHeaderType::RequestHeader,
        Direction::Response => HttpHeaderType::ResponseHeader,
    }
}

pub(crate) fn http_body(direction: Direction) -> HttpBody {
    match direction {
        Direction::Request => HttpBody::Request,
        Direction::Response => HttpBody::Response,
    }
}

fn metadata_source(whose: Whose) -> MetadataSource {
    match whose {
        Whose::Dynamic => MetadataSource::Dynamic,
        Whose::Route => MetadataSource::Route,
        Whose::Cluster => MetadataSource::Cluster,
        Whose::UpstreamHost => MetadataSource::Host,
    }
}

/// Where the attempts of a request are counted: the access log can read it too.
const ATTEMPT: (&str, &str) = ("rustformations", "attempt");

/// What Envoy calls an attribute, and what its value is.
fn attribute(attribute: Attribute) -> (AttributeId, Kind) {
    use AttributeId as Id;
    match attribute {
        Attribute::RequestProtocol => (Id::RequestProtocol, Kind::Text),
        Attribute::SourceAddress => (Id::SourceAddress, Kind::Address),
        Attribute::SourcePort => (Id::SourcePort, Kind::Int),
        Attribute::DestinationAddress => (Id::DestinationAddress, Kind::Address),
        Attribute::DestinationPort => (Id::DestinationPort, Kind::Int),
        Attribute::ConnectionId => (Id::ConnectionId, Kind::Int),
        Attribute::ConnectionMtls => (Id::ConnectionMtls, Kind::Bool),
        Attribute::ConnectionRequestedServerName => (Id::ConnectionRequestedServerName, Kind::Text),
        Attribute::ConnectionTlsVersion => (Id::ConnectionTlsVersion, Kind::Text),
        Attribute::ConnectionSubjectLocalCertificate => {
            (Id::ConnectionSubjectLocalCertificate, Kind::Text)
        }
        Attribute::ConnectionSubjectPeerCertificate => {
            (Id::ConnectionSubjectPeerCertificate, Kind::Text)
        }
        Attribute::ConnectionDnsSanLocalCertificate => {
            (Id::ConnectionDnsSanLocalCertificate, Kind::Text)
        }
        Attribute::ConnectionDnsSanPeerCertificate => {
            (Id::ConnectionDnsSanPeerCertificate, Kind::Text)
        }
        Attribute::ConnectionUriSanLocalCertificate => {
            (Id::ConnectionUriSanLocalCertificate, Kind::Text)
        }
        Attribute::ConnectionUriSanPeerCertificate => {
            (Id::ConnectionUriSanPeerCertificate, Kind::Text)
        }
        Attribute::ConnectionSha256PeerCertificateDigest => {
            (Id::ConnectionSha256PeerCertificateDigest, Kind::Text)
        }
        Attribute::RequestAttempt => (Id::UpstreamRequestAttemptCount, Kind::Attempt),
        Attribute::XdsRouteName => (Id::XdsRouteName, Kind::Text),
        Attribute::XdsClusterName => (Id::XdsClusterName, Kind::ClusterName),
    }
}

/// The type of an attribute: Envoy complains when it is asked for another.
enum Kind {
    Text,
    /// An address with a port, of which the address is wanted.
    Address,
    Int,
    Bool,
    /// What this module counts: Envoy reports no number of attempts before 1.39.
    Attempt,
    /// What a callback reports: Envoy has no such attribute before 1.40.
    ClusterName,
}

fn slices(chunks: Vec<EnvoyBuffer<'_>>) -> Vec<&[u8]> {
    chunks.into_iter().map(|chunk| chunk.as_slice()).collect()
}

/// The address of `1.2.3.4:80` and of `[::1]:80`; another text as it is.
fn without_port(text: &str) -> String {
    match text.parse::<SocketAddr>() {
        Ok(address) => address.ip().to_string(),
        Err(_) => text.to_owned(),
    }
}

impl TransformationOps for Ops<'_> {
    fn header_values(&self, direction: Direction, name: &str) -> Vec<&[u8]> {
        let values = self.envoy.header_values(header_type(direction), name);
        values.into_iter().map(|value| value.as_slice()).collect()
    }

    fn first_header_value(&self, direction: Direction, name: &str) -> Option<(&[u8], usize)> {
        let (first, count) = self.envoy.header_and_count(header_type(direction), name)?;
        Some((first.as_slice(), count))
    }

    fn headers(&self, direction: Direction) -> Vec<(&[u8], &[u8])> {
        let headers = self.envoy.headers(header_type(direction));
        headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect()
    }

    fn buffer_limit(&self) -> Option<u64> {
        self.envoy.buffer_limit()
    }

    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.envoy.set_header(header_type(direction), name, value)
    }

    fn add_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.envoy.add_header(header_type(direction), name, value)
    }

    fn keeps_lines_apart(&self, direction: Direction, name: &str) -> bool {
        name != "set-cookie" || self.envoy.adds_header_lines(header_type(direction))
    }

    fn remove_header(&mut self, direction: Direction, name: &str) -> bool {
        self.envoy.remove_header(header_type(direction), name)
    }

    fn body_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        slices(self.envoy.body_chunks(http_body(direction)))
    }

    fn set_buffer_limit(&mut self, bytes: u64) -> bool {
        self.envoy.set_buffer_limit(bytes)
    }

    fn body_size(&self, direction: Direction) -> usize {
        self.envoy.body_size(http_body(direction))
    }

    fn has_trailers(&self, direction: Direction) -> bool {
        let trailers = match direction {
            Direction::Request => HttpHeaderType::RequestTrailer,
            Direction::Response => HttpHeaderType::ResponseTrailer,
        };
        self.envoy.headers_size(trailers) > 0
    }

    fn drain_body(&mut self, direction: Direction, number_of_bytes: usize) -> bool {
        self.envoy.drain_body(http_body(direction), number_of_bytes)
    }

    fn append_body(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.envoy.append_body(http_body(direction), data)
    }

    fn set_dynamic_metadata(
        &mut self,
        namespace: &str,
        key: &str,
        value: MetadataValue<'_>,
    ) -> bool {
        match value {
            MetadataValue::Text(text) => {
                self.envoy.set_dynamic_metadata_string(namespace, key, text)
            }
            MetadataValue::Number(number) => self
                .envoy
                .set_dynamic_metadata_number(namespace, key, number),
            MetadataValue::Bool(bool) => {
                let text = if bool { "true" } else { "false" };
                self.envoy.set_dynamic_metadata_bool(namespace, key, bool)
                    || self.envoy.set_dynamic_metadata_string(namespace, key, text)
            }
        }
    }

    fn attribute(&self, wanted: Attribute) -> Option<AttributeValue> {
        let (id, kind) = attribute(wanted);
        let owned = |text: EnvoyBuffer<'_>| {
            let text = std::str::from_utf8(text.as_slice()).ok()?;
            Some(text.to_owned())
        };
        let text = || owned(self.envoy.attribute_string(id)?);
        Some(match kind {
            Kind::Text => AttributeValue::Text(text()?),
            Kind::Address => AttributeValue::Text(without_port(&text()?)),
            Kind::Int => AttributeValue::Int(self.envoy.attribute_int(id)?),
            Kind::Bool => AttributeValue::Bool(self.envoy.attribute_bool(id)?),
            Kind::Attempt => AttributeValue::Int(self.attempt()?),
            Kind::ClusterName => AttributeValue::Text(owned(self.envoy.cluster_name()?)?),
        })
    }

    fn metadata_text(&self, source: Whose, namespace: &str, key: &str) -> Option<String> {
        let text = self
            .envoy
            .metadata_string(metadata_source(source), namespace, key)?;
        Some(std::str::from_utf8(text.as_slice()).ok()?.to_owned())
    }

    fn metadata_number(&self, source: Whose, namespace: &str, key: &str) -> Option<f64> {
        self.envoy
            .metadata_number(metadata_source(source), namespace, key)
    }

    fn metadata_bool(&self, source: Whose, namespace: &str, key: &str) -> Option<bool> {
        self.envoy
            .metadata_bool(metadata_source(source), namespace, key)
    }

    fn clear_route_cache(&mut self) -> bool {
        self.envoy
            .as_request()
            .is_some_and(|request| request.clear_route_cache())
    }
}

impl Host for Ops<'_> {
    fn chain(&self) -> Chain {
        // Silent on every release, and there exactly where a host was chosen before the headers go on.
        match self.envoy.attribute_string(AttributeId::UpstreamAddress) {
            Some(_) => Chain::Upstream,
            None => Chain::Downstream,
        }
    }

    fn holds_replaceable(&self) -> bool {
        self.envoy.host() > envoy_proxy_dynamic_modules_rust_sdk::Host::V1_36
    }

    fn route_program(&mut self) -> RouteProgram {
        let route = match route_config::<Route>(self.envoy) {
            Ok(Some(route)) => route,
            Ok(None) => return RouteProgram::Absent,
            Err(_logged) => return RouteProgram::Broken,
        };
        match route.program.program() {
            Ok(program) => RouteProgram::Found(Arc::clone(program)),
            Err(errors) => {
                // Once: every request of the route comes by here.
                static LOGGED: Once = Once::new();
                LOGGED.call_once(|| {
                    envoy_log_error!(
                        "a route's configuration was checked and does not compile, which is a bug; its \
                         requests are answered 500: {errors}"
                    );
                });
                RouteProgram::Broken
            }
        }
    }

    fn received_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        slices(self.envoy.received_body_chunks(http_body(direction)))
    }

    fn first_buffer_limit(&self) -> Option<u64> {
        // 0 is also what a host reports that does not know it yet.
        self.limit.filter(|limit| *limit > 0)
    }

    fn arrival(&self, direction: Direction) -> Arrival {
        let (brought, held) = self.envoy.received_and_held(http_body(direction));
        Arrival { brought, held }
    }

    fn replace_received(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.envoy.replace_received_body(http_body(direction), data)
    }

    fn body_chunks_after(&self, direction: Direction, seen: usize) -> Vec<&[u8]> {
        slices(self.envoy.body_chunks_after(http_body(direction), seen))
    }

    fn count_attempt(&mut self) {
        let (namespace, key) = ATTEMPT;
        let attempt = self.attempt().unwrap_or_default().saturating_add(1);
        // Exact far beyond any number of attempts.
        let attempt = attempt as f64;
        self.envoy
            .set_dynamic_metadata_number(namespace, key, attempt);
    }

    fn filter_number(&self) -> u64 {
        self.listener
    }

    fn saved(&self) -> Option<Vec<u8>> {
        self.last_saved().0
    }

    fn save(&mut self, state: &[u8]) -> bool {
        let (_, number) = self.last_saved();
        self.envoy.set_filter_state_bytes(&saved_key(number), state)
    }

    fn now(&self) -> Duration {
        stats::now()
    }

    fn record(&mut self, metric: Metric, labels: &[&str], value: u64) {
        self.stats.record(self.envoy, metric, labels, value);
    }

    fn watches(&self) -> bool {
        notes::are_logged()
    }

    fn note(&mut self, direction: Direction, notes: &[Note]) {
        notes::log(self, direction, notes);
    }

    fn report(&mut self, failures: &[Failure]) {
        self.stats.report(self.envoy, failures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_ports() {
        for (text, address) in [
            ("10.0.0.1:80", "10.0.0.1"),
            ("[::1]:80", "::1"),
            ("@/pipe", "@/pipe"),
        ] {
            assert_eq!(without_port(text), address);
        }
    }
}
