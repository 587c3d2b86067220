//! Configurations that change while requests are going on: none fails, and a broken one changes nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, Envoy, EnvoyRelease, Request, Route, Upstream};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::stage::{Scenario, Stage, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    Ends routes_change_under_load,
    Ends listeners_change_under_load,
];

/// Files that Envoy watches, each replaced as a whole.
pub(crate) struct Resources {
    directory: TempDir,
    release: EnvoyRelease,
    version: u32,
}

impl Resources {
    pub(crate) fn new(release: EnvoyRelease) -> Result<Self> {
        Ok(Self {
            directory: tempfile::tempdir()?,
            release,
            version: 0,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the listener and its routes; returns what is left of the bootstrap.
    pub(crate) fn write(&mut self, bootstrap: &Bootstrap, what: &[&str]) -> Result<Value> {
        self.version += 1;
        let mut bootstrap = bootstrap.build(self.release);
        let mut listener = bootstrap["static_resources"]["listeners"][0].take();
        bootstrap["static_resources"]
            .as_object_mut()
            .context("no resources")?
            .remove("listeners");
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        let mut routes = manager
            .as_object_mut()
            .context("no manager")?
            .remove("route_config")
            .context("no routes")?;
        routes["@type"] = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration".into();
        manager["rds"] =
            json!({"route_config_name": "main", "config_source": source(&self.path("routes"))});
        listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        for (name, resource) in [("routes", routes), ("listeners", listener)] {
            if what.contains(&name) {
                let response =
                    json!({"version_info": self.version.to_string(), "resources": [resource]});
                let new = self.path("new");
                std::fs::write(&new, response.to_string())?;
                std::fs::rename(new, self.path(name))?;
            }
        }
        bootstrap["node"] = json!({"id": "test", "cluster": "test"});
        bootstrap["dynamic_resources"] = json!({"lds_config": source(&self.path("listeners"))});
        Ok(bootstrap)
    }
}

fn source(path: &Path) -> Value {
    json!({"path_config_source": {"path": path}, "resource_api_version": "V3"})
}

/// Clients that send requests until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Result<usize>>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..4 {
            let stop = Arc::clone(&stop);
            clients.spawn(async move {
                let mut served = 0;
                while !stop.load(Ordering::Relaxed) {
                    let request = Request::post("/").body(r#"{"messages":[],"model":"gpt-4o"}"#);
                    let response = request.send(address).await?.expect_status(200)?;
                    let version = response
                        .headers
                        .value("x-version")
                        .context("not transformed")?;
                    ensure!(version.starts_with("gpt-4o "), "{version}");
                    served += 1;
                }
                Ok(served)
            });
        }
        Self { stop, clients }
    }

    /// How many requests were served; an error if one was not.
    pub(crate) async fn finish(mut self) -> Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        let mut served = 0;
        while let Some(client) = self.clients.join_next().await {
            served += client??;
        }
        Ok(served)
    }
}

fn config(version: &str) -> Value {
    json!({
        "request": {"extract": [{"header": "x-model"}]},
        "response": {"set": [{"name": "x-version", "value": format!("{{{{ extracted.model }}}} {version}")}]},
    })
}

pub(crate) async fn wait_for_version(address: SocketAddr, version: &str) -> Result<()> {
    let mut seen = None;
    for _ in 0..500 {
        let response = Request::post("/")
            .body(r#"{"model":"m"}"#)
            .send(address)
            .await?
            .expect_status(200)?;
        seen = response.headers.value("x-version");
        if seen.as_deref() == Some(&format!("m {version}")) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("version {version} did not come: {seen:?}")
}

async fn wait_for_stat(envoy: &Envoy, name: &str) -> Result<()> {
    for _ in 0..500 {
        if envoy.stat(name).await? > 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("{name} stayed 0")
}

async fn routes_change_under_load(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let routed = |config: Value| {
        Bootstrap::new()
            .filter(json!({}))
            .cluster("only", upstream.address())
            .route(Route::to("only").per_route(config))
    };
    let mut resources = Resources::new(stage.release)?;
    let bootstrap = resources.write(&routed(config("1")), &["routes", "listeners"])?;
    let envoy = stage.start(stage.launch(bootstrap)).await?;
    let address = envoy.address().await?;
    wait_for_version(address, "1").await?;

    let load = Load::start(address);
    for version in ["2", "3", "4"] {
        resources.write(&routed(config(version)), &["routes"])?;
        wait_for_version(address, version).await?;
    }
    let broken = json!({"request": {"set": [{"name": "x", "value": "{{"}]}});
    resources.write(&routed(broken), &["routes"])?;
    wait_for_stat(&envoy, "http.main.rds.main.update_rejected").await?;
    envoy.log_containing("RF004: request.set[0] `x`").await?;
    wait_for_version(address, "4").await?;
    resources.write(&routed(config("5")), &["routes"])?;
    wait_for_version(address, "5").await?;
    let served = load.finish().await?;
    ensure!(served > 20, "only {served} requests");
    Ok(())
}

async fn listeners_change_under_load(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let listening = |config: Value| {
        Bootstrap::new()
            .filter(config)
            .cluster("only", upstream.address())
            .route(Route::to("only"))
            .listener("drain_type", json!("MODIFY_ONLY"))
    };
    let mut resources = Resources::new(stage.release)?;
    let bootstrap = resources.write(&listening(config("1")), &["routes", "listeners"])?;
    let envoy = stage.start(stage.launch(bootstrap)).await?;
    let address = envoy.address().await?;
    wait_for_version(address, "1").await?;

    let load = Load::start(address);
    for version in ["2", "3", "4"] {
        resources.write(&listening(config(version)), &["listeners"])?;
        wait_for_version(address, version).await?;
    }
    resources.write(&listening(json!({"request": 1})), &["listeners"])?;
    wait_for_stat(&envoy, "listener_manager.lds.update_rejected").await?;
    envoy.log_containing("RF002: request: invalid type").await?;
    wait_for_version(address, "4").await?;
    let served = load.finish().await?;
    ensure!(served > 20, "only {served} requests");
    Ok(())
}
