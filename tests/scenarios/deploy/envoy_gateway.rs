//! What Envoy Gateway makes of a Gateway's manifests: a cluster for each rule, the module's filter off in the chain and on in
//! each route, policies of routes, and patches of what came out. What it does not know it refuses.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use harness::{Bootstrap, Cluster, Manifests, Object, Route};
use serde_json::{Map, Value, json};

use super::gateway_api::{access_log, early_removal, extension, list, name, only_fields, routes};

/// The filter that asks the rate limit service.
const RATE_LIMIT: &str = "envoy.filters.http.ratelimit";

/// The cluster of that service.
const RATE_LIMIT_CLUSTER: &str = "ratelimit_cluster";

/// The cluster of the host that a module's URL names.
const DOWNLOAD_CLUSTER: &str = "files_example_com_443";

/// Stands in for the control plane.
pub(super) struct EnvoyGateway<'a> {
    manifests: &'a Manifests,
    gateway: &'a Object,
    /// By Service or Backend.
    servers: BTreeMap<&'a str, SocketAddr>,
    rate_limit_service: Option<SocketAddr>,
    /// Where a module's URL leads, and the sum of the file there.
    download: Option<(SocketAddr, String)>,
}

impl<'a> EnvoyGateway<'a> {
    pub(super) fn new(
        manifests: &'a Manifests,
        servers: impl IntoIterator<Item = (&'a str, SocketAddr)>,
    ) -> Result<Self> {
        Ok(Self {
            manifests,
            gateway: manifests.of_kind("Gateway").next().context("no Gateway")?,
            servers: servers.into_iter().collect(),
            rate_limit_service: None,
            download: None,
        })
    }

    /// With this service for global rate limits.
    pub(super) fn rate_limit_service(mut self, address: SocketAddr) -> Self {
        self.rate_limit_service = Some(address);
        self
    }

    /// With this server at the module's URL, whose file has this sum in place of the one in the manifests.
    pub(super) fn download(mut self, address: SocketAddr, sum: String) -> Self {
        self.download = Some((address, sum));
        self
    }

    /// Envoy's bootstrap, for this release, with the module in this file.
    pub(super) fn bootstrap(&self, release: harness::EnvoyRelease, module: &Path) -> Result<Value> {
        let proxy = self.gateway.text("/spec/infrastructure/parametersRef/name");
        let proxy = self.manifests.find("EnvoyProxy", proxy);
        let proxy = proxy.context("the Gateway has no EnvoyProxy")?;
        let mut bootstrap = Bootstrap::new()
            .connection_manager("http_filters", json!(self.http_filters(proxy)?))
            // Its defaults.
            .connection_manager("use_remote_address", json!(true))
            .connection_manager("normalize_path", json!(true))
            .connection_manager("merge_slashes", json!(true))
            .connection_manager("path_with_escaped_slashes_action", json!("UNESCAPE_AND_REDIRECT"))
            .connection_manager(
                "common_http_protocol_options",
                json!({"headers_with_underscores_action": "REJECT_REQUEST"}),
            )
            .connection_manager(
                "http2_protocol_options",
                json!({"initial_stream_window_size": 65536, "initial_connection_window_size": 1_048_576}),
            )
            .listener("per_connection_buffer_limit_bytes", json!(32768));
        let logs = proxy.items("/spec/telemetry/accessLog/settings");
        for settings in logs {
            let log = access_log(&settings["format"]["json"]);
            bootstrap = bootstrap.connection_manager("access_log", log);
        }
        for policy in self.manifests.of_kind("ClientTrafficPolicy") {
            bootstrap = client_traffic(bootstrap, policy)?;
        }
        let action = |object: &Object, number, rule: &Value| self.action(object, number, rule);
        for route in routes(self.manifests, self.gateway, action)? {
            bootstrap = bootstrap.route(route);
        }
        for cluster in self.clusters()? {
            bootstrap = bootstrap.add_cluster(cluster);
        }
        let mut bootstrap = bootstrap.build(release);
        self.name_the_routes(&mut bootstrap)?;
        for policy in self.manifests.of_kind("EnvoyPatchPolicy") {
            for patch in policy.items("/spec/jsonPatches") {
                apply(patch, &mut bootstrap).with_context(|| patch["name"].to_string())?;
            }
        }
        put_module(&mut bootstrap, module);
        Ok(bootstrap)
    }

    /// The variables of the Envoy container; `secrets` has the values of entries of Secrets.
    pub(super) fn environment(&self, secrets: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        let proxy = self.manifests.of_kind("EnvoyProxy").next();
        let variables = proxy
            .context("no EnvoyProxy")?
            .items("/spec/provider/kubernetes/envoyDeployment/container/env");
        super::variables(variables, secrets)
    }

    /// The route configuration is called `NAMESPACE/GATEWAY/LISTENER`.
    fn name_the_routes(&self, bootstrap: &mut Value) -> Result<()> {
        let mut listeners = self.gateway.items("/spec/listeners");
        let listener = name(listeners.next().context("no listener")?)?;
        let (namespace, gateway) = (self.gateway.namespace(), self.gateway.name());
        let routes = bootstrap.pointer_mut(ROUTES).context("no routes")?;
        routes["name"] = json!(format!("{namespace}/{gateway}/{listener}"));
        Ok(())
    }

    /// The policies that attach the module to the Gateway, by the names of their filters.
    fn modules(&self) -> impl Iterator<Item = (String, &'a Value)> {
        self.manifests
            .of_kind("EnvoyExtensionPolicy")
            .flat_map(|policy| {
                let modules = policy.items("/spec/dynamicModule").enumerate();
                modules.map(move |(number, module)| {
                    let (namespace, name) = (policy.namespace(), policy.name());
                    let name = format!(
                        "envoy.filters.http.dynamic_modules/envoyextensionpolicy/{namespace}/{name}/dynamic-module/{number}"
                    );
                    (name, module)
                })
            })
    }

    fn http_filters(&self, proxy: &Object) -> Result<Vec<Value>> {
        let mut filters = Vec::new();
        for policy in self.manifests.of_kind("EnvoyExtensionPolicy") {
            only_fields(policy, "/spec", &["targetRefs", "dynamicModule"])?;
            let target = &policy.0["spec"]["targetRefs"][0];
            ensure!(target["kind"] == "Gateway" && target["name"] == self.gateway.name());
        }
        for (filter, module) in self.modules() {
            let mut registered = proxy.items("/spec/dynamicModules");
            let registered = registered.find(|known| known["name"] == module["name"]);
            let registered = registered.context("the module is not registered")?;
            let module_config = json!({
                "module": self.source(&registered["source"])?,
                "do_not_close": registered["doNotClose"],
            });
            filters.push(json!({
                "name": filter,
                "disabled": true,
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
                    "dynamic_module_config": module_config,
                    "filter_name": module["filterName"],
                    "filter_config": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": module["config"].to_string(),
                    },
                },
            }));
        }
        if self.rate_limit_service.is_some() {
            filters.push(json!({"name": RATE_LIMIT, "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
                "domain": "llm-eg/llm/https",
                "timeout": "1s",
                "rate_limit_service": {
                    "transport_api_version": "V3",
                    "grpc_service": {"envoy_grpc": {"cluster_name": RATE_LIMIT_CLUSTER}},
                },
            }}));
        }
        filters.push(
            json!({"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }}),
        );
        Ok(filters)
    }

    fn source(&self, source: &Value) -> Result<Value> {
        if source["type"] == "Local" {
            return Ok(json!({"local": {"filename": source["local"]["path"]}}));
        }
        let (_, sum) = self.download.as_ref().context("nothing is at the URL")?;
        let zeros = "0".repeat(sum.len());
        ensure!(source["remote"]["sha256"] == zeros.as_str(), "{source}");
        Ok(json!({"remote": {
            "http_uri": {
                "uri": source["remote"]["url"],
                "cluster": DOWNLOAD_CLUSTER,
                "timeout": "10s",
            },
            "sha256": sum,
        }}))
    }

    fn action(&self, object: &Object, number: usize, rule: &Value) -> Result<Route> {
        let mut route = match extension(self.manifests, rule) {
            None => Route::to(&cluster_name(object, number)),
            Some(filter) => {
                let response = &filter.0["spec"]["directResponse"];
                let status = response["statusCode"].as_u64().context("no status")?;
                let body = response["body"]["inline"].as_str().context("no body")?;
                let header = json!([{
                    "header": {"key": "content-type", "value": response["contentType"]},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }]);
                Route::direct_response(u16::try_from(status)?, body)
                    .field("response_headers_to_add", header)
            }
        };
        let on = json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}});
        let mut filters: Map<String, Value> = self
            .modules()
            .map(|(filter, _)| (filter, on.clone()))
            .collect();
        for policy in self.manifests.of_kind("BackendTrafficPolicy") {
            let mut targets = policy.items("/spec/targetRefs");
            if !targets.any(|target| target["name"] == object.name()) {
                continue;
            }
            only_fields(policy, "/spec", &["targetRefs", "retry", "rateLimit"])?;
            let spec = &policy.0["spec"];
            route = route.action("retry_policy", retry(&spec["retry"]));
            let limits = list(&spec["rateLimit"]["global"]["rules"]);
            let limits: Vec<Value> = limits.iter().enumerate().flat_map(limit).collect();
            let limits = json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute",
                "rate_limits": limits,
            });
            filters.insert(RATE_LIMIT.to_owned(), limits);
        }
        Ok(route.field("typed_per_filter_config", Value::Object(filters)))
    }

    /// A cluster for each rule; a backend is a priority of it.
    fn clusters(&self) -> Result<Vec<Cluster>> {
        let mut clusters = Vec::new();
        for object in self.manifests.of_kind("HTTPRoute") {
            for (number, rule) in object.items("/spec/rules").enumerate() {
                let backends = list(&rule["backendRefs"]);
                if backends.is_empty() {
                    continue;
                }
                clusters.push(self.cluster(&cluster_name(object, number), backends)?);
            }
        }
        if let Some(service) = self.rate_limit_service {
            clusters.push(Cluster::new(RATE_LIMIT_CLUSTER, service).http2());
        }
        if let Some((address, _)) = self.download {
            clusters.push(Cluster::new(DOWNLOAD_CLUSTER, address));
        }
        Ok(clusters)
    }

    /// Without TLS to the servers, which stand in for others.
    fn cluster(&self, cluster: &str, backends: &[Value]) -> Result<Cluster> {
        let mut endpoints = Vec::new();
        let mut first = None;
        for reference in backends {
            let name = name(reference)?;
            let address = *self
                .servers
                .get(name)
                .with_context(|| format!("no server for {name}"))?;
            let backend = self.manifests.find("Backend", name);
            let fallback = backend.is_some_and(|backend| backend.0["spec"]["fallback"] == true);
            endpoints.push(json!({
                "priority": u32::from(fallback),
                "lb_endpoints": [{"endpoint": {"address": {"socket_address": {
                    "address": address.ip().to_string(), "port_value": address.port(),
                }}}}],
            }));
            first = first.or(Some(address));
        }
        let first = first.context("no backend")?;
        let assignment = json!({"cluster_name": cluster, "endpoints": endpoints});
        Ok(Cluster::new(cluster, first).field("load_assignment", assignment))
    }
}

