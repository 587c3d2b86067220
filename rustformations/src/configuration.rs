//! Configurations of listeners and routes: compiled, or refused with every reason in the log.

use std::sync::{Arc, LazyLock};

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, HttpFilter, HttpFilterConfig, envoy_log_error, envoy_log_warn,
};
use transformations::{Engine, Program, Reason, Settings};

use crate::Constructors;
use crate::filter::Filter;
use crate::protobuf_struct;
use crate::stats::Stats;

/// Of the filter `rustformation`.
pub(crate) const CONSTRUCTORS: Constructors = Constructors {
    listener: |envoy, name, config| {
        let program = load(name, "", config)?;
        let stats = Stats::define(envoy, name);
        Some(Box::new(Listener { program, stats }))
    },
    route: |name, config| {
        let program = load(name, " (per route)", config)?;
        Some(Box::new(Route { program }))
    },
};

/// What all configurations of the process share. A control plane whose schema has no room for the
/// settings passes them as environment variables of the Envoy container.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let list = |name: &str| std::env::var(name).ok();
    Engine::new(Settings::from_lists(
        list("RUSTFORMATIONS_ROUTING_HEADERS").as_deref(),
        list("RUSTFORMATIONS_ENV_ALLOW").as_deref(),
    ))
});

/// The configuration of a listener's filter.
struct Listener {
    program: Arc<Program>,
    stats: Stats,
}

/// The configuration of a route, which replaces the listener's as a whole.
pub(crate) struct Route {
    pub(crate) program: Arc<Program>,
}

impl HttpFilterConfig for Listener {
    fn new_http_filter(&self, _envoy: &mut EnvoyHttpFilter) -> Box<dyn HttpFilter> {
        Box::new(Filter::new(Arc::clone(&self.program), self.stats))
    }

    fn on_panic(&self, envoy: &mut EnvoyHttpFilter, _hook: &'static str) {
        self.stats.count(envoy, Reason::Panic);
    }
}

/// Compiles a configuration; what is wrong with it goes to the log.
fn load(name: &str, place: &str, config: &[u8]) -> Option<Arc<Program>> {
    match ENGINE.load(&protobuf_struct::json(config)) {
        Ok(loaded) => {
            for warning in loaded.warnings {
                envoy_log_warn!("{name}{place}: {}: {warning}", warning.code);
            }
            Some(Arc::new(loaded.program))
        }
        Err(errors) => {
            for diagnostic in errors.0 {
                if diagnostic.is_error() {
                    envoy_log_error!("{name}{place}: {}: {diagnostic}", diagnostic.code);
                } else {
                    envoy_log_warn!("{name}{place}: {}: {diagnostic}", diagnostic.code);
                }
            }
            None
        }
    }
}
