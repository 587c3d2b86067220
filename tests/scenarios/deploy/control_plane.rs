//! What kgateway's control plane makes of a Gateway's manifests: one listener, its routes in order, the module's
//! filter off in the chain and configured where policies say so. What it does not know it refuses.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use harness::{Bootstrap, Filter, Manifests, Object, Route};
use serde_json::{Value, json};

use super::gateway_api::{access_log, early_removal, extension, list, name, only_fields, routes};

/// The filter's name in kgateway's chains.
const INSTANCE: &str = "dynamic_modules/simple_mutations";

/// Stands in for the control plane.
pub(crate) struct ControlPlane<'a> {
    manifests: &'a Manifests,
    gateway: &'a Object,
    /// By Service or Backend.
    upstreams: BTreeMap<&'a str, SocketAddr>,
}

impl<'a> ControlPlane<'a> {
    pub(crate) fn new(
        manifests: &'a Manifests,
        upstreams: impl IntoIterator<Item = (&'a str, SocketAddr)>,
    ) -> Result<Self> {
        Ok(Self {
            manifests,
            gateway: manifests.of_kind("Gateway").next().context("no Gateway")?,
            upstreams: upstreams.into_iter().collect(),
        })
    }

    /// The Gateway's listener.
    pub(crate) fn bootstrap(&self) -> Result<Bootstrap> {
        let mut bootstrap =
            Bootstrap::new().filter(Filter::new("{}").instance(INSTANCE).disabled());
        for policy in self.policies("Gateway", self.gateway.name()) {
            bootstrap = bootstrap.per_route_configuration(policy?);
        }
        let action = |route: &Object, _, rule: &Value| self.action(route, rule);
        for route in routes(self.manifests, self.gateway, action)? {
            bootstrap = bootstrap.route(route);
        }
        for (name, address) in &self.upstreams {
            bootstrap = bootstrap.cluster(name, *address);
        }
        self.manifests
            .of_kind("ListenerPolicy")
            .try_fold(bootstrap, listener_policy)
    }

    /// The variables of the Envoy container; `secrets` has the values of entries of Secrets.
    pub(crate) fn environment(&self, secrets: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        let name = self.gateway.text("/spec/infrastructure/parametersRef/name");
        let parameters = self
            .manifests
            .find("GatewayParameters", name)
            .context("the Gateway has no GatewayParameters")?;
        let variables = parameters.items("/spec/kube/envoyContainer/env");
        super::variables(variables, secrets)
    }

    /// The transformations that target this object, as the module gets them.
    fn policies(&self, kind: &str, name: &str) -> impl Iterator<Item = Result<Filter>> {
        let policies = self
            .manifests
            .of_kind("TrafficPolicy")
            .filter(move |policy| {
                let mut targets = policy.items("/spec/targetRefs");
                targets.any(|target| target["kind"] == kind && target["name"] == name)
            });
        policies.map(|policy| {
            only_fields(policy, "/spec", &["targetRefs", "transformation"])?;
            let transformation = policy.0["spec"]["transformation"].clone();
            Ok(Filter::new(transformation).instance(INSTANCE))
        })
    }

    /// The route of a rule, with its mirrors and its policies.
    fn action(&self, object: &Object, rule: &Value) -> Result<Route> {
        let mut route = match (list(&rule["backendRefs"]), extension(self.manifests, rule)) {
            ([backend], None) => Route::to(self.cluster(backend)?),
            ([], Some(response)) => {
                let status = response.0["spec"]["status"].as_u64().context("no status")?;
                Route::direct_response(u16::try_from(status)?, response.text("/spec/body"))
            }
            _ => bail!("{}: one backend expected", object.name()),
        };
        for filter in list(&rule["filters"]) {
            if filter["type"] == "RequestMirror" {
                route = self.mirror(route, &filter["requestMirror"])?;
            }
        }
        for policy in self.policies("HTTPRoute", object.name()) {
            route = route.per_route(policy?);
        }
        Ok(route)
    }

    /// The cluster of a Service or a Backend.
    fn cluster(&self, reference: &Value) -> Result<&'a str> {
        let name = name(reference)?;
        let known = self.upstreams.keys().find(|known| **known == name);
        known
            .copied()
            .with_context(|| format!("no upstream for {name}"))
    }

    fn mirror(&self, route: Route, mirror: &Value) -> Result<Route> {
        let share = match (mirror["percent"].as_u64(), &mirror["fraction"]) {
            (Some(percent), _) => percent * 10_000,
            (None, fraction) => {
                let part = |name: &str| fraction[name].as_u64();
                let numerator = part("numerator").context("no share")?;
                numerator * 1_000_000 / part("denominator").unwrap_or(100)
            }
        };
        let policy = json!([{
            "cluster": self.cluster(&mirror["backendRef"])?,
            "runtime_fraction": {"default_value": {"numerator": share, "denominator": "MILLION"}},
        }]);
        Ok(route.action("request_mirror_policies", policy))
    }
}

fn listener_policy(bootstrap: Bootstrap, policy: &Object) -> Result<Bootstrap> {
    let mut bootstrap = bootstrap;
    let listener = policy.0["spec"]["default"].as_object();
    for (field, value) in listener.context("no default")? {
        bootstrap = match field.as_str() {
            "perConnectionBufferLimitBytes" => {
                bootstrap.listener("per_connection_buffer_limit_bytes", value.clone())
            }
            "httpSettings" => {
                let settings = value.as_object().context("no settings")?;
                settings.iter().try_fold(bootstrap, http_setting)?
            }
            other => bail!("ListenerPolicy: unknown {other}"),
        };
    }
    Ok(bootstrap)
}

fn http_setting(bootstrap: Bootstrap, (field, value): (&String, &Value)) -> Result<Bootstrap> {
    match field.as_str() {
        "earlyRequestHeaderModifier" => {
            let extension = early_removal(list(&value["remove"]));
            Ok(bootstrap.connection_manager("early_header_mutation_extensions", extension))
        }
        "accessLog" => {
            let [log] = list(value) else {
                bail!("one access log expected");
            };
            let log = access_log(&log["fileSink"]["jsonFormat"]);
            Ok(bootstrap.connection_manager("access_log", log))
        }
        other => bail!("ListenerPolicy: unknown {other}"),
    }
}
