//! The names an expression knows: what the message and the host tell.

use super::document::Step;
use super::lower::{Lowered, Lowering};
use super::node::{JsonText, MetadataEntry, MetadataKind, Node, PathPart};
use crate::ops::{Attribute, Direction, MetadataSource};

/// A name that is no value in itself, but leads to some.
#[derive(Clone, Debug)]
pub(super) enum Root {
    Message(Direction),
    Source,
    Destination,
    Connection,
    Xds,
    /// `xds.cluster_metadata` and its kind.
    XdsMetadata(MetadataSource),
    /// The namespaces of metadata.
    Metadata(MetadataSource),
    Namespace(MetadataSource, String),
    Extracted,
    Env,
    /// `json(request.body)`, `document` or `value`, and what follows it.
    Json(JsonText, Vec<Step>),
}

/// The names an expression may begin with.
pub(super) const ROOTS: [&str; 9] = [
    "connection",
    "destination",
    "env",
    "extracted",
    "metadata",
    "request",
    "response",
    "source",
    "xds",
];

/// The names that only expressions about the edits of a document know.
pub(super) const IN_DOCUMENTS: [(&str, JsonText); 2] =
    [("document", JsonText::Document), ("value", JsonText::Value)];

/// Types, as `type()` returns them.
pub(super) const TYPES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

pub(super) const REQUEST: [&str; 11] = [
    "attempt",
    "body",
    "headers",
    "host",
    "id",
    "method",
    "path",
    "pathAndQuery",
    "protocol",
    "query",
    "scheme",
];
const RESPONSE: [&str; 3] = ["body", "code", "headers"];
const ENDPOINT: [&str; 2] = ["address", "port"];
const XDS: [&str; 5] = [
    "cluster_metadata",
    "cluster_name",
    "route_metadata",
    "route_name",
    "upstream_host_metadata",
];

/// TLS and the connection, as Envoy's attributes are called below `connection.`.
const CONNECTION: [(&str, Attribute); 11] = [
    ("mtls", Attribute::ConnectionMtls),
    (
        "requested_server_name",
        Attribute::ConnectionRequestedServerName,
    ),
    ("tls_version", Attribute::ConnectionTlsVersion),
    (
        "subject_local_certificate",
        Attribute::ConnectionSubjectLocalCertificate,
    ),
    (
        "subject_peer_certificate",
        Attribute::ConnectionSubjectPeerCertificate,
    ),
    (
        "dns_san_local_certificate",
        Attribute::ConnectionDnsSanLocalCertificate,
    ),
    (
        "dns_san_peer_certificate",
        Attribute::ConnectionDnsSanPeerCertificate,
    ),
    (
        "uri_san_local_certificate",
        Attribute::ConnectionUriSanLocalCertificate,
    ),
    (
        "uri_san_peer_certificate",
        Attribute::ConnectionUriSanPeerCertificate,
    ),
    (
        "sha256_peer_certificate_digest",
        Attribute::ConnectionSha256PeerCertificateDigest,
    ),
    ("id", Attribute::ConnectionId),
];

/// An attribute as expressions name it.
pub(super) fn written(attribute: Attribute) -> String {
    if let Some((name, _)) = CONNECTION.iter().find(|(_, known)| *known == attribute) {
        return format!("connection.{name}");
    }
    match attribute {
        Attribute::RequestProtocol => "request.protocol",
        Attribute::RequestAttempt => "request.attempt",
        Attribute::SourceAddress => "source.address",
        Attribute::SourcePort => "source.port",
        Attribute::DestinationAddress => "destination.address",
        Attribute::DestinationPort => "destination.port",
        Attribute::XdsRouteName => "xds.route_name",
        Attribute::XdsClusterName => "xds.cluster_name",
        _ => "connection",
    }
    .to_owned()
}

