//! The fake host and the configurations it holds.

use std::ffi::{CString, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use envoy_proxy_dynamic_modules_rust_sdk::program::{self, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{LogLevel, hooks};

use crate::build::Build;
use crate::generation::Generation;
use crate::log;
use crate::metrics::Metrics;
use crate::stream::FakeStream;

/// One Envoy that has loaded a module, or refused it. It belongs to the thread that made it; one per
/// thread at a time.
#[derive(Debug)]
pub struct FakeHost {
    build: Build,
    abi_version: Option<CString>,
    this_thread: PhantomData<*const ()>,
}

impl FakeHost {
    /// Loads `module` into an Envoy.
    pub fn load(build: Build, module: Module) -> Self {
        log::reset();
        let abi_version = program::load(&build, module);
        Self {
            build,
            abi_version,
            this_thread: PhantomData,
        }
    }

    /// Loads `module` into a release of Envoy.
    ///
    /// # Panics
    /// When the module rejects that.
    pub fn new(generation: Generation, module: Module) -> Self {
        let host = Self::load(Build::of(generation), module);
        assert!(
            host.abi_version.is_some(),
            "{generation:?}: the module rejected being loaded: {:?}",
            host.logs()
        );
        host
    }

    /// The release.
    pub fn generation(&self) -> Generation {
        self.build.generation
    }

    /// The ABI version that the module reported; `None` when it rejected being loaded.
    pub fn abi_version(&self) -> Option<&str> {
        self.abi_version.as_ref()?.to_str().ok()
    }

    /// What the module wrote to the standard error stream.
    pub fn errors(&self) -> Vec<String> {
        self.build.errors.borrow().clone()
    }

    /// Creates a filter configuration; `None` when the module rejects it.
    pub fn filter_config(&self, name: impl AsRef<[u8]>, config: &[u8]) -> Option<FakeFilterConfig> {
        let name = name.as_ref();
        let mut state = Rc::new(ConfigState {
            generation: self.build.generation,
            metrics: Metrics::default(),
            module: std::ptr::null(),
        });
        let envoy = Rc::as_ptr(&state).cast_mut().cast::<c_void>();
        // SAFETY: the state outlives the call, which only reads it, and the buffers are readable.
        let module = unsafe {
            hooks::envoy_dynamic_module_on_http_filter_config_new(
                envoy,
                name.as_ptr(),
                name.len(),
                config.as_ptr(),
                config.len(),
            )
        };
        if module.is_null() {
            return None;
        }
        Rc::get_mut(&mut state)?.module = module;
        state.metrics.freeze();
        Some(FakeFilterConfig { state })
    }

    /// Creates a per-route configuration; `None` when the module rejects it.
    pub fn route_config(&self, name: impl AsRef<[u8]>, config: &[u8]) -> Option<FakeRouteConfig> {
        let name = name.as_ref();
        // SAFETY: the buffers are readable.
        let module = unsafe {
            hooks::envoy_dynamic_module_on_http_filter_per_route_config_new(
                name.as_ptr(),
                name.len(),
                config.as_ptr(),
                config.len(),
            )
        };
        (!module.is_null()).then(|| FakeRouteConfig(Rc::new(RouteState { module })))
    }

    /// What was logged on this thread since the host was made.
    pub fn logs(&self) -> Vec<(LogLevel, String)> {
        log::lines()
    }

    /// Whether any line of `level` contains `text`.
    pub fn logged(&self, level: LogLevel, text: &str) -> bool {
        self.logs()
            .iter()
            .any(|(own, line)| *own == level && line.contains(text))
    }

    /// Sets the log level; at first everything is logged.
    pub fn set_log_level(&self, level: LogLevel) {
        log::set_level(level);
    }
}

impl Drop for FakeHost {
    fn drop(&mut self) {
        program::unload_from_thread();
    }
}

/// Envoy's side of a filter configuration.
pub(crate) struct ConfigState {
    pub(crate) generation: Generation,
    pub(crate) metrics: Metrics,
    pub(crate) module: *const c_void,
}

impl Drop for ConfigState {
    fn drop(&mut self) {
        // SAFETY: what the module returned, given back once, after every stream.
        unsafe { hooks::envoy_dynamic_module_on_http_filter_config_destroy(self.module) }
    }
}

/// A filter configuration that the module accepted. Destroyed with the last stream that uses it.
pub struct FakeFilterConfig {
    pub(crate) state: Rc<ConfigState>,
}

impl FakeFilterConfig {
    /// Starts a stream.
    pub fn stream(&self) -> FakeStream {
        FakeStream::new(Rc::clone(&self.state))
    }

    /// The value of a counter or gauge; 0 when it never changed. One label value per label name.
    pub fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        self.histogram(name, labels).last().copied().unwrap_or(0)
    }

    /// Every value recorded in a histogram.
    pub fn histogram(&self, name: &str, labels: &[&str]) -> Vec<u64> {
        self.state.metrics.values(name, labels)
    }
}

impl fmt::Debug for FakeFilterConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FakeFilterConfig")
            .field("generation", &self.state.generation)
            .finish_non_exhaustive()
    }
}

/// A per-route configuration that the module accepted. Destroyed when the last clone goes.
#[derive(Clone, Debug)]
pub struct FakeRouteConfig(pub(crate) Rc<RouteState>);

impl FakeRouteConfig {
    /// What another module returned, which is at `address`.
    pub fn of_another_module(address: *const c_void) -> Self {
        Self(Rc::new(RouteState { module: address }))
    }
}

#[derive(Debug)]
pub(crate) struct RouteState {
    pub(crate) module: *const c_void,
}

impl Drop for RouteState {
    fn drop(&mut self) {
        // SAFETY: what the module returned, given back once; or what it must not follow.
        unsafe { hooks::envoy_dynamic_module_on_http_filter_per_route_config_destroy(self.module) }
    }
}
