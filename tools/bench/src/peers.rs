//! What is compared: ways to take `model` out of a body, and the two floors below them.

mod filters;

use std::fmt;

use harness::{Bootstrap, EnvoyRelease, Filter};
use serde_json::json;

use filters::{
    FOUND, ai_protocol_manager, buffer, clear_route_cache, ext_proc, extract, json_to_metadata,
    kgateway, lua, set_header, streamed, transform,
};

pub(super) use filters::envoys;

/// No filter at all.
pub(super) const NONE: &str = "none";

/// Envoy's buffer filter: what it costs anyone to see a whole body before routing.
pub(super) const BUFFER: &str = "buffer";

/// Our filter as it is meant to be used.
pub(super) const EXTRACT: &str = "extract";

/// A module that does not look at the body.
pub(super) const BARE: &str = "bare-module";

/// The routing header that all but the floors set.
pub(super) const HEADER: &str = "x-model";

/// The cluster of the route that the header chooses.
pub(super) const CHOSEN: &str = "chosen";

/// The cluster that `ext_proc` asks.
pub(super) const ROUTER: &str = "router";

/// What is compared where all would be too many: the floors, ours, and the strongest of the others.
pub(super) const STRONGEST: [&str; 7] = [
    NONE,
    BUFFER,
    "ai_protocol_manager-filter-state",
    "ext_proc-buffered",
    "ext_proc-streamed",
    EXTRACT,
    "extract-streamed",
];

/// The largest body any filter here may hold.
pub(super) const BUFFER_LIMIT: u32 = 32 << 20;

/// Whose module a peer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Envoy alone does it.
    Envoy,
    /// This workspace's.
    Ours,
    /// The one given with `--module`.
    Other,
    /// The one of `bare_module.c`.
    Bare,
    /// None: Envoy asks the service of `router/`.
    Router,
}

/// How a peer shows that it found the model.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// It need not.
    Nothing,
    /// The upstream sees the routing header.
    Header,
    /// The upstream sees it, and the route was chosen by it.
    Routed,
    /// Envoy counts it in this stat.
    Stat(&'static str),
}

/// One way.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    /// What tables and `--only` call it.
    pub(super) name: &'static str,
    /// What it is, in a few words.
    pub(super) about: &'static str,
    /// What its cost is counted from.
    pub(super) floor: &'static str,
    /// Whose it is.
    pub(super) origin: Origin,
    /// The first series of Envoy that has it.
    pub(super) since: (u16, u16),
    /// How to know that it works.
    pub(super) proof: Proof,
    chain: fn(Bootstrap) -> Bootstrap,
}

impl Peer {
    /// Puts its filter into the chain.
    pub(super) fn add_to(&self, bootstrap: Bootstrap) -> Bootstrap {
        (self.chain)(bootstrap)
    }

