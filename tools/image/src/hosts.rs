//! The hosts of the trials: gateways, models and a load balancer, each a container of the image.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::Request;
use tempfile::TempDir;
use tokio::time::sleep;

use super::docker::{Container, Network};

/// Port of a gateway's traffic, of its readiness, and of models and balancer.
pub(super) const TRAFFIC: u16 = 80;
pub(super) const READINESS: u16 = 8082;
pub(super) const OPEN: u16 = 8080;

/// How long a host may take to do what it is about to do.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// What kgateway's pod template says, as far as Docker has it.
const HARDENED: [&str; 10] = [
    "--user",
    "10101",
    "--read-only",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
    "--sysctl",
    "net.ipv4.ip_unprivileged_port_start=0",
    "--env",
];

/// Where the bootstraps lie, and the network that the hosts share.
pub(super) struct Hosts {
    image: String,
    directory: TempDir,
    network: Network,
}

impl Hosts {
    pub(super) fn new(image: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        for (role, bootstrap) in [
            ("gateway", include_str!("gateway.yaml")),
            ("backend", include_str!("backend.yaml")),
            ("balancer", include_str!("balancer.yaml")),
        ] {
            let folder = directory.path().join(role);
            write(&folder, "envoy.yaml", bootstrap)?;
        }
        let labels = "app=\"gateway\"\ngateway=\"demo\"\ntopology.kubernetes.io/zone=\"zone-b\"\n";
        write(&directory.path().join("podinfo"), "labels", labels)?;
        readable(directory.path())?;
        Ok(Self {
            image: image.to_owned(),
            directory,
            network: Network::create()?,
        })
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Starts a gateway as kgateway's pod template does.
    pub(super) fn gateway(&self, name: &str) -> Result<Container> {
        let podinfo = format!("{}:/etc/podinfo:ro", self.path("podinfo"));
        let more = ["--volume", &podinfo, "--env", "POD_NAMESPACE=default"];
        let node = format!("{name}.default");
        self.start(
            name,
            "gateway",
            &more,
            &["--service-node", &node],
            &[TRAFFIC, READINESS],
        )
    }

    /// Starts a model server.
    pub(super) fn model(&self, name: &str) -> Result<Container> {
        self.start(name, "backend", &[], &[], &[])
    }

    /// Starts the load balancer.
    pub(super) fn balancer(&self) -> Result<Container> {
        self.start("balancer", "balancer", &[], &[], &[OPEN])
    }

    fn start(
        &self,
        name: &str,
        role: &str,
        more: &[&str],
        arguments: &[&str],
        ports: &[u16],
    ) -> Result<Container> {
        let mut options = HARDENED.map(ToOwned::to_owned).to_vec();
        options.push(format!("POD_NAME={name}"));
        options.extend([
            "--volume".into(),
            format!("{}:/etc/envoy:ro", self.path(role)),
        ]);
        options.extend(["--network".into(), self.network.id().into()]);
        options.extend(["--network-alias".into(), name.into()]);
        for port in ports {
            options.extend(["--publish".into(), format!("127.0.0.1::{port}")]);
        }
        let options: Vec<&str> = options
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let common = [
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "info",
        ];
        let arguments: Vec<&str> = common.iter().chain(arguments).copied().collect();
        Container::start(name, &options, &self.image, &arguments)
    }

    fn path(&self, folder: &str) -> String {
        self.directory.path().join(folder).display().to_string()
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), text)?;
    readable(folder)
}

/// The user of the containers is not ours.
fn readable(folder: &Path) -> Result<()> {
    Ok(fs::set_permissions(folder, Permissions::from_mode(0o755))?)
}

/// The status of a gateway's readiness probe; 0 if nothing answers.
pub(super) async fn readiness(gateway: SocketAddr) -> u16 {
    let answer = Request::get("/ready").send(gateway).await;
    answer.map_or(0, |answer| answer.status)
}

/// Waits until `probe` is true, and returns how long that took.
///
/// # Errors
/// It is not in time; the error says `what` was waited for.
pub(super) async fn until(what: &str, mut probe: impl AsyncFnMut() -> bool) -> Result<Duration> {
    let begin = Instant::now();
    while !probe().await {
        ensure!(begin.elapsed() < PATIENCE, "not after {PATIENCE:?}: {what}");
        sleep(POLL).await;
    }
    Ok(begin.elapsed())
}

/// Waits until a gateway's readiness probe succeeds; if it does not, the error holds its log.
pub(super) async fn until_ready(gateway: &Container) -> Result<Duration> {
    let address = gateway.address(READINESS).with_context(|| gateway.log())?;
    until("readiness", async || readiness(address).await == 200)
        .await
        .with_context(|| gateway.log())
}
