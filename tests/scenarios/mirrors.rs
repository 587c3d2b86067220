//! Shares of requests that Envoy copies to a second cluster.

use std::ops::RangeInclusive;

use anyhow::{Result, ensure};
use harness::{Connection, Envoy, Protocol, Request, Response};

/// How many requests for a model are copied.
pub(crate) struct Share {
    pub(crate) model: &'static str,
    /// Sent batch by batch until one is copied.
    pub(crate) batches: usize,
    /// The requests of a batch.
    pub(crate) requests: usize,
    /// How many of a batch may be copied. Shares are random: the bounds lie more than five standard
    /// deviations away.
    pub(crate) copied: RangeInclusive<u64>,
}

/// No request, 42 %, and 0.5 % of them.
pub(crate) fn shares(often: &'static str, rarely: &'static str) -> [Share; 3] {
    let share = |model, batches, requests, copied| Share {
        model,
        batches,
        requests,
        copied,
    };
    [
        share("other", 1, 100, 0..=0),
        share(often, 1, 400, 119..=217),
        share(rarely, 8, 500, 0..=13),
    ]
}

/// Sends requests and checks each answer and the shares that the cluster `candidate` gets; returns how many it got.
pub(crate) async fn check_shares(
    envoy: &Envoy,
    shares: [Share; 3],
    request: impl Fn(&str) -> Request,
    check: impl Fn(&Response) -> Result<()>,
) -> Result<u64> {
    let mut connection = Connection::open(envoy.address().await?, Protocol::Http1).await?;
    let mut before = 0;
    for share in shares {
        let Share {
            model,
            requests,
            copied: bounds,
            ..
        } = share;
        let mut copied = 0;
        for _ in 0..share.batches {
            for _ in 0..requests {
                let response = connection.send(request(model)).await?.expect_status(200)?;
                check(&response)?;
            }
            let after = envoy.stat("cluster.candidate.upstream_rq_total").await?;
            copied = after - before;
            before = after;
            ensure!(
                bounds.contains(&copied),
                "{model}: {copied} of {requests} copied, not within {bounds:?}"
            );
            if copied > 0 {
                break;
            }
        }
        ensure!(copied > 0 || *bounds.end() == 0, "{model}: none copied");
    }
    Ok(before)
}