/// The route configuration of the bootstrap.
const ROUTES: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config";

fn cluster_name(route: &Object, rule: usize) -> String {
    format!(
        "httproute/{}/{}/rule/{rule}",
        route.namespace(),
        route.name()
    )
}

fn client_traffic(bootstrap: Bootstrap, policy: &Object) -> Result<Bootstrap> {
    only_fields(
        policy,
        "/spec",
        &["targetRefs", "connection", "headers", "timeout"],
    )?;
    only_fields(policy, "/spec/headers", &["earlyRequestHeaders"])?;
    let spec = &policy.0["spec"];
    let limit = spec["connection"]["bufferLimit"]
        .as_str()
        .context("no limit")?;
    let mebibytes: u64 = limit.strip_suffix("Mi").context("not in Mi")?.parse()?;
    let removed = list(&spec["headers"]["earlyRequestHeaders"]["remove"]);
    let http = &spec["timeout"]["http"];
    Ok(bootstrap
        .listener("per_connection_buffer_limit_bytes", json!(mebibytes << 20))
        .connection_manager("early_header_mutation_extensions", early_removal(removed))
        .connection_manager(
            "request_headers_timeout",
            http["requestHeadersReceivedTimeout"].clone(),
        )
        .connection_manager("stream_idle_timeout", http["streamIdleTimeout"].clone()))
}

