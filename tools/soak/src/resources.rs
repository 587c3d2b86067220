//! The files by which Envoy gets its listener, routes and cluster: LDS, RDS and CDS.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use harness::{Bootstrap, Cluster, EnvoyRelease, Filter, Route};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::upstream::Upstream;

/// What is replaced, each by a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    Listener,
    Routes,
    Cluster,
}

impl Resource {
    pub(crate) const ALL: [Self; 3] = [Self::Listener, Self::Routes, Self::Cluster];

    /// The header that shows which version a request met.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Listener => "x-version-listener",
            Self::Routes => "x-version-routes",
            Self::Cluster => "x-version-cluster",
        }
    }

    /// Envoy's counter of what it has taken.
    pub(crate) fn counter(self) -> &'static str {
        match self {
            Self::Listener => "listener_manager.lds.update_success",
            Self::Routes => "http.main.rds.main.update_success",
            Self::Cluster => "cluster_manager.cds.update_success",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Listener => "listeners",
            Self::Routes => "routes",
            Self::Cluster => "clusters",
        }
    }
}

/// What the response pass of the listener adds.
pub(crate) const OF_RESPONSE: &str = "x-version-of-response";

/// Entries of a table in every version: one that is not freed shows in Envoy's memory.
const ENTRIES: usize = 100;

/// The files, each replaced as a whole.
pub(crate) struct Resources {
    directory: TempDir,
    release: EnvoyRelease,
}

impl Resources {
    pub(crate) fn new(release: EnvoyRelease) -> Result<Self> {
        Ok(Self {
            directory: tempfile::tempdir()?,
            release,
        })
    }

    /// Writes the first version of all, and returns the bootstrap that has Envoy read them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn begin(&self, upstream: &Upstream) -> Result<Value> {
        let mut bootstrap = Self::bootstrap(upstream, 1).build(self.release);
        for resource in Resource::ALL {
            self.write(resource, upstream, 1)?;
        }
        let fields = bootstrap.as_object_mut().context("no bootstrap")?;
        fields.remove("static_resources");
        fields.insert("node".into(), json!({"id": "soak", "cluster": "soak"}));
        fields.insert(
            "dynamic_resources".into(),
            json!({
                "lds_config": self.source(Resource::Listener),
                "cds_config": self.source(Resource::Cluster),
            }),
        );
        Ok(bootstrap)
    }

    /// Replaces one by this version.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(
        &self,
        resource: Resource,
        upstream: &Upstream,
        version: u32,
    ) -> Result<()> {
        let mut bootstrap = Self::bootstrap(upstream, version).build(self.release);
        let written = match resource {
            Resource::Cluster => cluster(upstream, version).resource(),
            Resource::Listener | Resource::Routes => {
                let listener = bootstrap.pointer_mut("/static_resources/listeners/0");
                let mut listener = listener.context("no listener")?.take();
                let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config");
                let manager = manager
                    .and_then(Value::as_object_mut)
                    .context("no manager")?;
                let mut routes = manager.remove("route_config").context("no routes")?;
                let source = self.source(Resource::Routes);
                manager.insert(
                    "rds".into(),
                    json!({"route_config_name": "main", "config_source": source}),
                );
                match resource {
                    Resource::Routes => {
                        typed(&mut routes, "route.v3.RouteConfiguration");
                        routes
                    }
                    _ => {
                        typed(&mut listener, "listener.v3.Listener");
                        listener
                    }
                }
            }
        };
        let response = json!({"version_info": version.to_string(), "resources": [written]});
        let new = self.directory.path().join("new");
        fs::write(&new, response.to_string())?;
        fs::rename(new, self.path(resource)).context("cannot replace a file")
    }

    /// All three, in this version.
    pub(crate) fn bootstrap(upstream: &Upstream, version: u32) -> Bootstrap {
        let set =
            |resource| json!([{"name": Resource::header(resource), "value": version.to_string()}]);
        let mut listener = json!({"request": {"extract": [table(version)]}});
        if let Some(passes) = listener.as_object_mut() {
            let answered = json!([{"name": OF_RESPONSE, "value": version.to_string()}]);
            passes.insert("response".into(), json!({"set": answered}));
        }
        if let Some(request) = listener
            .pointer_mut("/request")
            .and_then(Value::as_object_mut)
        {
            request.insert("set".into(), set(Resource::Listener));
        }
        let routes =
            json!({"request": {"set": set(Resource::Routes), "extract": [table(version)]}});
        Bootstrap::new()
            .filter(listener)
            .filter(Filter::new(json!({})).instance("of-routes"))
            .route(Route::to("upstream").per_route(Filter::new(routes).instance("of-routes")))
            .add_cluster(cluster(upstream, version))
    }

    fn path(&self, resource: Resource) -> PathBuf {
        self.directory.path().join(resource.file())
    }

    fn source(&self, resource: Resource) -> Value {
        json!({"path_config_source": {"path": self.path(resource)}, "resource_api_version": "V3"})
    }
}

/// The cluster, which marks each attempt.
fn cluster(upstream: &Upstream, version: u32) -> Cluster {
    let name = Resource::Cluster.header();
    let set = json!([{"name": name, "value": version.to_string()}]);
    let config = json!({"request": {"set": set, "extract": [table(version)]}});
    Cluster::new("upstream", upstream.address).filter(Filter::new(config).instance("of-cluster"))
}

fn table(version: u32) -> Value {
    let entries = (0..ENTRIES).map(|number| {
        let name = format!("adapter-{number}");
        (name, json!(format!("base of version {version}")))
    });
    let entries: serde_json::Map<String, Value> = entries.collect();
    json!({"header": "x-model", "lookup": {"header": "x-base", "values": entries}})
}

fn typed(resource: &mut Value, name: &str) {
    if let Some(fields) = resource.as_object_mut() {
        let name = format!("type.googleapis.com/envoy.config.{name}");
        fields.insert("@type".into(), name.into());
    }
}
