//! A call of an API, and how it has to arrive.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use harness::{Envoy, Protocol, Request, Response, Upstream};
use serde_json::Value;

use crate::configs;
use crate::stage::{Stage, only, same};

pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
pub(super) const MODEL: &str = "x-gateway-model-name";
pub(super) const TEXT: &str = "text";
pub(super) const AUDIO: &str = "audio";

/// The gateway before its two clusters.
pub(super) struct Gateway {
    pub(super) envoy: Arc<Envoy>,
    pub(super) address: SocketAddr,
    pub(super) text: Upstream,
    pub(super) audio: Upstream,
}

impl Gateway {
    pub(super) async fn start(stage: &Stage) -> Result<Self> {
        Self::with(stage, Upstream::mock_llm(TEXT).await?).await
    }

    pub(super) async fn with(stage: &Stage, text: Upstream) -> Result<Self> {
        let audio = Upstream::mock_llm(AUDIO).await?;
        let upstreams = [(9001, &text), (9002, &audio)];
        let envoy = configs::start(stage, "unified-endpoint.yaml", &upstreams).await?;
        Ok(Self {
            address: envoy.address().await?,
            envoy,
            text,
            audio,
        })
    }

    fn cluster(&self, name: &str) -> &Upstream {
        if name == AUDIO {
            &self.audio
        } else {
            &self.text
        }
    }
}

/// A call of an API.
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Vec<u8>,
    /// The model that it names.
    pub(super) model: Option<&'static str>,
    pub(super) cluster: &'static str,
    /// What its answer holds.
    pub(super) answer: &'static str,
}

impl Call {
    pub(super) fn post(path: &'static str, body: &Value, answer: &'static str) -> Self {
        Self {
            method: "POST",
            path,
            content_type: Some("application/json"),
            body: body.to_string().into_bytes(),
            model: None,
            cluster: TEXT,
            answer,
        }
    }

    pub(super) fn get(path: &'static str, answer: &'static str) -> Self {
        Self::bare("GET", path, answer)
    }

    pub(super) fn bare(method: &'static str, path: &'static str, answer: &'static str) -> Self {
        Self {
            method,
            content_type: None,
            body: Vec::new(),
            ..Self::post(path, &Value::Null, answer)
        }
    }

    pub(super) fn form(path: &'static str, parts: &[(&str, &str)], answer: &'static str) -> Self {
        let mut body = String::new();
        for (head, value) in parts {
            body +=
                &format!("--b\r\nContent-Disposition: form-data; name={head}\r\n\r\n{value}\r\n");
        }
        Self {
            content_type: Some("multipart/form-data; boundary=b"),
            body: (body + "--b--\r\n").into_bytes(),
            ..Self::post(path, &Value::Null, answer)
        }
    }

    pub(super) fn of(mut self, model: &'static str) -> Self {
        self.model = Some(model);
        self
    }

    pub(super) fn by(mut self, cluster: &'static str) -> Self {
        self.cluster = cluster;
        self
    }

    fn request(&self, protocol: Protocol) -> Request {
        let request = Request::new(self.method, self.path)
            .by(protocol)
            .header(MODEL, "whisper-forged");
        match self.content_type {
            Some(content_type) => request
                .header("content-type", content_type)
                .body(self.body.clone()),
            None => request,
        }
    }

    async fn play(&self, gateway: &Gateway) -> Result<()> {
        let Self { method, path, .. } = self;
        let what = format!("{method} {path}");
        for protocol in PROTOCOLS {
            let response = self.request(protocol).send(gateway.address).await?;
            let response = response.expect_status(200)?;
            same(&what, served_by(&response)?.as_str(), self.cluster)?;
            ensure!(
                response.text().contains(self.answer),
                "{what}: the answer is {:?}",
                response.text()
            );
            let seen = gateway.cluster(self.cluster).request().await?;
            same(&what, seen.method.as_str(), self.method)?;
            same(&what, seen.path.as_str(), self.path)?;
            same(&what, seen.headers.value(MODEL).as_deref(), self.model)?;
            ensure!(seen.body() == self.body, "{what}: the body has changed");
        }
        Ok(())
    }
}

fn served_by(response: &Response) -> Result<String> {
    only(&response.headers, "x-served-by")
}

/// Makes the calls, each by both protocols.
pub(super) async fn play(stage: &Stage, calls: &[Call]) -> Result<()> {
    let gateway = Gateway::start(stage).await?;
    for call in calls {
        call.play(&gateway).await?;
    }
    Ok(())
}
