//! The host as the engine sees it.

mod kgateway;

pub use kgateway::KgatewayOps;

/// Which of the two messages of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

impl Direction {
    /// The key of this message in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Request => "request",
            Direction::Response => "response",
        }
    }
}

/// What a host can tell of a stream besides its messages, as Envoy's documentation of attributes
/// names it: `connection.mtls` is [`ConnectionMtls`](Self::ConnectionMtls).
#[allow(missing_docs)] // the name says all there is
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    RequestProtocol,
    /// The address without the port.
    SourceAddress,
    SourcePort,
    /// The address without the port.
    DestinationAddress,
    DestinationPort,
    ConnectionId,
    ConnectionMtls,
    ConnectionRequestedServerName,
    ConnectionTlsVersion,
    ConnectionSubjectLocalCertificate,
    ConnectionSubjectPeerCertificate,
    ConnectionDnsSanLocalCertificate,
    ConnectionDnsSanPeerCertificate,
    ConnectionUriSanLocalCertificate,
    ConnectionUriSanPeerCertificate,
    ConnectionSha256PeerCertificateDigest,
    /// The number of the attempt to send the request, from 1 on; only in a cluster's chain.
    RequestAttempt,
    XdsRouteName,
    XdsClusterName,
}

/// Whose metadata is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetadataSource {
    /// What the filters of the stream have set.
    Dynamic,
    /// The route's, as configured.
    Route,
    /// The cluster's, as configured.
    Cluster,
    /// That of the host to which the request goes; only in a cluster's chain.
    UpstreamHost,
}

/// The value of an attribute or of a metadata entry.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// Text.
    Text(String),
    /// A whole number.
    Int(u64),
    /// A number, as metadata holds it.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
}

/// A value to set in the stream's dynamic metadata.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetadataValue<'v> {
    /// Text.
    Text(&'v str),
    /// A finite number. Envoy holds each as a 64-bit float: above 2^53 not every whole number.
    Number(f64),
    /// `true` or `false`. A host that holds no booleans, as Envoy before 1.37.1, gets the text.
    Bool(bool),
}

impl From<MetadataValue<'_>> for AttributeValue {
    fn from(value: MetadataValue<'_>) -> Self {
        match value {
            MetadataValue::Text(text) => Self::Text(text.to_owned()),
            MetadataValue::Number(number) => Self::Number(number),
            MetadataValue::Bool(bool) => Self::Bool(bool),
        }
    }
}

/// So much of a long body is replaced at once.
const STEP: usize = 16 << 10;

/// The message in hand, whatever holds it: Envoy, or a test.
///
/// With it come the methods that kgateway's extension authors know: [`KgatewayOps`].
///
/// Header names are given in lower case. A method that changes something returns whether the host
/// did it.
pub trait TransformationOps {
    /// All values of a header, in order.
    fn header_values(&self, direction: Direction, name: &str) -> Vec<&[u8]>;

    /// The first value of a header, and how many values it has.
    fn first_header_value(&self, direction: Direction, name: &str) -> Option<(&[u8], usize)> {
        let values = self.header_values(direction, name);
        Some((*values.first()?, values.len()))
    }

    /// All headers, in order; names in lower case.
    fn headers(&self, direction: Direction) -> Vec<(&[u8], &[u8])>;

    /// How many bytes of the body of either message the host holds before it gives up; 0: any
    /// number. `None`: it does not say.
    fn buffer_limit(&self) -> Option<u64> {
        None
    }

    /// Sets [`buffer_limit`](Self::buffer_limit), in bytes.
    fn set_buffer_limit(&mut self, _bytes: u64) -> bool {
        false
    }

    /// Replaces all values of a header by one. `value` is not empty.
    fn set_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool;

    /// Adds a value to a header. `value` is not empty.
    fn add_header(&mut self, direction: Direction, name: &str, value: &[u8]) -> bool;

    /// Whether a value that is added to a header is a line of its own, or at least means the same.
    /// Envoy 1.36 joins values by a comma, and `set-cookie` has a meaning only line by line.
    fn keeps_lines_apart(&self, _direction: Direction, _name: &str) -> bool {
        true
    }

    /// Removes all values of a header.
    fn remove_header(&mut self, direction: Direction, name: &str) -> bool;

    /// The body received so far, in the pieces the host holds it in.
    fn body_chunks(&self, direction: Direction) -> Vec<&[u8]>;

    /// Whether trailers of the message have arrived. Its body may still be on its way: a filter before this
    /// one passes it on piece by piece. Envoy lets such a message go no further than to the piece with
    /// which it is let go.
    fn has_trailers(&self, _direction: Direction) -> bool {
        false
    }

    /// Removes bytes from the front of the body.
    fn drain_body(&mut self, direction: Direction, number_of_bytes: usize) -> bool;

    /// Adds bytes to the end of the body.
    fn append_body(&mut self, direction: Direction, data: &[u8]) -> bool;

    /// Puts `data` in place of the body received so far. A host that holds both at once may be over
    /// its limit, so the old body is taken out first. A long one is taken out step by step: before 1.38
    /// Envoy refuses a body that was over its limit, falls far below it and grows over it again.
    fn replace_body(&mut self, direction: Direction, data: &[u8]) -> bool {
        let mut old = self.body_size(direction);
        let step = match old.min(data.len()) > STEP {
            true => STEP,
            false => old.max(data.len()).max(1),
        };
        for new in data.chunks(step) {
            let drained = old.min(step);
            if (drained > 0 && !self.drain_body(direction, drained))
                || !self.append_body(direction, new)
            {
                return false;
            }
            old = old.saturating_sub(drained);
        }
        old == 0 || self.drain_body(direction, old)
    }

    /// Sets a value in the stream's dynamic metadata, in place of one that is there.
    fn set_dynamic_metadata(
        &mut self,
        namespace: &str,
        key: &str,
        value: MetadataValue<'_>,
    ) -> bool;

    /// An attribute of the stream; `None` when the host does not tell it.
    fn attribute(&self, _: Attribute) -> Option<AttributeValue> {
        None
    }

    /// A text in metadata; `None` when it is not there, or no text.
    fn metadata_text(
        &self,
        _source: MetadataSource,
        _namespace: &str,
        _key: &str,
    ) -> Option<String> {
        None
    }

    /// A number in metadata; `None` when it is not there, or no number.
    fn metadata_number(
        &self,
        _source: MetadataSource,
        _namespace: &str,
        _key: &str,
    ) -> Option<f64> {
        None
    }

    /// A boolean in metadata; `None` when it is not there, or no boolean.
    fn metadata_bool(&self, _source: MetadataSource, _namespace: &str, _key: &str) -> Option<bool> {
        None
    }

    /// Makes the host choose the route again.
    fn clear_route_cache(&mut self) -> bool;

    /// The length of the body received so far, in bytes.
    fn body_size(&self, direction: Direction) -> usize {
        self.body_chunks(direction).iter().map(|c| c.len()).sum()
    }

    /// A copy of the body received so far.
    fn body(&self, direction: Direction) -> Vec<u8> {
        self.body_chunks(direction).concat()
    }
}
