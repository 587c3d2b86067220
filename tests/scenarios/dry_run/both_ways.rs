//! One exchange, dry and on a real Envoy.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use cases::{Body, Message};
use harness::{
    Answer, Bootstrap, Envoy, Example, Headers, RecordedRequest, Request, Response, Upstream,
};
use rustformations_cli::File;
use rustformations_cli::dry_run::{Course, Exchange, NoChoice, Received, Sent};
use rustformations_cli::input::curl;
use serde_json::{Value, json};
use transformations::Engine;

use crate::stage::{Stage, same};

/// What every upstream answers.
const ANSWER: &str = r#"{"id":"1","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

/// What Envoy adds to a request by itself.
const ON_THE_WAY: [&str; 6] = [
    "host",
    "transfer-encoding",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "x-forwarded-proto",
    "x-request-id",
];

/// What Envoy and the upstream add to an answer by themselves.
const ON_THE_WAY_BACK: [&str; 5] = [
    "connection",
    "date",
    "server",
    "transfer-encoding",
    "x-envoy-upstream-service-time",
];

/// A file of Envoy's with the upstreams that its ports stand for.
pub(super) struct BothWays {
    course: Course,
    /// Runs as long as this.
    _envoy: Arc<Envoy>,
    address: SocketAddr,
    upstreams: Vec<(u16, Upstream)>,
}

/// How an exchange ended, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// An upstream answered.
    Upstream,
    /// The module or Envoy's route did.
    Gateway,
}

impl BothWays {
    /// Starts an Envoy with these virtual hosts, a filter that shows that it ran, and the cluster `upstream`.
    pub(super) async fn with_routes(stage: &Stage, name: &str, hosts: Value) -> Result<Self> {
        let upstream = upstream().await?;
        let bootstrap = Bootstrap::new()
            .filter(json!({"request": {"set": [{"name": "x-seen", "value": "yes"}]}}))
            .cluster("upstream", upstream.address());
        let mut bootstrap = bootstrap.build(stage.release);
        let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        let own = bootstrap.pointer_mut(&format!("{manager}/route_config/virtual_hosts"));
        *own.context("no virtual hosts")? = hosts;
        let upstreams = vec![(upstream.address().port(), upstream)];
        Self::of(stage, name, &bootstrap.to_string(), bootstrap, upstreams).await
    }

    /// Starts an Envoy with an upstream at each of these ports, beside other services of the file.
    pub(super) async fn start(
        stage: &Stage,
        path: &Path,
        ports: &[u16],
        services: &[(u16, SocketAddr)],
    ) -> Result<Self> {
        // A variable that this process has, too.
        let with_keys = |text: String| {
            ["FIRST_API_KEY", "SECOND_API_KEY", "HOSTED_API_KEY"]
                .iter()
                .fold(text, |text, key| {
                    text.replace(&format!("env.{key}"), "env.PATH")
                })
        };
        let mut upstreams = Vec::new();
        for port in ports {
            upstreams.push((*port, upstream().await?));
        }
        let addresses = upstreams.iter();
        let addresses = addresses.map(|(port, upstream)| (*port, upstream.address()));
        let addresses: Vec<_> = addresses.chain(services.iter().copied()).collect();
        let bootstrap = Example::at(path)?.bootstrap(&addresses)?;
        let bootstrap = serde_json::from_str(&with_keys(bootstrap.to_string()))?;
        let text = with_keys(std::fs::read_to_string(path)?);
        let name = path.display().to_string();
        Self::of(stage, &name, &text, bootstrap, upstreams).await
    }

    /// Reads the course of the file, and starts an Envoy with what it becomes here.
    async fn of(
        stage: &Stage,
        name: &str,
        text: &str,
        bootstrap: Value,
        upstreams: Vec<(u16, Upstream)>,
    ) -> Result<Self> {
        let course = Course::of(&Engine::default(), File::named(name, text), None);
        let course = course.map_err(|none| match none {
            NoChoice::Refused(findings) => anyhow::anyhow!("refused: {findings:?}"),
            NoChoice::Unclear(why) => anyhow::anyhow!(why),
        })?;
        let envoy = stage.start(stage.launch(bootstrap)).await?;
        Ok(Self {
            course,
            address: envoy.address().await?,
            _envoy: envoy,
            upstreams,
        })
    }

    /// Plays a call of curl both ways.
    pub(super) async fn play(&self, call: &[&str]) -> Result<(End, Exchange)> {
        let dry = self.dry(call)?;
        let before = self.counts();
        let response = sent(&message(call)?).send(self.address).await?;
        let reached = self.reached(&before)?;
        let answer = dry.answer.as_ref().context("no answer in the dry run")?;
        answered(&response, answer)?;
        match (&dry.upstream, reached) {
            (None, None) => Ok((End::Gateway, dry)),
            (Some(dry_sent), Some((port, reached))) => {
                same("host", format!("127.0.0.1:{port}"), dry_sent.host.as_str())?;
                arrived(&reached, dry_sent)?;
                Ok((End::Upstream, dry))
            }
            (dry, reached) => {
                let reached = reached.map(|(port, _)| port);
                anyhow::bail!("{reached:?} was reached, and dry {dry:?}")
            }
        }
    }

