//! What operators see of failures: a counter, dynamic metadata, a debug log.

use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyHttpFilter, EnvoyHttpFilterConfig, EnvoyMetrics, envoy_log_debug,
    envoy_log_warn,
};
use transformations::{Failure, Reason};

/// Namespace of the module's own dynamic metadata.
const NAMESPACE: &str = "rustformations";

/// The counters of one filter configuration.
#[derive(Clone, Copy)]
pub(crate) struct Stats {
    failures: Option<CounterId>,
}

impl Stats {
    /// Defines the counters. A host that refuses one loses it, and says so.
    pub(crate) fn define(envoy: &mut EnvoyHttpFilterConfig, filter: &str) -> Self {
        let name = "rustformations_failures_total";
        let failures = envoy
            .define_counter(name, &["reason"])
            .map_err(|error| envoy_log_warn!("{filter}: {name} is not counted: {error}"))
            .ok();
        Self { failures }
    }

    /// Makes the failures of one pass known; the first is the one the access log gets.
    pub(crate) fn report(self, envoy: &mut EnvoyHttpFilter, failures: &[Failure]) {
        for failure in failures {
            self.increment(envoy, failure.reason);
            envoy_log_debug!("{failure}");
        }
        if let Some(first) = failures.first() {
            mark(envoy, first.reason);
        }
    }

    /// Makes a panic known, which has no place in a configuration.
    pub(crate) fn panicked(self, envoy: &mut EnvoyMetrics) {
        self.increment(envoy, Reason::Panic);
        if let Some(envoy) = envoy.as_attached() {
            mark(envoy, Reason::Panic);
        }
    }

    fn increment(self, envoy: &EnvoyMetrics, reason: Reason) {
        if let Some(counter) = self.failures
            && let Err(error) = envoy.increment_counter(counter, &[reason.as_str()], 1)
        {
            envoy_log_debug!("failure {reason} is not counted: {error}");
        }
    }
}

fn mark(envoy: &mut EnvoyHttpFilter, reason: Reason) {
    envoy.set_dynamic_metadata_string(NAMESPACE, "failure", reason.as_str());
}
