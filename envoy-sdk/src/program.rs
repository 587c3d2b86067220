//! The module as Envoy loads it: its entry points, and what became of it.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use crate::abi::LogLevel;
use crate::callbacks::{Callbacks, Log};
use crate::envoy_log_error;
use crate::filter::HttpFilterConfig;
use crate::filter_config::EnvoyHttpFilterConfig;
use crate::guard;
use crate::host::Host;
use crate::loading::{self, Process, Refusal, ThisProcess};

/// Called once when Envoy loads the module; false rejects it.
pub type ProgramInit = fn() -> bool;

/// Makes the configuration of the filter called `name` from its configuration bytes; `None`
/// rejects it.
pub type NewHttpFilterConfig =
    fn(&mut EnvoyHttpFilterConfig, &str, &[u8]) -> Option<Box<dyn HttpFilterConfig>>;

/// Makes the per-route configuration of the filter called `name`; `None` rejects it.
pub type NewHttpFilterPerRouteConfig = fn(&str, &[u8]) -> Option<Box<dyn Any + Send + Sync>>;

/// The entry points of one module: what [`crate::declare_init_functions!`] registers.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// See [`ProgramInit`].
    pub init: ProgramInit,
    /// See [`NewHttpFilterConfig`].
    pub new_http_filter_config: NewHttpFilterConfig,
    /// See [`NewHttpFilterPerRouteConfig`].
    pub new_http_filter_per_route_config: NewHttpFilterPerRouteConfig,
}

/// A module in a host.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The host's callbacks.
    pub callbacks: &'static Callbacks,
    /// The module's entry points.
    pub module: Module,
}

/// A module from the first look at its host on.
#[derive(Clone, Debug, Default)]
struct Loaded {
    host: Option<Host>,
    log: Option<Log>,
    outcome: Option<Outcome>,
}

/// What loading came to. It is for good: Envoy keeps a module that was refused, and does not ask
/// again before it hands over the next configuration.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Accepted(Program),
    Refused(Refusal),
}

static LOADED: OnceLock<(Loaded, Option<CString>)> = OnceLock::new();

thread_local! {
    /// A module that is being loaded, and the modules of tests, which run hosts of several releases
    /// side by side, each on its own thread.
    static ON_THIS_THREAD: RefCell<Option<Loaded>> = const { RefCell::new(None) };
}

/// What `read` finds in the module of this process, or of this thread under a fake host.
fn loaded<T>(read: impl FnOnce(&Loaded) -> Option<T>) -> Option<T> {
    match LOADED.get() {
        Some((loaded, _)) => read(loaded),
        None => ON_THIS_THREAD
            .try_with(|loaded| loaded.borrow().as_ref().and_then(read))
            .ok()
            .flatten(),
    }
}

/// The program, unless it was refused.
pub(crate) fn current() -> Option<Program> {
    loaded(|loaded| match loaded.outcome.as_ref()? {
        Outcome::Accepted(program) => Some(*program),
        Outcome::Refused(_) => None,
    })
}

/// The program for a new configuration: when it was refused, the log says why.
pub(crate) fn for_configuration() -> Option<Program> {
    let refusal = loaded(|loaded| match loaded.outcome.as_ref()? {
        Outcome::Accepted(_) => None,
        Outcome::Refused(refusal) => Some(refusal.clone()),
    });
    match (refusal, log()) {
        (None, _) => return current(),
        (Some(refusal), Some(_)) => envoy_log_error!("configuration rejected: {refusal}"),
        (Some(refusal), None) => eprintln!("dynamic module: configuration rejected: {refusal}"),
    }
    None
}

/// The host's log.
#[inline]
pub(crate) fn log() -> Option<Log> {
    loaded(|loaded| loaded.log)
}

/// Whether the host's log has messages of this level. Asked of every request, so nothing is copied.
#[inline]
pub(crate) fn logs(level: LogLevel) -> bool {
    loaded(|loaded| Some(loaded.log.as_ref()?.enabled(level))).unwrap_or(false)
}

/// The host, also while the module initializes itself.
pub(crate) fn host() -> Option<Host> {
    loaded(|loaded| loaded.host)
}

/// Loads `module` into the Envoy that called it; returns the ABI version to report, or null to be
/// rejected.
#[doc(hidden)]
pub fn start(module: Module) -> *const c_char {
    let (_, version) = LOADED.get_or_init(|| {
        let version = guard::quietly("program_init", || load(&ThisProcess, module));
        let loaded = ON_THIS_THREAD.take();
        (loaded.unwrap_or_default(), version.flatten())
    });
    version
        .as_ref()
        .map_or(std::ptr::null(), |version| version.as_ptr())
}

/// Loads `module` into the host of `process`, for this thread; returns the ABI version to report.
#[doc(hidden)]
pub fn load(process: &dyn Process, module: Module) -> Option<CString> {
    let host = loading::host(process);
    let (log, callbacks) = match &host {
        Ok(host) => loading::callbacks(process, *host),
        Err(refusal) => (None, Err(refusal.clone())),
    };
    let update = |change: &dyn Fn(&mut Loaded)| {
        ON_THIS_THREAD.with_borrow_mut(|loaded| change(loaded.get_or_insert_default()));
    };
    unload_from_thread();
    update(&|loaded| (loaded.host, loaded.log) = (host.as_ref().ok().copied(), log));

    let program = callbacks.map(|callbacks| Program { callbacks, module });
    let initialized =
        program.and_then(
            |program| match guard::quietly("program_init", module.init) {
                Some(true) => Ok(program),
                Some(false) => Err(Refusal::Declined),
                None => Err(Refusal::Panicked),
            },
        );
    let (outcome, version) = match initialized {
        Ok(program) => match loading::abi_version(process, program.callbacks.host()) {
            // A version that will not do is reported all the same: Envoy answers with its own.
            (version, Some(refusal)) => (Outcome::Refused(refusal), Some(version)),
            (version, None) => (Outcome::Accepted(program), Some(version)),
        },
        Err(refusal) => (Outcome::Refused(refusal), None),
    };
    if let Outcome::Refused(refusal) = &outcome {
        match log {
            Some(_) => envoy_log_error!("module refused: {refusal}"),
            None => process.write_error(&format!("dynamic module refused: {refusal}")),
        }
    }
    update(&|loaded| loaded.outcome = Some(outcome.clone()));
    version
}

/// Takes away what [`load`] left on this thread.
#[doc(hidden)]
pub fn unload_from_thread() {
    ON_THIS_THREAD.set(None);
}
