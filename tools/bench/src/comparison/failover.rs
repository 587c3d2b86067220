//! A cluster of two hosts: the second gets what the first fails to answer. Ours gives each attempt the model, the path and
//! the key of its host.

use anyhow::{Context, Result, anyhow, ensure};
use harness::{Bootstrap, Cluster, Request, Route};
use serde_json::{Value, json};

use super::Setup;
use crate::load::Pace;
use crate::peers::{BUFFER_LIMIT, NONE};
use crate::processors::Processors;
use crate::stage::Stage;
use crate::upstream::Upstream;

const FAILOVER: &str = "failover";

/// The bodies, in bytes.
const SIZES: [usize; 3] = [368, 10 << 10, 200 << 10];

/// What the host that works answers. The model is what it calls it.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 94\r\n\r\n\
    {\"model\":\"second-model\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"It is done.\"}}]}\n";

const FAILURE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno";

/// The hosts.
pub(super) struct Backends {
    works: Upstream,
    fails: Upstream,
}

/// What the first host does.
#[derive(Clone, Copy)]
enum First {
    Answers,
    Fails,
}

impl First {
    fn setting(self) -> &'static str {
        match self {
            Self::Answers => "the first host answers",
            Self::Fails => "the first host answers 503",
        }
    }
}

impl Backends {
    pub(super) fn start(processors: Processors) -> Result<Self> {
        Ok(Self {
            works: Upstream::start(processors, ANSWER)?,
            fails: Upstream::start(processors, FAILURE)?,
        })
    }

    /// Without our filter and with it, for each body and either first host.
    pub(super) fn setups<'s>(&self, stage: &'s Stage, wanted: &[usize]) -> Vec<Setup<'s>> {
        let mut setups = Vec::new();
        for size in SIZES.into_iter().filter(|size| wanted.contains(size)) {
            for first in [First::Answers, First::Fails] {
                for peer in [NONE, FAILOVER] {
                    setups.push(Setup {
                        setting: first.setting().to_owned(),
                        peer,
                        body_bytes: size,
                        bootstrap: self.bootstrap(first, peer),
                        module: (peer == FAILOVER).then_some(&stage.ours),
                        workers: 1,
                        pace: Pace::Saturated,
                        protocol: None,
                    });
                }
            }
        }
        setups
    }

    /// Sees that the second attempt gets what is its host's, and that the client gets the model it asked for.
    ///
    /// # Errors
    /// It is not so, or the module complains about its configuration.
    pub(super) fn try_once(&self, stage: &Stage) -> Result<()> {
        let bootstrap = self.bootstrap(First::Fails, FAILOVER);
        let running = stage.launch(&bootstrap, Some(&stage.ours))?;
        let body = json!({"model": "asked", "messages": []});
        let answer = running.ask(Request::post("/v1/chat/completions").json(&body))?;
        let answer = answer.expect_status(200)?.text();
        ensure!(answer.contains(r#""model":"asked""#), "failover: {answer}");
        let arrival = self.works.last().context("failover: nothing arrived")?;
        let (path, key) = (arrival.path(), arrival.field("authorization"));
        ensure!(
            (path, key) == (Some("/second/v1/chat/completions"), Some("Bearer second")),
            "failover: the second host got {path:?} and {key:?}"
        );
        match running.complaint() {
            Some(line) => Err(anyhow!("failover: {line}")),
            None => Ok(()),
        }
    }

    fn bootstrap(&self, first: First, peer: &str) -> Bootstrap {
        let first = match first {
            First::Answers => &self.works,
            First::Fails => &self.fails,
        };
        let hosts = [("first", first), ("second", &self.works)];
        let endpoints = hosts.iter().zip(0..).map(|((name, upstream), priority)| {
            let address = upstream.address();
            json!({"priority": priority, "lb_endpoints": [{
                "endpoint": {"address": {"socket_address": {
                    "address": address.ip().to_string(),
                    "port_value": address.port(),
                }}},
                "metadata": {"filter_metadata": {"llm": {
                    "model": format!("{name}-model"),
                    "prefix": format!("/{name}"),
                    "key": name,
                }}},
            }]})
        });
        let assignment = json!({
            "cluster_name": "llm",
            "endpoints": endpoints.collect::<Vec<_>>(),
        });
        let cluster = Cluster::new("llm", self.works.address())
            .field("load_assignment", assignment)
            // Eight at a time are more than the three that a cluster allows by default.
            .field(
                "circuit_breakers",
                json!({"thresholds": [{"max_retries": 100}]}),
            );
        let cluster = match peer {
            FAILOVER => cluster.filter(of_each_attempt()),
            _ => cluster,
        };
        let retry = json!({
            "retry_on": "5xx",
            "num_retries": 1,
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
            // What is measured is the work, not the pause that Envoy makes before it.
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.001s"},
        });
        Bootstrap::new()
            .buffer_limit(BUFFER_LIMIT)
            .add_cluster(cluster)
            .route(Route::to("llm").action("retry_policy", retry))
    }
}

/// As `docs/failover.md` has it.
fn of_each_attempt() -> Value {
    let host = |key: &str| format!("xds.upstream_host_metadata.filter_metadata['llm'].{key}");
    json!({
        "request": {
            "extract": [{"name": "asked", "from": [{"json": "/model"}]}],
            "patch": [{"replace": "/model", "cel": host("model")}],
            "set": [
                {"name": ":path", "cel": format!("{} + request.pathAndQuery", host("prefix"))},
                {"name": "authorization", "cel": format!("'Bearer ' + {}", host("key"))},
            ],
        },
        "response": {"patch": [{"replace": "/model", "value": "{{ extracted.asked }}"}]},
    })
}

#[cfg(test)]
mod tests {
    use super::ANSWER;
    use crate::wire::Message;

    #[test]
    fn the_answer_has_the_length_that_it_announces() {
        let mut message = Message::default();
        assert!(message.feed(ANSWER).unwrap());
    }
}
