//! What is compared: ways to read an answer's usage or to edit it, and no filter below them.

use std::fmt;

use harness::{Bootstrap, EnvoyRelease, Route};
use serde_json::{Value, json};

use super::body::Kind;
use super::proof::Proof;
use crate::peers::{Origin, envoys};

/// No filter at all: what all others are counted from.
pub(super) const NONE: &str = "none";

const AI_PROTOCOL_MANAGER: &str = "envoy.filters.http.ai_protocol_manager";

/// One way.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    /// What tables and `--only` call it.
    pub(super) name: &'static str,
    /// What it is, in a few words.
    pub(super) about: &'static str,
    /// Whose it is: Envoy's or ours.
    pub(super) origin: Origin,
    /// The first series of Envoy that has it.
    pub(super) since: (u16, u16),
    /// The kinds of answers that it is for, each with what it may cost over no filter, in microseconds.
    pub(super) answers: &'static [(Kind, Option<f64>)],
    /// How to know that it works.
    pub(super) proof: Proof,
    chain: fn(Bootstrap) -> Bootstrap,
}

impl Peer {
    /// Puts its filter into the chain, and a route behind it.
    pub(super) fn add_to(&self, bootstrap: Bootstrap) -> Bootstrap {
        (self.chain)(bootstrap).route(self.route())
    }

    fn route(&self) -> Route {
        // An endless stream takes longer than the 15 s that a route has by default.
        let route = Route::to("upstream").action("timeout", json!("0s"));
        if self.name != "ai_protocol_manager" {
            return route;
        }
        let declared = json!({AI_PROTOCOL_MANAGER: {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ai_protocol_manager.v3.AiProtocolManagerPerRoute",
            "request": {"llm_protocol": "OPENAI_CHAT_COMPLETIONS"},
        }});
        route.field("typed_per_filter_config", declared)
    }

    /// Why it cannot run here, if it cannot.
    pub(super) fn obstacle(&self, release: EnvoyRelease) -> Option<String> {
        let (major, minor) = self.since;
        (!release.at_least(major, minor)).then(|| format!("needs Envoy {major}.{minor}"))
    }

    /// What it may cost over no filter, in microseconds, if that was ever set.
    pub(super) fn budget(&self, kind: Kind) -> Option<f64> {
        let mut answers = self.answers.iter();
        answers.find(|(for_kind, _)| *for_kind == kind)?.1
    }