fn retry(retry: &Value) -> Value {
    let triggers: Vec<&str> = list(&retry["retryOn"]["triggers"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    json!({
        "retry_on": triggers.join(","),
        "retriable_status_codes": retry["retryOn"]["httpStatusCodes"],
        "num_retries": retry["numRetries"],
        "retry_back_off": {"base_interval": "0.001s"},
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }],
        "host_selection_retry_max_attempts": 5,
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": retry["numAttemptsPerPriority"],
            },
        },
    })
}

/// A rule is asked at the request, and counted at the end of the answer.
fn limit((number, rule): (usize, &Value)) -> [Value; 2] {
    let actions: Vec<Value> = list(&rule["clientSelectors"][0]["headers"])
        .iter()
        .enumerate()
        .map(|(matched, header)| {
            let key = format!("rule-{number}-match-{matched}");
            json!({"request_headers": {"header_name": header["name"], "descriptor_key": key}})
        })
        .collect();
    let cost = &rule["cost"];
    let metadata = &cost["response"]["metadata"];
    let part = |field: &str| metadata[field].as_str().unwrap_or_default();
    let format = format!("%DYNAMIC_METADATA({}:{})%", part("namespace"), part("key"));
    [
        json!({"actions": actions, "hits_addend": {"number": cost["request"]["number"]}}),
        json!({"actions": actions, "hits_addend": {"format": format}, "apply_on_stream_done": true}),
    ]
}

