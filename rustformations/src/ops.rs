//! The engine's host, over Envoy.

use std::net::SocketAddr;

use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, EnvoyHttpFilter, HttpBody, HttpHeaderType, MetadataSource,
};
use transformations::{Attribute, AttributeValue, Direction, TransformationOps};

/// Envoy's stream as the engine sees it, for the time of one hook.
pub(crate) struct Ops<'e>(pub(crate) &'e mut EnvoyHttpFilter);

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
    }
}

/// The type of an attribute: Envoy complains when it is asked for another.
enum Kind {
    Text,
    /// An address with a port, of which the address is wanted.
    Address,
    Int,
    Bool,
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
        let values = self.0.header_values(header_type(direction), name);
        values.into_iter().map(|value| value.as_slice()).collect()
    }

    fn headers(&self, direction: Direction) -> Vec<(&[u8], &[u8])> {
        let headers = self.0.headers(header_type(direction));
        headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect()
    }

    fn buffer_limit(&self) -> Option<u64> {
        self.0.buffer_limit()
    }

    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.0.set_header(header_type(direction), name, value)
    }

    fn add_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool {
        self.0.add_header(header_type(direction), name, value)
    }

    fn remove_header(&mut self, direction: Direction, name: &str) -> bool {
        self.0.remove_header(header_type(direction), name)
    }

    fn body_chunks(&self, direction: Direction) -> Vec<&[u8]> {
        let chunks = self.0.body_chunks(http_body(direction));
        chunks.into_iter().map(|chunk| chunk.as_slice()).collect()
    }

    fn body_size(&self, direction: Direction) -> usize {
        self.0.body_size(http_body(direction))
    }

    fn drain_body(&mut self, direction: Direction, number_of_bytes: usize) -> bool {
        self.0.drain_body(http_body(direction), number_of_bytes)
    }

    fn append_body(&mut self, direction: Direction, data: &[u8]) -> bool {
        self.0.append_body(http_body(direction), data)
    }

    fn set_dynamic_metadata(&mut self, namespace: &str, key: &str, value: &str) -> bool {
        self.0.set_dynamic_metadata_string(namespace, key, value)
    }

    fn attribute(&self, wanted: Attribute) -> Option<AttributeValue> {
        let (id, kind) = attribute(wanted);
        let text = || {
            let text = self.0.attribute_string(id)?;
            Some(std::str::from_utf8(text.as_slice()).ok()?.to_owned())
        };
        Some(match kind {
            Kind::Text => AttributeValue::Text(text()?),
            Kind::Address => AttributeValue::Text(without_port(&text()?)),
            Kind::Int => AttributeValue::Int(self.0.attribute_int(id)?),
            Kind::Bool => AttributeValue::Bool(self.0.attribute_bool(id)?),
        })
    }

    fn metadata_text(&self, namespace: &str, key: &str) -> Option<String> {
        let text = self
            .0
            .metadata_string(MetadataSource::Dynamic, namespace, key)?;
        Some(std::str::from_utf8(text.as_slice()).ok()?.to_owned())
    }

    fn metadata_number(&self, namespace: &str, key: &str) -> Option<f64> {
        self.0
            .metadata_number(MetadataSource::Dynamic, namespace, key)
    }

    fn metadata_bool(&self, namespace: &str, key: &str) -> Option<bool> {
        self.0
            .metadata_bool(MetadataSource::Dynamic, namespace, key)
    }

    fn clear_route_cache(&mut self) -> bool {
        self.0.clear_route_cache()
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
