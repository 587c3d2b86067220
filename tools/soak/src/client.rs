//! A client's connection, by HTTP/1.1 or HTTP/2.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::body::Pieces;
/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// A request but for its body.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

impl Head {
    /// A POST of JSON.
    pub(crate) fn json(path: &'static str) -> Self {
        Self {
            method: "POST",
            path,
            headers: vec![("content-type", "application/json")],
        }
    }
}

/// A connection. One of HTTP/2 can be cloned for more streams at once.
#[derive(Debug)]
pub(crate) enum Connection {
    Http1(http1::SendRequest<Pieces>),
    Http2(http2::SendRequest<Pieces>),
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr, protocol: Protocol) -> Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        // The drivers end with their connection; how it ended shows in the answer.
        Ok(match protocol {
            Protocol::Http1 => {
                let (sender, driver) = http1::handshake(stream).await?;
                tokio::spawn(driver);
                Self::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, driver) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(driver);
                Self::Http2(sender)
            }
        })
    }

    /// Whether it takes another request.
    pub(crate) async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Another stream of the same connection; `None` by HTTP/1.1.
    pub(crate) fn beside(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    /// Sends a request, and returns at the head of its answer.
    ///
    /// # Errors
    /// The connection ends before.
    pub(crate) async fn send(&mut self, head: &Head, body: Pieces) -> Result<Response<Incoming>> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::from_bytes(head.method.as_bytes())?;
        let uri = Uri::builder().path_and_query(head.path);
        let headers = request.headers_mut();
        for (name, value) in &head.headers {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        match self {
            Self::Http1(sender) => {
                headers.insert("host", HeaderValue::from_static("gateway"));
                *request.uri_mut() = uri.build()?;
                Ok(sender.send_request(request).await?)
            }
            Self::Http2(sender) => {
                *request.uri_mut() = uri.scheme("http").authority("gateway").build()?;
                Ok(sender.send_request(request).await?)
            }
        }
    }
}