/// Applies an `add` of an EnvoyPatchPolicy.
fn apply(patch: &Value, bootstrap: &mut Value) -> Result<()> {
    let kind = patch["type"].as_str().context("no type")?;
    let resource = if kind.ends_with(".RouteConfiguration") {
        bootstrap.pointer_mut(ROUTES)
    } else {
        let clusters = bootstrap.pointer_mut("/static_resources/clusters");
        let clusters = clusters.and_then(Value::as_array_mut).into_iter().flatten();
        clusters
            .into_iter()
            .find(|cluster| cluster["name"] == patch["name"])
    };
    let resource = resource.context("no such resource")?;
    ensure!(
        resource["name"] == patch["name"],
        "it is {}",
        resource["name"]
    );
    let operation = &patch["operation"];
    ensure!(operation["op"] == "add", "{operation}");
    let path = operation["path"]
        .as_str()
        .context("no path")?
        .trim_start_matches('/');
    let value = operation["value"].clone();
    match operation["jsonPath"].as_str() {
        None => resource[path] = value,
        Some("$.virtual_hosts[*]") => {
            let hosts = resource["virtual_hosts"].as_array_mut();
            for host in hosts.context("no virtual hosts")? {
                host[path] = value.clone();
            }
        }
        Some(other) => bail!("unknown {other}"),
    }
    Ok(())
}

/// The module's file is elsewhere in the pod.
fn put_module(value: &mut Value, file: &Path) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "filename" && *value == "/modules/librust_module.so" {
                    *value = json!(file);
                } else {
                    put_module(value, file);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| put_module(value, file)),
        _ => {}
    }
}
