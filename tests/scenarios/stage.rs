//! What a scenario plays on: one release of Envoy and one build of the module.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, Envoy, EnvoyRelease, Launch, Module};
use serde_json::Value;

/// Scenarios about one thing.
pub(crate) struct Area {
    pub(crate) name: &'static str,
    pub(crate) module: Built,
    pub(crate) scenarios: &'static [Scenario],
}

/// Which build of the module an area needs.
#[derive(Clone, Copy)]
pub(crate) enum Built {
    /// None: a plain Envoy.
    No,
    /// The one that is shipped.
    Release,
    /// The module that misuses the SDK, in its place.
    Hostile,
}

/// Which releases a scenario runs on.
#[derive(Clone, Copy)]
pub(crate) enum Releases {
    /// All supported ones.
    All,
    /// The oldest and the newest.
    Ends,
    /// Those that load a module by the name of its file, as Envoy Gateway does.
    ByFile,
}

/// A scenario being played.
type Playing<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A scenario, as `scenarios!` makes it.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) releases: Releases,
    pub(crate) play: for<'a> fn(&'a Stage) -> Playing<'a>,
}

/// A table of scenarios: `All`, `Ends` or `ByFile` (the releases) and the function, a line each.
macro_rules! scenarios {
    ($($releases:ident $name:ident,)*) => {
        &[$($crate::stage::Scenario {
            name: stringify!($name),
            releases: $crate::stage::Releases::$releases,
            play: |stage| Box::pin($name(stage)),
        }),*]
    };
}
pub(crate) use scenarios;

/// One release, one build of the module, and every Envoy started so far.
pub(crate) struct Stage {
    pub(crate) release: EnvoyRelease,
    module: Option<&'static Module>,
    started: Mutex<Vec<Arc<Envoy>>>,
}

impl Stage {
    /// Gets the binary and the module, which may take minutes the first time.
    pub(crate) fn new(release: EnvoyRelease, module: Built) -> Result<Self> {
        release.binary()?;
        let module = match module {
            Built::No => None,
            Built::Release => Some(Module::release()?),
            Built::Hostile => Some(Module::hostile()?),
        };
        Ok(Self {
            release,
            module,
            started: Mutex::default(),
        })
    }

    /// The module.
    pub(crate) fn module(&self) -> Result<&Module> {
        self.module.context("the area names no module")
    }

    /// Starts an Envoy.
    pub(crate) async fn envoy(&self, bootstrap: &Bootstrap) -> Result<Arc<Envoy>> {
        self.start(self.launch(bootstrap.build(self.release))).await
    }

    /// An Envoy to start with [`start`](Self::start), or to be refused or validated, when it needs more than a bootstrap.
    pub(crate) fn launch(&self, bootstrap: Value) -> Launch {
        let launch =
            Launch::new(self.release, bootstrap).component_log_level("dynamic_modules:debug");
        match self.module {
            Some(module) => launch.module(module),
            None => launch,
        }
    }

    /// Starts an Envoy that shows up in the report and must outlive the scenario.
    pub(crate) async fn start(&self, launch: Launch) -> Result<Arc<Envoy>> {
        let envoy = Arc::new(launch.start().await?);
        self.started().push(Arc::clone(&envoy));
        Ok(envoy)
    }

    /// A crash fails every scenario, also one that looked elsewhere.
    pub(crate) fn check_survivors(&self) -> Result<()> {
        for envoy in self.started().iter() {
            ensure!(envoy.is_alive(), "envoy crashed");
        }
        Ok(())
    }

    /// What every Envoy of the scenario has to say.
    pub(crate) async fn report(&self) -> String {
        let started = self.started().clone();
        let mut report = String::new();
        for envoy in started {
            report += &envoy.report().await;
        }
        report
    }

    fn started(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Envoy>>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails unless both are equal, and shows both.
pub(crate) fn same<A, B>(what: &str, actual: A, expected: B) -> Result<()>
where
    A: PartialEq<B> + std::fmt::Debug,
    B: std::fmt::Debug,
{
    ensure!(
        actual == expected,
        "{what}: got {actual:?}, expected {expected:?}"
    );
    Ok(())
}

/// The only value of a header.
pub(crate) fn only(headers: &harness::Headers, name: &str) -> Result<String> {
    headers
        .value(name)
        .with_context(|| format!("no header {name} in {headers:?}"))
}
