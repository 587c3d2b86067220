//! What is compared: ways to take `model` out of a body, and the two floors below them.

use std::fmt;

use harness::{Bootstrap, EnvoyRelease, Filter, FilterConfig};
use serde_json::{Value, json};

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
}

/// How a peer shows that it found the model.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// It need not.
    Nothing,
    /// The upstream sees the routing header.
    Header,
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
        proof: Proof::Header,
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
        proof: Proof::Header,
        chain: |bootstrap| {
            let message = "transform.v3.TransformConfig";
            envoys(bootstrap, "transform", message, transform())
        },
    },
    Peer {
        name: BARE,
        about: "a module in C that makes `extract`'s calls and finds nothing: Envoy's part of `extract`",
        floor: BUFFER,
        origin: Origin::Bare,
        // The ABI is that of this release.
        since: (1, 40),
        proof: Proof::Header,
        chain: |bootstrap| bootstrap.filter(Filter::new(json!({}))),
    },
    Peer {
        name: EXTRACT,
        about: "ours: `extract`",
        floor: BUFFER,
        origin: Origin::Ours,
        since: (1, 36),
        proof: Proof::Header,
        chain: |bootstrap| bootstrap.filter(extract(&json!({}), &json!({}))),
    },
    Peer {
        name: "extract-streamed",
        about: "ours: `extract` with `bodyMode: streamed`",
        floor: NONE,
        origin: Origin::Ours,
        since: (1, 36),
        proof: Proof::Header,
        chain: |bootstrap| bootstrap.filter(extract(&streamed(), &json!({}))),
    },
    Peer {
        name: "extract-streamed-first",
        about: "ours: the same with `duplicates: first`",
        floor: NONE,
        origin: Origin::Ours,
        since: (1, 36),
        proof: Proof::Header,
        chain: |bootstrap| bootstrap.filter(extract(&streamed(), &json!({"duplicates": "first"}))),
    },
    Peer {
        name: "kgateway-config",
        about: "ours with a kgateway policy: `{{ model }}` of the parsed body",
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

pub(super) fn envoys(
    bootstrap: Bootstrap,
    name: &str,
    message: &str,
    mut config: Value,
) -> Bootstrap {
    let url = format!("type.googleapis.com/envoy.extensions.filters.http.{message}");
    if let Some(fields) = config.as_object_mut() {
        fields.insert("@type".to_owned(), url.into());
    }
    bootstrap.http_filter(&format!("envoy.filters.http.{name}"), &config)
}

fn buffer() -> Value {
    json!({"max_request_bytes": BUFFER_LIMIT})
}

fn lua() -> Value {
    let code = format!(
        r#"
function envoy_on_request(handle)
  local body = handle:body()
  if not body then return end
  local model = body:getBytes(0, body:length()):match('"model"%s*:%s*"([^"]*)"')
  if model then
    handle:headers():replace("{HEADER}", model)
    handle:clearRouteCache()
  end
end
"#
    );
    json!({"default_source_code": {"inline_string": code}})
}

fn json_to_metadata() -> Value {
    json!({"request_rules": {"rules": [{
        "selectors": [{"key": "model"}],
        "on_present": {"metadata_namespace": "bench", "key": "model"},
    }]}})
}

fn transform() -> Value {
    json!({
        "clear_route_cache": true,
        "request_transformation": {"headers_mutations": [{"append": {
            "header": {"key": HEADER, "value": "%REQUEST_BODY(model)%"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }}]},
    })
}

/// Our filter, with further keys for the pass and for the field.
fn extract(pass: &Value, field: &Value) -> Filter {
    let mut field = field.clone();
    merge(
        &mut field,
        &json!({"from": [{"json": "/model"}], "header": HEADER}),
    );
    let mut request = pass.clone();
    merge(&mut request, &json!({"extract": [field]}));
    Filter::new(json!({"request": request}))
}

fn streamed() -> Value {
    json!({"bodyMode": "streamed"})
}

/// As a kgateway policy says it, in the form kgateway sends.
fn kgateway() -> Filter {
    let set = json!([{"name": HEADER, "value": "{{ model }}"}]);
    let config = json!({"request": {"body": {"parseAs": "AsJson"}, "set": set}});
    Filter::new(FilterConfig::from(config))
}

fn merge(into: &mut Value, fields: &Value) {
    if let (Some(into), Some(fields)) = (into.as_object_mut(), fields.as_object()) {
        into.extend(fields.clone());
    }
}

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
