//! Where measurements take place: Envoy between the load and the upstream.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use harness::{Bootstrap, Envoy, EnvoyRelease, Launch, Module, Request, Response, Route};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::bare_module::BareModule;
use super::body::{self, MODEL, Position};
use super::load::{self, Load, Pace};
use super::peers::{BUFFER_LIMIT, CHOSEN, HEADER, Origin, Peer, Proof};
use super::processors::Processors;
use super::router::Router;
use super::upstream::{self, Upstream};

/// What all measurements share.
pub(super) struct Stage {
    pub(super) release: EnvoyRelease,
    pub(super) ours: Module,
    pub(super) other: Option<Module>,
    bare: Result<BareModule, String>,
    pub(super) processors: Processors,
    pub(super) upstream: Upstream,
    router: Router,
    runtime: Runtime,
}

/// The processor time used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct CpuTime {
    pub(super) envoy: Duration,
    /// Of the router, which only `ext_proc` asks.
    pub(super) router: Duration,
}

impl Stage {
    pub(super) fn new(release: EnvoyRelease, ours: Module, other: Option<Module>) -> Result<Self> {
        let processors = Processors::available()?;
        Ok(Self {
            release,
            ours,
            other,
            bare: BareModule::build(release).map_err(|error| format!("{error:#}")),
            processors,
            upstream: Upstream::start(processors, upstream::OK)?,
            router: Router::start(processors)?,
            // Only starts Envoy and asks its admin interface: no thread that could disturb.
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    /// The module that does not look at what it is given.
    pub(super) fn bare(&self) -> Result<&Module> {
        match &self.bare {
            Ok(bare) => Ok(&bare.module),
            Err(error) => Err(anyhow!("{error}")),
        }
    }

    /// A running Envoy with this filter in its chain.
    pub(super) fn envoy(&self, peer: &Peer) -> Result<Running<'_>> {
        self.envoy_under(peer, &[])
    }

    /// The same, run by this command.
    pub(super) fn envoy_under(&self, peer: &Peer, command: &[&str]) -> Result<Running<'_>> {
        let bootstrap = self.bootstrap(peer).build(self.release);
        let launch = Launch::new(self.release, bootstrap).under(command);
        self.start(launch, self.module(peer)?, 1)
    }

    /// The gateway with this filter in its chain.
    pub(super) fn bootstrap(&self, peer: &Peer) -> Bootstrap {
        let bootstrap = Bootstrap::new()
            .buffer_limit(BUFFER_LIMIT)
            .cluster("upstream", self.upstream.address())
            .cluster(CHOSEN, self.upstream.address())
            // The filter chooses the route again, so there is one to find.
            .route(Route::to(CHOSEN).header(HEADER, MODEL))
            .route(Route::to("upstream"));
        let bootstrap = match peer.origin {
            Origin::Router => bootstrap.add_cluster(self.router.cluster()),
            Origin::Envoy | Origin::Ours | Origin::Other | Origin::Bare => bootstrap,
        };
        peer.add_to(bootstrap)
    }

    /// The module that this peer needs, if it needs one.
    pub(super) fn module(&self, peer: &Peer) -> Result<Option<&Module>> {
        Ok(match peer.origin {
            Origin::Envoy | Origin::Router => None,
            Origin::Ours => Some(&self.ours),
            Origin::Other => self.other.as_ref(),
            Origin::Bare => Some(self.bare()?),
        })
    }

    /// A running Envoy with this bootstrap.
    pub(super) fn launch(
        &self,
        bootstrap: &Bootstrap,
        module: Option<&Module>,
    ) -> Result<Running<'_>> {
        self.serve(bootstrap.build(self.release), module, 1)
    }

