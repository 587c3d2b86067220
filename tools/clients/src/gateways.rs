//! The gateways that the SDKs call, and the mock LLMs behind them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use harness::{Envoy, EnvoyRelease, Example, Launch, Module, Upstream};
use serde_json::{Value, json};

use crate::trial::Place;

/// What the mocks leave between two events of a stream.
const PAUSE: Duration = Duration::from_millis(150);

/// A mock, by the name that it answers with.
type Mock = (&'static str, Upstream);

/// Everything that listens.
pub(super) struct Gateways {
    direct: [Mock; 1],
    unified: (Envoy, [Mock; 2]),
    llm: (Envoy, [Mock; 3]),
    addresses: Value,
    envoys: [SocketAddr; 2],
}

impl Gateways {
    /// Starts them all.
    ///
    /// # Errors
    /// An Envoy does not start.
    pub(super) async fn start(release: EnvoyRelease, module: &Module) -> Result<Self> {
        let direct = [mock("direct").await?];
        let behind_unified = [mock("text").await?, mock("audio").await?];
        let behind_llm = [
            mock("hosted").await?,
            mock("second").await?,
            mock("local").await?,
        ];
        let unified = gateway(release, module, "unified-endpoint.yaml", &behind_unified).await?;
        let llm = gateway(release, module, "llm-gateway.yaml", &behind_llm).await?;
        let [(_, without)] = &direct;
        let envoys = [unified.address().await?, llm.address().await?];
        let addresses = json!({
            "direct": format!("http://{}", without.address()),
            "unified": format!("http://{}", envoys[0]),
            "llm": format!("http://{}", envoys[1]),
            "pause_ms": PAUSE.as_millis(),
        });
        Ok(Self {
            direct,
            unified: (unified, behind_unified),
            llm: (llm, behind_llm),
            addresses,
            envoys,
        })
    }

    /// What a program of `sdks/` has to know, as JSON.
    pub(super) fn addresses(&self) -> String {
        self.addresses.to_string()
    }

    /// Where both Envoys listen, `unified-endpoint.yaml` first.
    pub(super) fn envoys(&self) -> [SocketAddr; 2] {
        self.envoys
    }

    /// The mocks at a place.
    pub(super) fn mocks(&self, place: Place) -> &[Mock] {
        match place {
            Place::Direct => &self.direct,
            Place::Unified => &self.unified.1,
            Place::Llm => &self.llm.1,
        }
    }

    /// Whether no Envoy has ended.
    pub(super) fn are_alive(&self) -> bool {
        self.unified.0.is_alive() && self.llm.0.is_alive()
    }
}

async fn mock(name: &'static str) -> Result<Mock> {
    Ok((name, Upstream::mock_llm_with_pauses(name, PAUSE).await?))
}

/// An Envoy with a file of `envoy-configs/`, its clusters at 9001 and the ports behind it.
async fn gateway(
    release: EnvoyRelease,
    module: &Module,
    file: &str,
    mocks: &[Mock],
) -> Result<Envoy> {
    let ports = (9001..).zip(mocks.iter().map(|(_, mock)| mock.address()));
    let bootstrap = Example::load(file)?.bootstrap(&ports.collect::<Vec<_>>())?;
    let launch = Launch::new(release, bootstrap).module(module);
    let launch = launch.env("HOSTED_API_KEY", "hosted");
    launch.env("SECOND_API_KEY", "second").start().await
}
