//! Where measurements take place: Envoy between the load and the upstream.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use harness::{Bootstrap, Envoy, EnvoyRelease, Launch, Module, Request, Response, Route};
use tokio::runtime::Runtime;

use super::bare_module::BareModule;
use super::body::{self, MODEL, Position};
use super::load::{self, Load};
use super::peers::{BUFFER_LIMIT, HEADER, Origin, Peer, Proof};
use super::processors::Processors;
use super::upstream::Upstream;

/// What all measurements share.
pub(super) struct Stage {
    pub(super) release: EnvoyRelease,
    pub(super) ours: Module,
    pub(super) other: Option<Module>,
    bare: Result<BareModule, String>,
    pub(super) processors: Processors,
    pub(super) upstream: Upstream,
    runtime: Runtime,
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
            upstream: Upstream::start(processors)?,
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
        let bootstrap = Bootstrap::new()
            .buffer_limit(BUFFER_LIMIT)
            .cluster("upstream", self.upstream.address())
            // The filter chooses the route again, so there is one to find.
            .route(Route::to("upstream").header(HEADER, MODEL))
            .route(Route::to("upstream"));
        let module = match peer.origin {
            Origin::Envoy => None,
            Origin::Ours => Some(&self.ours),
            Origin::Other => self.other.as_ref(),
            Origin::Bare => Some(self.bare()?),
        };
        let bootstrap = peer.add_to(bootstrap).build(self.release);
        self.start(Launch::new(self.release, bootstrap).under(command), module)
    }

    /// A running Envoy with this bootstrap.
    pub(super) fn launch(
        &self,
        bootstrap: &Bootstrap,
        module: Option<&Module>,
    ) -> Result<Running<'_>> {
        self.start(
            Launch::new(self.release, bootstrap.build(self.release)),
            module,
        )
    }

    fn start(&self, launch: Launch, module: Option<&Module>) -> Result<Running<'_>> {
        let mut launch = launch.concurrency(1);
        if let Some(module) = module {
            launch = launch.module(module);
        }
        let envoy = self.runtime.block_on(launch.start())?;
        self.processors.pin_envoy(&envoy)?;
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

    fn attempt(&self, peer: &Peer) -> Result<()> {
        let running = self.envoy(peer)?;
        let request = load::request(&body::chat(1000, Position::Last));
        running.load()?.run(&request, Duration::ZERO)?;
        match peer.proof {
            Proof::Nothing => {}
            Proof::Header => {
                let arrival = self.upstream.last().context("nothing arrived")?;
                let model = arrival.field(HEADER);
                ensure!(model == Some(MODEL), "{HEADER} is {model:?}, not {MODEL:?}");
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
        Load::connect(self.address()?, self.stage.processors)
    }

    /// The answer to one GET of this path.
    pub(super) fn get(&self, path: &str) -> Result<Response> {
        let answer = Request::get(path).send(self.address()?);
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
