//! What the listener and the routes say in each version, and what is answered then.

use anyhow::Result;
use harness::{Answer, Bootstrap, Filter, Response, Route, Upstream};
use serde_json::{Value, json};

/// What the request pass sets, and the upstream sends back.
const OF_REQUEST: &str = "x-of-request";

/// What the response pass sets.
const OF_RESPONSE: &str = "x-of-response";

/// Entries of a table in every configuration: a version that is not freed shows in Envoy's memory.
const ADAPTERS: usize = 200;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A route without a configuration.
    Inherits,
    /// A route that edits the body; in every third version it has no configuration.
    Edits,
    /// A route that streams the request.
    Streams,
    /// A route that wants a field; in every third version it has no configuration.
    Rejects,
    /// A route that turns the filter off, in every other version.
    Off,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Inherits,
        Self::Edits,
        Self::Streams,
        Self::Rejects,
        Self::Off,
    ];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Inherits => "/inherits",
            Self::Edits => "/edits",
            Self::Streams => "/streams",
            Self::Rejects => "/rejects",
            Self::Off => "/off",
        }
    }

    /// Whether the route has a configuration in this version.
    fn is_configured(self, version: u32) -> bool {
        match self {
            Self::Inherits => false,
            Self::Edits => !version.is_multiple_of(3),
            Self::Streams => true,
            Self::Rejects => version % 3 != 1,
            Self::Off => version.is_multiple_of(2),
        }
    }

    /// The configuration that the route has in this version.
    fn config(self, version: u32) -> Option<Value> {
        if !self.is_configured(version) {
            return None;
        }
        let of_route = |request: Value| passes(&format!("route {version}"), request);
        match self {
            Self::Inherits => None,
            Self::Edits => {
                let model = format!("real-{version}");
                Some(of_route(
                    json!({"patch": [{"replace": "/model", "value": model}]}),
                ))
            }
            Self::Streams => Some(of_route(
                json!({"bodyMode": "streamed", "extract": [model(version)]}),
            )),
            Self::Rejects => {
                let extract = json!([{"header": "x-model", "onMissing": "reject"}]);
                Some(of_route(json!({"extract": extract})))
            }
            Self::Off => Some(json!({})),
        }
    }

    /// What the client sends.
    pub(super) fn body(self, padding: usize) -> String {
        let field = match self {
            // Not what the route wants.
            Self::Rejects => "other",
            _ => "model",
        };
        format!(r#"{{"n":"{}","{field}":"m"}}"#, "x".repeat(padding))
    }

    /// What it gets for that while these versions are in force.
    pub(super) fn answer(self, body: &str, versions: Versions) -> Answered {
        let of_route = self.is_configured(versions.routes);
        let whose = match (of_route, self) {
            (true, Self::Rejects) => return Answered::Rejected,
            (true, Self::Off) => None,
            (true, _) => Some(format!("route {}", versions.routes)),
            (false, _) => Some(format!("listener {}", versions.listener)),
        };
        let body = match (of_route, self) {
            (true, Self::Edits) => {
                body.replace(r#""m""#, &format!(r#""real-{}""#, versions.routes))
            }
            _ => body.to_owned(),
        };
        Answered::Served {
            of_request: whose.clone(),
            of_response: whose,
            body,
        }
    }
}

/// Versions that are in force together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versions {
    pub(super) routes: u32,
    pub(super) listener: u32,
}

impl Versions {
    /// A listener with a route of each kind to this upstream.
    pub(super) fn bootstrap(self, upstream: &Upstream) -> Bootstrap {
        let extract = json!({"extract": [model(self.listener)]});
        let listener = passes(&format!("listener {}", self.listener), extract);
        let bootstrap = Bootstrap::new()
            .filter(listener)
            .cluster("upstream", upstream.address());
        Kind::ALL.into_iter().fold(bootstrap, |bootstrap, kind| {
            let route = Route::to("upstream").prefix(kind.path());
            bootstrap.route(match kind.config(self.routes) {
                Some(config) => route.per_route(Filter::new(config)),
                None => route,
            })
        })
    }
}

/// Answers with what it got: the body, and what the request pass set.
pub(super) async fn upstream() -> Result<Upstream> {
    Upstream::forgetful(|request| {
        let answer = Answer::body(request.body());
        match request.headers.value(OF_REQUEST) {
            Some(value) => answer.header(OF_REQUEST, value),
            None => answer,
        }
    })
    .await
}

/// Both passes, each saying whose it is.
fn passes(whose: &str, mut request: Value) -> Value {
    request["set"] = json!([{"name": OF_REQUEST, "value": whose}]);
    json!({"request": request, "response": {"set": [{"name": OF_RESPONSE, "value": whose}]}})
}

fn model(version: u32) -> Value {
    let adapters = (0..ADAPTERS).map(|number| {
        let name = format!("adapter-{number}");
        (name, json!(format!("base of version {version}")))
    });
    let adapters: serde_json::Map<String, Value> = adapters.collect();
    json!({"header": "x-model", "lookup": {"header": "x-base", "values": adapters}})
}

/// What a client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Served {
        of_request: Option<String>,
        of_response: Option<String>,
        body: String,
    },
    Rejected,
    /// By this status, which nothing explains.
    Failed(u16),
}

impl From<&Response> for Answered {
    fn from(response: &Response) -> Self {
        match response.status {
            200 => Self::Served {
                of_request: response.headers.value(OF_REQUEST),
                of_response: response.headers.value(OF_RESPONSE),
                body: response.text(),
            },
            400 => Self::Rejected,
            status => Self::Failed(status),
        }
    }
}
