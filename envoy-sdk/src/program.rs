//! The module as Envoy loads it: its entry points, registered once per process.

use std::any::Any;
use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::sync::OnceLock;

use crate::callbacks::{Callbacks, Resolver};
use crate::filter::HttpFilterConfig;
use crate::filter_config::EnvoyHttpFilterConfig;
use crate::guard;
use crate::host::{self, Host};

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
#[derive(Clone, Copy)]
pub struct Program {
    /// The host's callbacks.
    pub callbacks: &'static Callbacks,
    /// The module's entry points.
    pub module: Module,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

thread_local! {
    /// Tests run hosts of several releases side by side, each on its own thread; production never
    /// looks here because `PROGRAM` is set.
    static THREAD_PROGRAM: Cell<Option<Program>> = const { Cell::new(None) };
}

/// The program of this process, or of this thread under a fake host.
pub(crate) fn current() -> Option<Program> {
    PROGRAM
        .get()
        .copied()
        .or_else(|| THREAD_PROGRAM.try_with(Cell::get).ok().flatten())
}

/// Puts `program` in place for this thread only, as a fake host needs it. `None` takes it away.
#[doc(hidden)]
pub fn install_for_thread(program: Option<Program>) {
    THREAD_PROGRAM.set(program);
}

/// Initializes `module` in the Envoy that loaded it; returns the ABI version to report, or null to
/// be rejected.
#[doc(hidden)]
pub fn start(module: Module) -> *const c_char {
    let version = guard::quietly("program_init", || {
        let Some(callbacks) = Callbacks::of_process() else {
            // Nothing to log through: a host without the body callbacks has an unknown log too.
            eprintln!("dynamic module not loaded: it needs Envoy 1.36.3 or later");
            return None;
        };
        init(*PROGRAM.get_or_init(|| Program { callbacks, module }))
    });
    version
        .flatten()
        .map_or(std::ptr::null(), |version| version.as_ptr())
}

/// Runs the module's own initialization; returns the ABI version to report, `None` when the module
/// declines.
#[doc(hidden)]
pub fn init(program: Program) -> Option<&'static CStr> {
    (program.module.init)().then(|| host::reported_abi_version(program.callbacks.host()))
}

/// Loads the callbacks of a host that is not this process.
#[doc(hidden)]
pub fn load_callbacks(resolve: Resolver<'_>) -> Option<Callbacks> {
    Host::detect(resolve).map(|host| Callbacks::load(host, resolve))
}