    /// Why it cannot run here, if it cannot.
    pub(super) fn obstacle(&self, release: EnvoyRelease, has_other: bool) -> Option<String> {
        let (major, minor) = self.since;
        if !release.at_least(major, minor) {
            return Some(format!("needs Envoy {major}.{minor}"));
        }
        (self.origin == Origin::Other && !has_other).then(|| "needs --module".to_owned())
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// The floors first: what follows is counted from them.
pub(super) const PEERS: &[Peer] = &[
    Peer {
        name: NONE,
        about: "no filter",
        floor: NONE,
        origin: Origin::Envoy,
        since: (1, 0),
        proof: Proof::Nothing,
        chain: |bootstrap| bootstrap,
    },
    Peer {
        name: BUFFER,
        about: "Envoy's buffer filter",
        floor: NONE,
        origin: Origin::Envoy,
        since: (1, 0),
        proof: Proof::Nothing,
        chain: |bootstrap| envoys(bootstrap, "buffer", "buffer.v3.Buffer", buffer()),
    },
    Peer {
        name: "lua",
        about: "Envoy's Lua filter with a pattern match",
        floor: BUFFER,
        origin: Origin::Envoy,
        since: (1, 0),
        proof: Proof::Routed,
        chain: |bootstrap| envoys(bootstrap, "lua", "lua.v3.Lua", lua()),
    },
    Peer {
        name: "json_to_metadata",
        about: "Envoy's JSON-To-Metadata filter; sets no header",
        floor: BUFFER,
        origin: Origin::Envoy,
        since: (1, 0),
        proof: Proof::Stat("json_to_metadata.rq.success"),
        chain: |bootstrap| {
            let message = "json_to_metadata.v3.JsonToMetadata";
            envoys(bootstrap, "json_to_metadata", message, json_to_metadata())
        },
    },
    Peer {
        name: "transform",
        about: "Envoy's transform filter",
        floor: BUFFER,
        origin: Origin::Envoy,
        since: (1, 37),
        proof: Proof::Routed,
        chain: |bootstrap| {
            let message = "transform.v3.TransformConfig";
            envoys(
                bootstrap,
                "transform",
                message,
                transform("%REQUEST_BODY(model)%"),
            )
        },
    },
    Peer {
        name: "ai_protocol_manager",
        about: "Envoy's AI Protocol Manager with `request_info`; sets no header and chooses no route again",
        floor: BUFFER,
        origin: Origin::Envoy,
        since: (1, 40),
        proof: Proof::Stat("ai_protocol_manager.request_info.published"),
        chain: ai_protocol_manager,
    },
    Peer {
        name: "ai_protocol_manager-transform",
        about: "the same, then Envoy's transform filter for header and route; it parses the body again",
        floor: BUFFER,
        origin: Origin::Envoy,
        since: (1, 40),
        proof: Proof::Routed,
        chain: |bootstrap| {
            let bootstrap = ai_protocol_manager(bootstrap);
            let message = "transform.v3.TransformConfig";
            envoys(bootstrap, "transform", message, transform(FOUND))
        },
    },
    Peer {
        name: "ai_protocol_manager-filter-state",
        about: "the same, then Envoy's header_mutation for the header and set_filter_state for the route",
        floor: BUFFER,
        origin: Origin::Envoy,
        since: (1, 40),
        proof: Proof::Routed,
        chain: |bootstrap| {
            let bootstrap = ai_protocol_manager(bootstrap);
            let message = "header_mutation.v3.HeaderMutation";
            let mutations = json!({"mutations": {"request_mutations": [set_header(FOUND)]}});
            let bootstrap = envoys(bootstrap, "header_mutation", message, mutations);
            let message = "set_filter_state.v3.Config";
            envoys(bootstrap, "set_filter_state", message, clear_route_cache())
        },
    },
    Peer {
        name: "ext_proc-buffered",
        about: "Envoy's ext_proc with a router in Rust behind a Unix socket, whose CPU time counts; `BUFFERED`",
        floor: BUFFER,
        origin: Origin::Router,
        since: (1, 36),
        proof: Proof::Routed,
        chain: |bootstrap| {
            // Where the headers are not sent, they have gone on before the body comes.
            let modes = json!({"request_header_mode": "SEND", "request_body_mode": "BUFFERED"});
            ext_proc(bootstrap, &modes)
        },
    },
    Peer {
        name: "ext_proc-streamed",
        about: "the same with `FULL_DUPLEX_STREAMED`: the router gets the body in pieces and hands it back",
        floor: BUFFER,
        origin: Origin::Router,
        since: (1, 36),
        proof: Proof::Routed,
        chain: |bootstrap| {
            let modes = json!({
                "request_header_mode": "SEND",
                "request_body_mode": "FULL_DUPLEX_STREAMED",
                "request_trailer_mode": "SEND",
            });
            ext_proc(bootstrap, &modes)
        },
    },
    Peer {
        name: BARE,
        about: "a module in C that makes `extract`'s calls and finds nothing: Envoy's part of `extract`",
        floor: BUFFER,
        origin: Origin::Bare,
        // The ABI is that of this release.
        since: (1, 40),
        proof: Proof::Routed,
        chain: |bootstrap| bootstrap.filter(Filter::new(json!({}))),
    },
    Peer {
        name: EXTRACT,
        about: "ours: `extract`",
        floor: BUFFER,
        origin: Origin::Ours,
        since: (1, 36),
        proof: Proof::Routed,
        chain: |bootstrap| bootstrap.filter(extract(&json!({}), &json!({}))),
    },
    Peer {
        name: "extract-streamed",
        about: "ours: `extract` with `bodyMode: streamed`",
        floor: NONE,
        origin: Origin::Ours,
        since: (1, 36),
        proof: Proof::Routed,
        chain: |bootstrap| bootstrap.filter(extract(&streamed(), &json!({}))),
    },
    Peer {
        name: "extract-streamed-first",
        about: "ours: the same with `duplicates: first`",
        floor: NONE,
        origin: Origin::Ours,
        since: (1, 36),
        proof: Proof::Routed,
        chain: |bootstrap| bootstrap.filter(extract(&streamed(), &json!({"duplicates": "first"}))),
    },
    Peer {
        name: "kgateway-config",
        about: "ours with a kgateway policy: `{{ model }}` of the parsed body; chooses no route again",
        floor: BUFFER,
        origin: Origin::Ours,
        since: (1, 36),
        proof: Proof::Header,
        chain: |bootstrap| bootstrap.filter(kgateway()),
    },
    Peer {
        name: "other-module",
        about: "the module of `--module` with the same kgateway policy",
        floor: BUFFER,
        origin: Origin::Other,
        since: (1, 36),
        proof: Proof::Header,
        chain: |bootstrap| bootstrap.filter(kgateway()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_measured_before_what_stands_on_them() {
        for (index, peer) in PEERS.iter().enumerate() {
            let floor = PEERS.iter().position(|other| other.name == peer.floor);
            assert!(floor.unwrap() <= index, "{peer:?} comes before its floor");
        }
    }

    #[test]
    fn the_strongest_are_among_them() {
        for name in STRONGEST {
            assert!(PEERS.iter().any(|peer| peer.name == name), "no {name}");
        }
    }

    #[test]
    fn says_what_a_peer_lacks() {
        let transform = PEERS.iter().find(|peer| peer.name == "transform").unwrap();
        let obstacle = transform.obstacle(EnvoyRelease::OLDEST, false);
        assert_eq!(obstacle.unwrap(), "needs Envoy 1.37");
        assert_eq!(transform.obstacle(EnvoyRelease::DEFAULT, false), None);
        let other = PEERS.last().unwrap();
        let obstacle = other.obstacle(EnvoyRelease::DEFAULT, false);
        assert_eq!(obstacle.unwrap(), "needs --module");
        assert_eq!(other.obstacle(EnvoyRelease::DEFAULT, true), None);
    }
}