    pub(super) fn is_for(&self, kind: Kind) -> bool {
        self.answers.iter().any(|(for_kind, _)| *for_kind == kind)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// No filter first: what follows is counted from it.
pub(super) const PEERS: &[Peer] = &[
    Peer {
        name: NONE,
        about: "no filter",
        origin: Origin::Envoy,
        since: (1, 0),
        answers: &[(Kind::Stream, None), (Kind::Json, None)],
        proof: Proof::Nothing,
        chain: |bootstrap| bootstrap,
    },
    Peer {
        name: "sse_to_metadata",
        about: "Envoy's SSE-To-Metadata filter: `total_tokens` as a number",
        origin: Origin::Envoy,
        since: (1, 38),
        answers: &[(Kind::Stream, None)],
        proof: Proof::Logged,
        chain: |bootstrap| {
            let message = "sse_to_metadata.v3.SseToMetadata";
            envoys(bootstrap, "sse_to_metadata", message, sse_to_metadata())
        },
    },
    Peer {
        name: "json_to_metadata",
        about: "Envoy's JSON-To-Metadata filter: `total_tokens` as a number",
        origin: Origin::Envoy,
        since: (1, 0),
        answers: &[(Kind::Json, None)],
        proof: Proof::Logged,
        chain: |bootstrap| {
            let message = "json_to_metadata.v3.JsonToMetadata";
            envoys(bootstrap, "json_to_metadata", message, json_to_metadata())
        },
    },
    Peer {
        name: "ai_protocol_manager",
        about: "Envoy's AI Protocol Manager: token usage",
        origin: Origin::Envoy,
        since: (1, 40),
        answers: &[(Kind::Stream, None), (Kind::Json, None)],
        proof: Proof::Stat("ai_protocol_manager.token_usage_found"),
        chain: |bootstrap| {
            let message = "ai_protocol_manager.v3.AiProtocolManager";
            envoys(
                bootstrap,
                "ai_protocol_manager",
                message,
                ai_protocol_manager(),
            )
        },
    },
    Peer {
        name: "lua",
        about: "Envoy's Lua filter: finds `total_tokens` in the chunks as they pass",
        origin: Origin::Envoy,
        since: (1, 0),
        answers: &[(Kind::Stream, None), (Kind::Json, None)],
        proof: Proof::Logged,
        chain: |bootstrap| envoys(bootstrap, "lua", "lua.v3.Lua", lua()),
    },
    Peer {
        name: "set",
        about: "ours: `set` of one header, the events untouched",
        origin: Origin::Ours,
        since: (1, 36),
        answers: &[(Kind::Stream, None)],
        proof: Proof::Header("x-gateway"),
        chain: |bootstrap| {
            let set = json!([{"name": "x-gateway", "value": "rustformations"}]);
            bootstrap.filter(json!({"response": {"set": set}}))
        },
    },
    Peer {
        name: "usage",
        about: "ours: `extract` with `usage: total`",
        origin: Origin::Ours,
        since: (1, 36),
        // Of a whole answer, as much as of a whole request.
        answers: &[(Kind::Stream, Some(20.0)), (Kind::Json, Some(35.0))],
        proof: Proof::Logged,
        chain: |bootstrap| bootstrap.filter(json!({"response": {"extract": [usage()]}})),
    },
    Peer {
        name: "patch",
        about: "ours: `patch` gives the model another name in each event",
        origin: Origin::Ours,
        since: (1, 36),
        answers: &[(Kind::Stream, Some(80.0))],
        proof: Proof::EachEvent(r#""model":"fast""#),
        chain: |bootstrap| {
            let patch = json!([{"replace": "/model", "value": "fast"}]);
            bootstrap.filter(json!({"response": {"patch": patch}}))
        },
    },
    Peer {
        name: "patch-cel",
        about: "ours: the same with an expression about the event",
        origin: Origin::Ours,
        since: (1, 36),
        answers: &[(Kind::Stream, Some(250.0))],
        proof: Proof::EachEvent(r#""model":"fast/gpt-4o"#),
        chain: |bootstrap| {
            let patch = json!([{"replace": "/model", "cel": "'fast/' + document.model"}]);
            bootstrap.filter(json!({"response": {"patch": patch}}))
        },
    },
];

fn selectors() -> Value {
    json!([{"key": "usage"}, {"key": "total_tokens"}])
}

fn as_number() -> Value {
    json!({"metadata_namespace": "bench", "key": "total_tokens", "type": "NUMBER"})
}

fn sse_to_metadata() -> Value {
    json!({"response_rules": {"content_parser": {
        "name": "envoy.content_parsers.json",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.content_parsers.json.v3.JsonContentParser",
            "rules": [{"rule": {"selectors": selectors(), "on_present": as_number()}}],
        },
    }}})
}

fn json_to_metadata() -> Value {
    json!({"response_rules": {"rules": [{"selectors": selectors(), "on_present": as_number()}]}})
}

fn ai_protocol_manager() -> Value {
    json!({"response_handling": {"token_usage": {"include_unconfigured_routes": true}}})
}

/// What ends a chunk may be the start of what is looked for: as much is kept for the next.
fn lua() -> Value {
    let code = r#"
function envoy_on_response(handle)
  local tail, total = "", nil
  for chunk in handle:bodyChunks() do
    local text = tail .. chunk:getBytes(0, chunk:length())
    local from = text:find('"total_tokens"', 1, true)
    if from then
      total = text:match('^"total_tokens"%s*:%s*(%d+)%D', from) or total
    end
    tail = text:sub(-40)
  end
  if total then
    handle:streamInfo():dynamicMetadata():set("bench", "total_tokens", tonumber(total))
  end
end
"#;
    json!({"default_source_code": {"inline_string": code}})
}

fn usage() -> Value {
    json!({
        "name": "total_tokens",
        "from": [{"usage": "total"}],
        "metadata": {"namespace": "bench", "key": "total_tokens"},
    })
}