    /// Plays a call of curl dry.
    pub(super) fn dry(&self, call: &[&str]) -> Result<Exchange> {
        let fields = [
            (":status", "200".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("content-length", ANSWER.len().to_string()),
        ];
        let answer = Message {
            fields: fields
                .map(|(name, value)| (name.to_owned(), value.into_bytes()))
                .into(),
            body: Body::Whole(ANSWER.as_bytes().to_vec()),
            ..Message::default()
        };
        Ok(self.course.play(message(call)?, Some(answer)))
    }

    fn counts(&self) -> Vec<usize> {
        let upstreams = self.upstreams.iter();
        upstreams
            .map(|(_, upstream)| upstream.requests().len())
            .collect()
    }

    /// The only upstream that has got a request since.
    fn reached(&self, before: &[usize]) -> Result<Option<(u16, RecordedRequest)>> {
        let mut reached = Vec::new();
        for ((port, upstream), before) in self.upstreams.iter().zip(before) {
            let requests = upstream.requests().into_iter().skip(*before);
            // What Envoy mirrors, by chance.
            let requests = requests.filter(|request| !request.authority.ends_with("-shadow"));
            reached.extend(requests.map(|request| (*port, request)));
        }
        ensure!(reached.len() <= 1, "it reached {} upstreams", reached.len());
        Ok(reached.pop())
    }
}

/// An upstream that answers [`ANSWER`].
pub(super) async fn upstream() -> Result<Upstream> {
    let answer = Answer::body(ANSWER).header("content-type", "application/json");
    Upstream::answering(answer).await
}

/// Compares what an upstream got with the dry request: every header, and the body.
fn arrived(reached: &RecordedRequest, dry: &Sent) -> Result<()> {
    for (name, value) in [
        (":path", &reached.path),
        (":authority", &reached.authority),
        (":method", &reached.method),
    ] {
        same(name, value.as_str(), joined(&dry.headers, name).as_str())?;
    }
    headers(&reached.headers, &dry.headers, &ON_THE_WAY)?;
    same("body", reached.text(), dry.body.as_str())
}

/// Compares the answer that the client has with the dry one.
fn answered(response: &Response, dry: &Received) -> Result<()> {
    let status = joined(&dry.headers, ":status");
    same("status", response.status.to_string(), status)?;
    headers(&response.headers, &dry.headers, &ON_THE_WAY_BACK).context("the answer")?;
    same("body of the answer", response.text(), dry.body.as_str())
}

/// Compares headers, but for those that only a real message has.
fn headers(real: &Headers, dry: &[(String, String)], only_real: &[&str]) -> Result<()> {
    let real_names = real.iter().map(|(name, _)| name.to_owned());
    let dry_names = dry.iter().map(|(name, _)| name.clone());
    let mut names: Vec<String> = real_names.chain(dry_names).collect();
    names.retain(|name| !name.starts_with(':') && !only_real.contains(&name.as_str()));
    names.sort_unstable();
    names.dedup();
    for name in names {
        let real = real.values(&name).join(", ");
        let dry = joined(dry, &name);
        // HTTP/1 has it of an answer that has no body.
        if name == "content-length" && real == "0" && dry.is_empty() {
            continue;
        }
        // On its way a value loses the space at its end, and Envoy 1.36 joins values without one.
        let real = real.replace(", ", ",");
        let dry = dry.replace(", ", ",");
        same(&format!("header `{name}`"), real.as_str(), dry.trim())?;
    }
    Ok(())
}

fn joined(headers: &[(String, String)], name: &str) -> String {
    let named = headers.iter().filter(|(other, _)| other == name);
    let values: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
    values.join(", ")
}

/// The request of a call of curl.
fn message(call: &[&str]) -> Result<Message> {
    let arguments: Vec<String> = call.iter().map(|argument| (*argument).to_owned()).collect();
    curl::request(&arguments)
}

/// The request as the client sends it.
fn sent(message: &Message) -> Request {
    let part = |name| message.field(name).unwrap_or_default();
    let mut request = Request::new(&part(":method"), &part(":path"));
    request = request.header("host", part(":authority"));
    for (name, value) in &message.fields {
        if !name.starts_with(':') && name != "content-length" {
            request = request.header(name.clone(), String::from_utf8_lossy(value).into_owned());
        }
    }
    match &message.body {
        Body::None => request,
        body => request.body(body.bytes()),
    }
}