    /// The same with so many workers. More than one may use all processors.
    pub(super) fn serve(
        &self,
        bootstrap: Value,
        module: Option<&Module>,
        workers: u32,
    ) -> Result<Running<'_>> {
        self.start(Launch::new(self.release, bootstrap), module, workers)
    }

    /// A running Envoy that is part of the load.
    pub(super) fn client(&self, bootstrap: &Bootstrap) -> Result<Running<'_>> {
        let launch = Launch::new(self.release, bootstrap.build(self.release)).concurrency(1);
        let envoy = self.runtime.block_on(launch.start())?;
        self.processors.pin_client(&envoy)?;
        Ok(Running { stage: self, envoy })
    }

    fn start(&self, launch: Launch, module: Option<&Module>, workers: u32) -> Result<Running<'_>> {
        let mut launch = launch.concurrency(workers);
        if let Some(module) = module {
            launch = launch.module(module);
        }
        let envoy = self.runtime.block_on(launch.start())?;
        if workers == 1 {
            self.processors.pin_envoy(&envoy)?;
        }
        Ok(Running { stage: self, envoy })
    }

    /// Why this peer is not measured, if so: what it lacks here, or how it fails one request.
    pub(super) fn obstacle(&self, peer: &Peer) -> Option<String> {
        let known = peer.obstacle(self.release, self.other.is_some());
        known.or_else(|| {
            let error = self.attempt(peer).err()?;
            Some(summary(&format!("{error:#}")).to_owned())
        })
    }

    /// Whether the last request had the routing header.
    fn has_arrived(&self) -> Result<()> {
        let arrival = self.upstream.last().context("nothing arrived")?;
        let model = arrival.field(HEADER);
        ensure!(model == Some(MODEL), "{HEADER} is {model:?}, not {MODEL:?}");
        Ok(())
    }

    fn attempt(&self, peer: &Peer) -> Result<()> {
        let running = self.envoy(peer)?;
        let request = load::request(&body::chat(1000, Position::Last));
        running.load()?.run(&request, Duration::ZERO)?;
        match peer.proof {
            Proof::Nothing => {}
            Proof::Header => self.has_arrived()?,
            Proof::Routed => {
                self.has_arrived()?;
                let routed = running.stat(&format!("cluster.{CHOSEN}.upstream_rq_200"))?;
                ensure!(routed > 0, "the route was not chosen again");
            }
            Proof::Stat(name) => {
                ensure!(running.stat(name)? > 0, "{name} counted nothing");
            }
        }
        // What a module does not understand it must not be measured with.
        match running.complaint() {
            Some(line) => Err(anyhow!("{line}")),
            None => Ok(()),
        }
    }
}

impl CpuTime {
    /// What was used since then.
    pub(super) fn since(self, then: Self) -> Self {
        Self {
            envoy: self.envoy.saturating_sub(then.envoy),
            router: self.router.saturating_sub(then.router),
        }
    }
}

/// An Envoy that serves.
pub(super) struct Running<'s> {
    stage: &'s Stage,
    pub(super) envoy: Envoy,
}

impl Running<'_> {
    pub(super) fn address(&self) -> Result<SocketAddr> {
        self.stage.runtime.block_on(self.envoy.address())
    }

    pub(super) fn load(&self) -> Result<Load> {
        self.load_at(Pace::Saturated)
    }

    pub(super) fn load_at(&self, pace: Pace) -> Result<Load> {
        Load::connect(self.address()?, self.stage.processors, pace)
    }

    pub(super) fn cpu_time(&self) -> Result<CpuTime> {
        Ok(CpuTime {
            envoy: self.envoy.cpu_time()?,
            router: self.stage.router.cpu_time()?,
        })
    }

    /// The answer to one GET of this path.
    pub(super) fn get(&self, path: &str) -> Result<Response> {
        self.ask(Request::get(path))
    }

    /// The answer to one request.
    pub(super) fn ask(&self, request: Request) -> Result<Response> {
        let answer = request.send(self.address()?);
        self.stage.runtime.block_on(answer)?.expect_status(200)
    }

    /// The first line of its access log.
    pub(super) fn logged(&self) -> Result<String> {
        let lines = self.stage.runtime.block_on(self.envoy.access_log(1))?;
        lines.into_iter().next().context("no access log")
    }

    pub(super) fn stat(&self, name: &str) -> Result<u64> {
        self.stage.runtime.block_on(self.envoy.stat(name))
    }

    /// What a module complained of first.
    pub(super) fn complaint(&self) -> Option<String> {
        complaint(&self.envoy.log()).map(ToOwned::to_owned)
    }
}

/// The first complaint of a module in a log.
fn complaint(log: &str) -> Option<&str> {
    const LEVELS: [&str; 3] = ["[warning]", "[error]", "[critical]"];
    let complains = |line: &&str| {
        line.contains("[dynamic_modules]") && LEVELS.iter().any(|level| line.contains(level))
    };
    log.lines().find(complains)
}

/// One line of an error that may hold a whole log: the module's complaint, or else the first.
pub(super) fn summary(error: &str) -> &str {
    let line = complaint(error).or_else(|| error.lines().next());
    let line = line.unwrap_or_default();
    // Envoy's prefix: "[time][thread][level][component] [source] text".
    line.rsplit_once("] ").map_or(line, |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_up_what_a_module_says() {
        let log = "envoy 1.40.0 did not start (exit status: 1):\n\
            [2026-11-21 04:00:00.000][7][info][dynamic_modules] [source/x.cc:1] version matched\n\
            [2026-11-21 04:00:00.000][7][error][dynamic_modules] [source/x.cc:2] rustformation: bad";
        assert_eq!(summary(log), "rustformation: bad");
        assert_eq!(
            complaint("[1][info][dynamic_modules] [x] version matched"),
            None
        );
        assert_eq!(summary("envoy answered 413\nmore"), "envoy answered 413");
    }
}