impl Root {
    /// What an identifier leads to.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "request" => Root::Message(Direction::Request),
            "response" => Root::Message(Direction::Response),
            "source" => Root::Source,
            "destination" => Root::Destination,
            "connection" => Root::Connection,
            "metadata" => Root::Metadata(MetadataSource::Dynamic),
            "extracted" => Root::Extracted,
            "env" => Root::Env,
            "xds" => Root::Xds,
            _ => return None,
        })
    }

    /// How to go on where a value is wanted.
    fn help(&self) -> String {
        let example = match self {
            Root::Message(Direction::Request) => "request.headers",
            Root::Message(Direction::Response) => "response.code",
            Root::Source => "source.address",
            Root::Destination => "destination.port",
            Root::Connection => "connection.mtls",
            Root::Metadata(MetadataSource::Dynamic)
            | Root::Namespace(MetadataSource::Dynamic, _) => "metadata[\"namespace\"].key",
            Root::Xds => "xds.route_name",
            Root::XdsMetadata(_) | Root::Metadata(_) | Root::Namespace(..) => {
                "xds.cluster_metadata.filter_metadata[\"namespace\"].key"
            }
            Root::Env => "env.NAME",
            Root::Extracted | Root::Json(..) => return String::new(),
        };
        format!("read a part of it, such as `{example}`")
    }
}

