//! Streamed requests that an authorization service judges by their body: it is shown all of it, or told that it is not.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Answer, Bootstrap, Filter, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use super::together::Together;
use crate::gateway::MODEL;
use crate::stage::{Stage, same};

const PATIENCE: Duration = Duration::from_secs(10);

const AUTHORIZATION: &str = "authorization";

/// So much of a body the service is shown.
const SHOWN: usize = 8192;

/// How long the first piece is: below half of what is shown, above it, and above all of it.
const FIRST: [usize; 5] = [30, 4000, 4096, 8000, 40_000];

/// How many pieces follow, of so many bytes.
const REST: (usize, usize) = (2, 500);

/// A message that a chain gets.
#[derive(Clone, Copy, Debug)]
struct Case {
    chain: &'static str,
    protocol: Protocol,
    first: usize,
    announced: bool,
    trailers: bool,
}

impl Case {
    fn all(chain: &'static str) -> Vec<Self> {
        let mut cases = Vec::new();
        for protocol in [Protocol::Http1, Protocol::Http2] {
            for first in FIRST {
                for (announced, trailers) in [(false, false), (true, false), (false, true)] {
                    cases.push(Self {
                        chain,
                        protocol,
                        first,
                        announced,
                        trailers,
                    });
                }
            }
        }
        cases
    }

    fn path(self) -> String {
        let Self {
            chain,
            protocol,
            first,
            announced,
            trailers,
        } = self;
        format!("/{chain}/{protocol:?}/{first}/{announced}/{trailers}")
    }

    fn request(self) -> (Request, usize) {
        let beginning = r#"{"model":"a","text":""#;
        let first = format!("{beginning}{}", "y".repeat(self.first - beginning.len()));
        let (count, length) = REST;
        let mut pieces = vec![first];
        pieces.extend(vec!["z".repeat(length); count]);
        pieces.push("\"}".to_owned());
        let size: usize = pieces.iter().map(String::len).sum();
        let mut request = Request::post(&self.path())
            .by(self.protocol)
            .header("content-type", "application/json")
            .ended_chunks(pieces);
        if self.announced {
            request = request.header("content-length", size.to_string());
        }
        if self.trailers {
            request = request.trailer("x-after", "sent");
        }
        (request, size)
    }
}

/// Envoy's `ext_authz` counts twice a piece that it is shown as it holds it, and takes a part of a body for all of it.
pub(crate) async fn streamed_requests_that_a_service_judges(stage: &Stage) -> Result<()> {
    let upstream = Arc::new(Upstream::start(|_| Answer::status(200)).await?);
    let service = Arc::new(Upstream::start(|_| Answer::status(200)).await?);
    let authorization = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "with_request_body": {"max_request_bytes": SHOWN, "allow_partial_message": true},
        "http_service": {"server_uri": {
            "uri": format!("http://{}", service.address()),
            "cluster": AUTHORIZATION,
            "timeout": "5s",
        }},
    });
    let streamed = |name: &str, field: Value| {
        let config = json!({"request": {"bodyMode": "streamed", "extract": [field]}});
        Filter::new(config).instance(name)
    };
    let model = json!({"header": MODEL});
    let first = json!({"header": MODEL, "duplicates": "first"});
    let other = json!({"header": "x-other", "from": [{"json": "/model"}]});
    let chains = [
        ("one", vec![streamed("one", model.clone())]),
        ("first", vec![streamed("first", first)]),
        (
            "two",
            vec![streamed("outer", model), streamed("inner", other)],
        ),
    ];
    let mut bootstrap = Bootstrap::new()
        .cluster("upstream", upstream.address())
        .cluster(AUTHORIZATION, service.address());
    for (name, filters) in &chains {
        let listener = filters
            .iter()
            .fold(
                Bootstrap::named(name).http1_trailers(),
                |listener, filter| listener.filter(filter.clone()),
            )
            .http_filter("envoy.filters.http.ext_authz", &authorization)
            .route(Route::to("upstream"));
        bootstrap = bootstrap.beside(listener);
    }
    let envoy = stage.envoy(&bootstrap).await?;
    let addresses = envoy.listener_addresses().await?;
    let mut together = Together::default();
    for (name, address) in addresses {
        let chain = chains.iter().find(|(chain, _)| *chain == name);
        let Some((chain, _)) = chain else { continue };
        for case in Case::all(chain) {
            let (upstream, service) = (Arc::clone(&upstream), Arc::clone(&service));
            together.play(case.path(), async move {
                let (request, size) = case.request();
                same("status", request.send(address).await?.status, 200)?;
                let of_case = |seen: &harness::RecordedRequest| seen.path == case.path();
                let gone = upstream.settled(1, PATIENCE, of_case).await;
                let gone = gone.first().context("the upstream got nothing")?;
                same("length", gone.body().len(), size)?;
                let shown = service.settled(1, PATIENCE, of_case).await;
                let shown = shown
                    .first()
                    .context("the service got nothing")?
                    .body()
                    .len();
                ensure!(
                    shown == size.min(SHOWN),
                    "the service was shown {shown} bytes of {size}"
                );
                Ok(())
            });
        }
    }
    together
        .finish(&format!(
            "{} streamed requests that a service judges",
            stage.release
        ))
        .await
}
