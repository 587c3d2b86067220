//! A rate limit service for Envoy's filter `rate_limit`: `envoy.service.ratelimit.v3.RateLimitService` over gRPC.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::protobuf::{self, Value};
use crate::upstream::{RecordedRequest, Upstream};

/// How long a test waits for hits before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// What gRPC puts before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// A service with the same limit for every descriptor, in a window that ends when the test says so. Stops when dropped.
#[derive(Debug)]
pub struct RateLimitService {
    upstream: Upstream,
    hits: watch::Sender<Hits>,
}

/// The hits of each descriptor in this window.
type Hits = BTreeMap<String, u64>;

/// A descriptor as Envoy sends it: `tenant=acme`, its entries joined by `,`.
#[derive(Debug)]
struct Descriptor {
    name: String,
    /// How much it adds; may be nothing, which only asks.
    hits_addend: Option<u64>,
}

impl RateLimitService {
    /// Allows so many hits in a window. As in Envoy's own service a request is over the limit when its hits would go
    /// beyond it, and they count all the same.
    ///
    /// # Errors
    /// No free port.
    pub async fn start(limit: u64) -> Result<Self> {
        let (hits, _) = watch::channel(Hits::new());
        let counted = hits.clone();
        let upstream = Upstream::start(move |request| {
            should_rate_limit(request, limit, &counted).unwrap_or_else(|error| {
                let grpc = Answer::status(200).header("content-type", "application/grpc");
                // 3: invalid argument.
                grpc.header("grpc-status", "3")
                    .header("grpc-message", format!("{error:#}"))
            })
        })
        .await?;
        Ok(Self { upstream, hits })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.upstream.address()
    }

    /// The hits of each descriptor, such as `tenant=acme`, in this window.
    #[must_use]
    pub fn hits(&self) -> BTreeMap<String, u64> {
        self.hits.borrow().clone()
    }

    /// Waits until a descriptor has at least so many: Envoy reports what a stream used when it is over.
    ///
    /// # Errors
    /// It has not within ten seconds.
    pub async fn expect_hits(&self, descriptor: &str, count: u64) -> Result<()> {
        let mut hits = self.hits.subscribe();
        let enough = hits.wait_for(|hits| hits.get(descriptor).is_some_and(|hits| *hits >= count));
        timeout(PATIENCE, enough).await.ok().with_context(|| {
            format!(
                "{descriptor} has not come to {count} hits: {:?}",
                self.hits()
            )
        })??;
        Ok(())
    }

    /// Begins a window: no descriptor has a hit.
    pub fn next_window(&self) {
        self.hits.send_modify(Hits::clear);
    }
}

fn should_rate_limit(
    request: &RecordedRequest,
    limit: u64,
    hits: &watch::Sender<Hits>,
) -> Result<Answer> {
    let body = request.body();
    let message = body.get(PREFIX..).context("no message")?;
    let descriptors = descriptors(message)?;
    let mut over = false;
    hits.send_modify(|hits| {
        for descriptor in descriptors {
            let count = hits.entry(descriptor.name).or_default();
            *count = count.saturating_add(descriptor.hits_addend.unwrap_or(1));
            over |= *count > limit;
        }
    });
    // `overall_code`, field 1: 1 is OK, 2 is OVER_LIMIT.
    let response = [0x08, if over { 2 } else { 1 }];
    let prefix = [0, 0, 0, 0, 2];
    Ok(Answer::body([prefix.as_slice(), &response].concat())
        .header("content-type", "application/grpc")
        .trailer("grpc-status", "0"))
}

/// The descriptors of a `RateLimitRequest`. One that names no hits has the request's.
fn descriptors(message: &[u8]) -> Result<Vec<Descriptor>> {
    let mut descriptors = Vec::new();
    let mut of_request = None;
    for field in protobuf::fields(message) {
        match field? {
            (2, Value::Bytes(descriptor)) => descriptors.push(Descriptor::read(descriptor)?),
            (3, Value::Number(hits)) => of_request = Some(hits),
            _ => {}
        }
    }
    for descriptor in &mut descriptors {
        descriptor.hits_addend = descriptor.hits_addend.or(of_request);
    }
    Ok(descriptors)
}

impl Descriptor {
    fn read(message: &[u8]) -> Result<Self> {
        let mut entries = Vec::new();
        let mut hits_addend = None;
        for field in protobuf::fields(message) {
            match field? {
                (1, Value::Bytes(entry)) => {
                    let (key, value) = (protobuf::text(entry, 1)?, protobuf::text(entry, 2)?);
                    entries.push(format!("{key}={value}"));
                }
                // A `UInt64Value`, which leaves out a zero.
                (3, Value::Bytes(number)) => hits_addend = Some(protobuf::number(number, 1)?),
                _ => {}
            }
        }
        Ok(Self {
            name: entries.join(","),
            hits_addend,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::descriptors;

    #[test]
    fn reads_what_envoy_sends() {
        let entry = b"\x0a\x06tenant\x12\x04acme";
        let descriptor = |rest: &[u8]| {
            let length = u8::try_from(entry.len()).unwrap();
            [&[0x0a, length], entry.as_slice(), rest].concat()
        };
        let mut message = b"\x0a\x06domain".to_vec();
        for rest in [b"\x1a\x00".as_slice(), b"\x1a\x03\x08\xac\x02", b""] {
            let descriptor = descriptor(rest);
            message.extend([0x12, u8::try_from(descriptor.len()).unwrap()]);
            message.extend(descriptor);
        }
        message.extend([0x18, 7]);
        let read = descriptors(&message).unwrap();
        let hits: Vec<_> = read.iter().map(|read| read.hits_addend).collect();
        assert_eq!(hits, [Some(0), Some(300), Some(7)]);
        assert!(read.iter().all(|read| read.name == "tenant=acme"));
        descriptors(&message[..message.len() - 3]).unwrap_err();
    }
}
