//! Which Envoys are measured under which condition.

use anyhow::Result;
use serde_json::json;

use super::protocol::Protocol;
use super::{Plan, Setup};
use crate::load::Pace;
use crate::peers::{Peer, STRONGEST};
use crate::stage::Stage;

/// The small body.
const SMALL: usize = 368;

/// A conversation of some length.
const LARGE: usize = 200 << 10;

/// Bodies, and requests in a second that the slowest filter can serve with half of a processor.
const RATES: [(usize, u32); 3] = [(SMALL, 4000), (10 << 10, 2000), (LARGE, 200)];

/// Numbers of workers.
const WORKERS: [u32; 2] = [1, 2];

/// The small body, for all.
pub(super) fn small<'s>(stage: &'s Stage, plan: &Plan<'_>) -> Result<Vec<Setup<'s>>> {
    let sizes = plan.sizes_of(&[SMALL]);
    let mut setups = Vec::new();
    for size in sizes {
        for peer in plan.peers {
            setups.push(setup(stage, peer, size)?);
        }
    }
    Ok(setups)
}

/// All of them at the same rate.
pub(super) fn at_a_rate<'s>(stage: &'s Stage, plan: &Plan<'_>) -> Result<Vec<Setup<'s>>> {
    let mut setups = Vec::new();
    for (size, rate) in RATES {
        for size in plan.sizes_of(&[size]) {
            for peer in plan.strongest() {
                setups.push(Setup {
                    setting: format!("{rate} requests/s"),
                    pace: Pace::PerSecond(rate),
                    ..setup(stage, peer, size)?
                });
            }
        }
    }
    Ok(setups)
}

/// Every protocol by the same client.
pub(super) fn protocols<'s>(stage: &'s Stage, plan: &Plan<'_>) -> Result<Vec<Setup<'s>>> {
    let mut setups = Vec::new();
    for size in plan.sizes_of(&[SMALL, LARGE]) {
        for protocol in Protocol::ALL {
            for peer in plan.strongest() {
                setups.push(Setup {
                    setting: protocol.to_string(),
                    protocol: Some(protocol),
                    ..setup(stage, peer, size)?
                });
            }
        }
    }
    Ok(setups)
}

/// The same with each number of workers.
pub(super) fn workers<'s>(stage: &'s Stage, plan: &Plan<'_>) -> Result<Vec<Setup<'s>>> {
    let mut setups = Vec::new();
    for size in plan.sizes_of(&[SMALL, LARGE]) {
        for workers in WORKERS {
            for peer in plan.strongest() {
                let setup = setup(stage, peer, size)?;
                // Else chance would give one worker more of the eight connections.
                let balance = json!({"exact_balance": {}});
                setups.push(Setup {
                    setting: workers.to_string(),
                    workers,
                    bootstrap: setup
                        .bootstrap
                        .listener("connection_balance_config", balance),
                    ..setup
                });
            }
        }
    }
    Ok(setups)
}

fn setup<'s>(stage: &'s Stage, peer: &Peer, body_bytes: usize) -> Result<Setup<'s>> {
    Ok(Setup {
        setting: String::new(),
        peer: peer.name,
        body_bytes,
        bootstrap: stage.bootstrap(peer),
        module: stage.module(peer)?,
        workers: 1,
        pace: Pace::Saturated,
        protocol: None,
    })
}

impl Plan<'_> {
    /// Those of these sizes that are wanted.
    pub(super) fn sizes_of(&self, sizes: &[usize]) -> Vec<usize> {
        let wanted = sizes.iter().filter(|size| self.sizes.contains(size));
        wanted.copied().collect()
    }

    fn strongest(&self) -> impl Iterator<Item = &Peer> {
        let is_one = |peer: &&Peer| !self.only_strongest || STRONGEST.contains(&peer.name);
        self.peers.iter().filter(is_one)
    }
}
