//! What kgateway's control plane makes of a Gateway's manifests: one listener, its routes in order, the module's
//! filter off in the chain and configured where policies say so. What it does not know it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use harness::{Bootstrap, Filter, Manifests, Object, Route};
use serde_json::{Value, json};

/// The filter's name in kgateway's chains.
const INSTANCE: &str = "dynamic_modules/simple_mutations";

/// Stands in for the control plane.
pub(crate) struct ControlPlane<'a> {
    manifests: &'a Manifests,
    gateway: &'a Object,
    /// By Service or Backend.
    upstreams: BTreeMap<&'a str, SocketAddr>,
}

/// One match of one rule: what Envoy calls a route.
struct Entry {
    /// Gateway API's precedence: longest path, then a method, then most headers.
    precedence: (usize, bool, usize),
    route: Route,
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
        let mut entries = Vec::new();
        for route in self.manifests.of_kind("HTTPRoute") {
            let attached = route
                .items("/spec/parentRefs")
                .any(|parent| parent["kind"].is_null() && parent["name"] == self.gateway.name());
            ensure!(attached, "HTTPRoute {} is not on the Gateway", route.name());
            entries.extend(self.entries(route)?);
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.precedence));
        for entry in entries {
            bootstrap = bootstrap.route(entry.route);
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
        let variables = variables.map(|variable| {
            let secret = variable["valueFrom"]["secretKeyRef"]["name"].as_str();
            let value = match secret {
                None => variable["value"].as_str(),
                Some(name) => secrets
                    .iter()
                    .find(|(secret, _)| *secret == name)
                    .map(|(_, value)| *value),
            };
            let name = variable["name"]
                .as_str()
                .context("a variable without name")?;
            let value = value.with_context(|| format!("{name} has no value"))?;
            Ok((name.to_owned(), value.to_owned()))
        });
        variables.collect()
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
            let known: BTreeSet<&str> = ["targetRefs", "transformation"].into();
            let keys = policy.0["spec"].as_object().context("no spec")?;
            for key in keys.keys() {
                ensure!(
                    known.contains(key.as_str()),
                    "{}: unknown {key}",
                    policy.name()
                );
            }
            let transformation = policy.0["spec"]["transformation"].clone();
            Ok(Filter::new(transformation).instance(INSTANCE))
        })
    }

    fn entries(&self, object: &Object) -> Result<Vec<Entry>> {
        let policies: Vec<Filter> = self
            .policies("HTTPRoute", object.name())
            .collect::<Result<_>>()?;
        let mut entries = Vec::new();
        for rule in object.items("/spec/rules") {
            let [backend] = list(&rule["backendRefs"]) else {
                bail!("{}: one backend expected", object.name());
            };
            let mut route = Route::to(self.cluster(backend)?);
            if let Some(timeout) = rule["timeouts"]["request"].as_str() {
                route = route.action("timeout", json!(timeout));
            }
            for filter in list(&rule["filters"]) {
                route = self.filter(route, filter)?;
            }
            for policy in &policies {
                route = route.per_route(policy.clone());
            }
            for matched in list(&rule["matches"]) {
                entries.push(entry(route.clone(), matched)?);
            }
        }
        Ok(entries)
    }

    /// The cluster of a Service or a Backend.
    fn cluster(&self, reference: &Value) -> Result<&'a str> {
        let name = reference["name"]
            .as_str()
            .context("a backend without name")?;
        let known = self.upstreams.keys().find(|known| **known == name);
        known
            .copied()
            .with_context(|| format!("no upstream for {name}"))
    }

    fn filter(&self, route: Route, filter: &Value) -> Result<Route> {
        match filter["type"].as_str().context("a filter without type")? {
            "URLRewrite" => {
                let rewrite = &filter["urlRewrite"];
                let mut route = route;
                if let Some(prefix) = rewrite["path"]["replacePrefixMatch"].as_str() {
                    route = route.action("prefix_rewrite", json!(prefix));
                }
                if let Some(host) = rewrite["hostname"].as_str() {
                    route = route.action("host_rewrite_literal", json!(host));
                }
                Ok(route)
            }
            "ResponseHeaderModifier" => {
                let set = list(&filter["responseHeaderModifier"]["set"]).iter();
                let set: Vec<Value> = set
                    .map(|header| {
                        json!({
                            "header": {"key": header["name"], "value": header["value"]},
                            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                        })
                    })
                    .collect();
                Ok(route.field("response_headers_to_add", json!(set)))
            }
            "RequestMirror" => {
                let mirror = &filter["requestMirror"];
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
            other => bail!("a filter of type {other}"),
        }
    }
}

fn entry(route: Route, matched: &Value) -> Result<Entry> {
    ensure!(matched["path"]["type"] == "PathPrefix", "{matched}");
    let path = matched["path"]["value"].as_str().context("no path")?;
    let mut headers: Vec<Value> = list(&matched["headers"])
        .iter()
        .map(|header| json!({"name": header["name"], "string_match": {"exact": header["value"]}}))
        .collect();
    let precedence = (path.len(), !matched["method"].is_null(), headers.len());
    if let Some(method) = matched["method"].as_str() {
        headers.push(json!({"name": ":method", "string_match": {"exact": method}}));
    }
    let prefix = if path == "/" {
        "prefix"
    } else {
        "path_separated_prefix"
    };
    let route = route.field("match", json!({prefix: path, "headers": headers}));
    Ok(Entry { precedence, route })
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
            let remove = list(&value["remove"]).iter();
            let mutations: Vec<Value> = remove.map(|name| json!({"remove": name})).collect();
            let extension = json!([{
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": mutations,
                },
            }]);
            Ok(bootstrap.connection_manager("early_header_mutation_extensions", extension))
        }
        "accessLog" => {
            let [log] = list(value) else {
                bail!("one access log expected");
            };
            let log = json!([{
                "name": "stdout",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                    "log_format": {"json_format": log["fileSink"]["jsonFormat"]},
                },
            }]);
            Ok(bootstrap.connection_manager("access_log", log))
        }
        other => bail!("ListenerPolicy: unknown {other}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
