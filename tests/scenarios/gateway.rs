//! The gateway most scenarios talk to: a route for one model, and a fallback for everything else.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use harness::{Bootstrap, Envoy, Filter, RecordedRequest, Request, Response, Route, Upstream};

use crate::stage::{Stage, only, same};

/// The routing header of every scenario.
pub(crate) const MODEL: &str = "x-gateway-model-name";

/// An Envoy with the module and the two upstreams behind it.
pub(crate) struct Gateway {
    pub(crate) envoy: Arc<Envoy>,
    pub(crate) address: SocketAddr,
    /// Gets requests whose routing header says `gpt-4o`.
    pub(crate) routed: Upstream,
    /// Gets all others.
    pub(crate) fallback: Upstream,
}

impl Gateway {
    /// A gateway whose filter has this configuration.
    pub(crate) async fn start(stage: &Stage, filter: impl Into<Filter>) -> Result<Self> {
        Self::start_with(stage, Bootstrap::new().filter(filter)).await
    }

    /// A gateway with more than a filter; routes and clusters are added to the bootstrap.
    pub(crate) async fn start_with(stage: &Stage, bootstrap: Bootstrap) -> Result<Self> {
        let (routed, fallback) = (
            Upstream::named("routed").await?,
            Upstream::named("fallback").await?,
        );
        let bootstrap = bootstrap
            .cluster("routed", routed.address())
            .cluster("fallback", fallback.address())
            .route(Route::to("routed").header(MODEL, "gpt-4o"))
            .route(Route::to("fallback"));
        let envoy = stage.envoy(&bootstrap).await?;
        let address = envoy.address().await?;
        Ok(Self {
            envoy,
            address,
            routed,
            fallback,
        })
    }

    /// Sends a request that an upstream answers, and returns what the upstream saw.
    pub(crate) async fn forward(&self, request: Request) -> Result<(Response, RecordedRequest)> {
        let response = request.send(self.address).await?.expect_status(200)?;
        let seen = match only(&response.headers, "x-served-by")?.as_str() {
            "routed" => self.routed.request().await?,
            _ => self.fallback.request().await?,
        };
        Ok((response, seen))
    }

    /// Checks where a request goes: to the model's route with the header, or to the fallback.
    pub(crate) async fn check_model(
        &self,
        what: &str,
        request: Request,
        model: Option<&str>,
    ) -> Result<()> {
        let expected = if model == Some("gpt-4o") {
            "routed"
        } else {
            "fallback"
        };
        let (response, seen) = self.forward(request).await?;
        same(
            what,
            only(&response.headers, "x-served-by")?.as_str(),
            expected,
        )?;
        same(what, seen.headers.value(MODEL).as_deref(), model)
    }

    /// Checks that the proxy still does its work.
    pub(crate) async fn check_alive(&self) -> Result<()> {
        let request = Request::post("/").body(r#"{"model":"gpt-4o"}"#);
        self.check_model("the next request", request, Some("gpt-4o"))
            .await
    }
}
