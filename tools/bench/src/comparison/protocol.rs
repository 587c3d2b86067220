//! How clients reach Envoy: an Envoy that is part of the load speaks the protocol, so that the load itself need not.

use std::fmt;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use harness::{Bootstrap, Cluster, Route};
use serde_json::{Value, json};

/// Made for this, and known to everyone: it protects nothing.
const CERTIFICATE: &str = include_str!("downstream.crt");
const KEY: &str = include_str!("downstream.key");

/// What a client and Envoy speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
    Http1Tls,
    Http2Tls,
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http1Tls => "HTTP/1.1, TLS",
            Self::Http2Tls => "HTTP/2, TLS",
        })
    }
}

impl Protocol {
    pub(super) const ALL: [Self; 4] = [Self::Http1, Self::Http2, Self::Http1Tls, Self::Http2Tls];

    /// Has the first listener of this bootstrap speak it.
    pub(super) fn listen(self, bootstrap: &mut Value) -> Result<()> {
        if !self.is_encrypted() {
            return Ok(());
        }
        let chain = bootstrap.pointer_mut("/static_resources/listeners/0/filter_chains/0");
        let chain = chain.and_then(Value::as_object_mut);
        let certificate = json!({
            "certificate_chain": {"inline_string": CERTIFICATE},
            "private_key": {"inline_string": KEY},
        });
        let context = json!({"common_tls_context": {
            "tls_certificates": [certificate],
            "alpn_protocols": ["h2", "http/1.1"],
        }});
        chain.context("a listener without a chain")?.insert(
            "transport_socket".to_owned(),
            transport_socket("DownstreamTlsContext", context),
        );
        Ok(())
    }

    /// The Envoy that speaks it to this address.
    pub(super) fn client(self, address: SocketAddr) -> Bootstrap {
        let cluster = Cluster::new("gateway", address);
        let cluster = match self {
            Self::Http1 | Self::Http1Tls => cluster,
            Self::Http2 | Self::Http2Tls => cluster.http2(),
        };
        let cluster = match self.is_encrypted() {
            true => {
                let socket = transport_socket("UpstreamTlsContext", json!({}));
                cluster.field("transport_socket", socket)
            }
            false => cluster,
        };
        // Some filters take longer for eight large bodies than a route has by default.
        let route = Route::to("gateway").action("timeout", json!("0s"));
        Bootstrap::new().add_cluster(cluster).route(route)
    }

    fn is_encrypted(self) -> bool {
        match self {
            Self::Http1 | Self::Http2 => false,
            Self::Http1Tls | Self::Http2Tls => true,
        }
    }
}

fn transport_socket(message: &str, mut context: Value) -> Value {
    let url = format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{message}");
    if let Some(context) = context.as_object_mut() {
        context.insert("@type".to_owned(), url.into());
    }
    json!({"name": "envoy.transport_sockets.tls", "typed_config": context})
}

#[cfg(test)]
mod tests {
    use harness::EnvoyRelease;

    use super::*;

    #[test]
    fn only_those_with_tls_have_a_certificate() {
        for (protocol, encrypted) in Protocol::ALL.into_iter().zip([false, false, true, true]) {
            let mut bootstrap = Bootstrap::new().build(EnvoyRelease::DEFAULT);
            protocol.listen(&mut bootstrap).unwrap();
            let has = bootstrap.to_string().contains("DownstreamTlsContext");
            assert_eq!(has, encrypted, "{protocol}");
        }
    }
}