impl Lowering<'_> {
    /// A value from what a name leads to.
    pub(super) fn finish(&mut self, id: u64, lowered: Lowered) -> Node {
        match lowered {
            Lowered::Node(node) => node,
            Lowered::Root(Root::Json(of, path)) => Node::Field(self.field(of, path)),
            Lowered::Root(Root::Extracted) => {
                self.needs.all_extracted = true;
                Node::AllExtracted
            }
            Lowered::Root(root) => {
                let help = root.help();
                self.error(id, "this name has no value of its own").help = Some(help);
                Lowering::placeholder()
            }
        }
    }

    /// The member `name` of what `lowered` leads to; back when it is an ordinary value.
    pub(super) fn member(
        &mut self,
        id: u64,
        lowered: Lowered,
        name: &str,
    ) -> Result<Lowered, Node> {
        let node = match lowered {
            Lowered::Node(Node::Headers(message)) => self.header(message, name),
            Lowered::Node(Node::Metadata(_)) => {
                let error = self.error(
                    id,
                    "only the first level of a metadata namespace can be read",
                );
                error.help = Some("have `jwt_authn` copy the claim: `claim_to_headers`".to_owned());
                Lowering::placeholder()
            }
            Lowered::Node(node) => return Err(node),
            Lowered::Root(root) => return self.below(id, root, name),
        };
        Ok(Lowered::Node(node))
    }

    pub(super) fn header(&mut self, message: Direction, name: &str) -> Node {
        let needs = self.needs.of_mut(message);
        needs.headers.name(name);
        let name: Box<str> = name.to_ascii_lowercase().into();
        needs.joined.insert(name.clone());
        Node::Header(message, name)
    }

    fn below(&mut self, id: u64, root: Root, name: &str) -> Result<Lowered, Node> {
        let node = match root {
            Root::Message(Direction::Request) => self.request(id, name),
            Root::Message(Direction::Response) => self.response(id, name),
            Root::Source | Root::Destination => {
                self.needs.addresses = true;
                let (address, port) = match root {
                    Root::Source => (Attribute::SourceAddress, Attribute::SourcePort),
                    _ => (Attribute::DestinationAddress, Attribute::DestinationPort),
                };
                match name {
                    "address" => Node::Attribute(address),
                    "port" => Node::Attribute(port),
                    _ => self.unknown(id, "name", name, &ENDPOINT),
                }
            }
            Root::Connection => match CONNECTION.iter().find(|(known, _)| *known == name) {
                Some((_, attribute)) => {
                    if *attribute == Attribute::ConnectionMtls {
                        self.needs.booleans.insert(format!("connection.{name}"));
                    }
                    Node::Attribute(*attribute)
                }
                None => self.unknown(id, "name", name, &CONNECTION.map(|(known, _)| known)),
            },
            Root::Xds => return Ok(self.xds(id, name)),
            Root::XdsMetadata(source) if name == "filter_metadata" => {
                return Ok(Lowered::Root(Root::Metadata(source)));
            }
            Root::XdsMetadata(source) => {
                let source = match source {
                    MetadataSource::Cluster => "cluster_metadata",
                    MetadataSource::UpstreamHost => "upstream_host_metadata",
                    MetadataSource::Route | MetadataSource::Dynamic => "route_metadata",
                };
                let help = format!("write `xds.{source}.filter_metadata[\"namespace\"].key`");
                self.error(id, format!("unknown name `{name}`")).help = Some(help);
                Lowering::placeholder()
            }
            Root::Metadata(source) => {
                return Ok(Lowered::Root(Root::Namespace(source, name.to_owned())));
            }
            Root::Namespace(source, namespace) => Node::Metadata(Box::new(MetadataEntry {
                source,
                namespace,
                key: name.to_owned(),
                kind: MetadataKind::Text,
            })),
            Root::Extracted => {
                self.needs.extracted.insert(name.to_owned());
                Node::Extracted(name.into(), self.types.get(name).copied())
            }
            Root::Env => {
                self.needs.env.insert(name.to_owned());
                Node::Env(name.into())
            }
            // A pointer would lead to an element of an array too.
            Root::Json(of, path) if name.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(Node::Field(self.field(of, path)));
            }
            Root::Json(of, mut path) => {
                path.push(Step::Member(name.to_owned()));
                return Ok(Lowered::Root(Root::Json(of, path)));
            }
        };
        Ok(Lowered::Node(node))
    }

    /// What the configuration of the route, the cluster and the host holds.
    fn xds(&mut self, id: u64, name: &str) -> Lowered {
        let source = match name {
            "route_name" => return Lowered::Node(Node::Attribute(Attribute::XdsRouteName)),
            "cluster_name" => {
                self.needs.cluster_name = true;
                return Lowered::Node(Node::Attribute(Attribute::XdsClusterName));
            }
            "route_metadata" => MetadataSource::Route,
            "cluster_metadata" => MetadataSource::Cluster,
            "upstream_host_metadata" => {
                let written = "xds.upstream_host_metadata".to_owned();
                self.needs.of_attempts.insert(written);
                MetadataSource::UpstreamHost
            }
            _ => return Lowered::Node(self.unknown(id, "name", name, &XDS)),
        };
        Lowered::Root(Root::XdsMetadata(source))
    }

    fn request(&mut self, id: u64, name: &str) -> Node {
        let message = Direction::Request;
        let header = match name {
            "method" => ":method",
            "scheme" => ":scheme",
            "host" => ":authority",
            "pathAndQuery" => ":path",
            "id" => "x-request-id",
            "headers" => return Node::Headers(message),
            "attempt" => {
                self.needs.attempt = true;
                self.needs.of_attempts.insert("request.attempt".to_owned());
                return Node::Attribute(Attribute::RequestAttempt);
            }
            "protocol" => return Node::Attribute(Attribute::RequestProtocol),
            "body" => return self.body(message),
            "path" | "query" => {
                self.needs.request.headers.name(":path");
                return Node::Path(if name == "path" {
                    PathPart::Path
                } else {
                    PathPart::Query
                });
            }
            _ => return self.unknown(id, "name", name, &REQUEST),
        };
        self.header(message, header)
    }

    fn response(&mut self, id: u64, name: &str) -> Node {
        let message = Direction::Response;
        match name {
            "code" => {
                self.needs.response.headers.name(":status");
                Node::Status
            }
            "headers" => Node::Headers(message),
            "body" => self.body(message),
            _ => self.unknown(id, "name", name, &RESPONSE),
        }
    }

    fn body(&mut self, message: Direction) -> Node {
        self.needs.of_mut(message).body = true;
        Node::Body(message)
    }
}
