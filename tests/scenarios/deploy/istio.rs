//! What Istio makes of a Gateway's manifests: a cluster for each host and port, attempts counted, and its EnvoyFilters merged
//! into what came out. What it does not know it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use harness::{Bootstrap, EnvoyRelease, Manifests, Object, Route};
use serde_json::{Value, json};

use super::gateway_api::{list, name, routes};

/// Stands in for the control plane.
pub(super) struct Istio<'a> {
    manifests: &'a Manifests,
    gateway: &'a Object,
    /// By Service or host.
    servers: BTreeMap<&'a str, SocketAddr>,
}

impl<'a> Istio<'a> {
    pub(super) fn new(
        manifests: &'a Manifests,
        servers: impl IntoIterator<Item = (&'a str, SocketAddr)>,
    ) -> Result<Self> {
        Ok(Self {
            manifests,
            gateway: manifests.of_kind("Gateway").next().context("no Gateway")?,
            servers: servers.into_iter().collect(),
        })
    }

    /// Envoy's bootstrap, for this release. TLS to other hosts is left out: servers stand in for them.
    pub(super) fn bootstrap(&self, release: EnvoyRelease) -> Result<Value> {
        let mut bootstrap = Bootstrap::new()
            .virtual_host("include_request_attempt_count", json!(true))
            .http_filter(
                "envoy.filters.http.cors",
                &json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"}),
            );
        let action = |_: &Object, _, rule: &Value| {
            let [backend] = list(&rule["backendRefs"]) else {
                bail!("one backend expected");
            };
            Ok(Route::to(&self.cluster(backend)?))
        };
        for route in routes(self.manifests, self.gateway, action)? {
            bootstrap = bootstrap.route(route);
        }
        for (cluster, address) in self.clusters()? {
            bootstrap = bootstrap.cluster(&cluster, address);
        }
        let mut bootstrap = bootstrap.build(release);
        for filter in self.manifests.of_kind("EnvoyFilter") {
            let target = &filter.0["spec"]["targetRefs"][0];
            ensure!(target["kind"] == "Gateway" && target["name"] == self.gateway.name());
            for patch in filter.items("/spec/configPatches") {
                let applied = apply(patch, &mut bootstrap["static_resources"])?;
                ensure!(applied > 0, "{}: {patch} matches nothing", filter.name());
            }
        }
        Ok(bootstrap)
    }

    /// The variables of the container `istio-proxy`, but for where the module is; `secrets` has the values of entries of
    /// Secrets.
    pub(super) fn environment(&self, secrets: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        let overlay = self.gateway.text("/spec/infrastructure/parametersRef/name");
        let overlay = self.manifests.find("ConfigMap", overlay);
        let overlay = overlay.context("the Gateway has no overlay")?;
        let deployment: Value = serde_saphyr::from_str(overlay.text("/data/deployment"))?;
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        ensure!(container["name"] == "istio-proxy", "{container}");
        let variables = list(&container["env"]).iter();
        let variables =
            variables.filter(|variable| variable["name"] != "ENVOY_DYNAMIC_MODULES_SEARCH_PATH");
        super::variables(variables, secrets)
    }

    /// `outbound|PORT||HOST`.
    fn cluster(&self, reference: &Value) -> Result<String> {
        let name = name(reference)?;
        let host = match reference["kind"].as_str() {
            Some("Hostname") => name.to_owned(),
            _ => format!("{name}.{}.svc.cluster.local", self.gateway.namespace()),
        };
        Ok(format!("outbound|{}||{host}", reference["port"]))
    }

    fn clusters(&self) -> Result<BTreeSet<(String, SocketAddr)>> {
        let rules = self.manifests.of_kind("HTTPRoute");
        let rules = rules.flat_map(|route| route.items("/spec/rules"));
        let backends = rules.flat_map(|rule| list(&rule["backendRefs"]));
        let clusters = backends.map(|backend| {
            let name = name(backend)?;
            let server = self.servers.get(name);
            let server = server.with_context(|| format!("no server for {name}"))?;
            Ok((self.cluster(backend)?, *server))
        });
        clusters.collect()
    }
}

/// Applies a patch, and returns how many places it matched.
fn apply(patch: &Value, resources: &mut Value) -> Result<usize> {
    ensure!(patch["match"]["context"] == "GATEWAY", "{patch}");
    let (value, operation) = (&patch["patch"]["value"], &patch["patch"]["operation"]);
    let mut places: Vec<&mut Value> = match patch["applyTo"].as_str() {
        Some("LISTENER") => all(&mut resources["listeners"]).collect(),
        Some("NETWORK_FILTER" | "HTTP_FILTER") => {
            let wanted = &patch["match"]["listener"]["filterChain"]["filter"]["name"];
            let chains = all(&mut resources["listeners"])
                .flat_map(|listener| all(&mut listener["filter_chains"]));
            let filters = chains.flat_map(|chain| all(&mut chain["filters"]));
            filters.filter(|filter| filter["name"] == *wanted).collect()
        }
        Some("CLUSTER") => {
            let wanted = &patch["match"]["cluster"];
            let service = wanted["service"].as_str().context("no service")?;
            let wanted = format!("outbound|{}||{service}", wanted["portNumber"]);
            let clusters = all(&mut resources["clusters"]);
            clusters
                .filter(|cluster| cluster["name"] == wanted.as_str())
                .collect()
        }
        other => bail!("unknown {other:?}"),
    };
    for place in &mut places {
        match (patch["applyTo"].as_str(), operation.as_str()) {
            (Some("HTTP_FILTER"), Some("INSERT_FIRST")) => {
                let filters = place["typed_config"]["http_filters"].as_array_mut();
                filters.context("no filters")?.insert(0, value.clone());
            }
            (_, Some("MERGE")) => merge(place, value),
            _ => bail!("unknown {patch}"),
        }
    }
    Ok(places.len())
}

fn all(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().into_iter().flatten()
}

/// As protobuf merges: lists grow. An extension's options are replaced as a whole.
fn merge(into: &mut Value, value: &Value) {
    match (into, value) {
        (Value::Object(into), Value::Object(fields)) => {
            for (name, value) in fields {
                match into.get_mut(name) {
                    Some(own) if name == "typed_extension_protocol_options" => {
                        for (extension, options) in value.as_object().into_iter().flatten() {
                            own[extension] = options.clone();
                        }
                    }
                    Some(own) => merge(own, value),
                    None => {
                        into.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(more)) => into.extend(more.iter().cloned()),
        (into, value) => *into = value.clone(),
    }
}
