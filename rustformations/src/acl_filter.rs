//! kgateway's filter `http-acl`: allows or denies requests by the address they come from.

use std::sync::Arc;

use acl::{Acl, Decision, Denial};
use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, CounterId, EnvoyHttpFilter, EnvoyHttpFilterConfig, EnvoyMetrics, EnvoyRequest,
    HttpFilter, HttpFilterConfig, LocalReply, RequestFlow, RequestHeadersStatus, envoy_log_debug,
    envoy_log_error,
};

use crate::Constructors;
use crate::configuration::{compiled, route_config};
use crate::protobuf_struct;
use crate::stats::Stats;

#[cfg(test)]
mod tests;

/// Counts denied requests.
const BLOCKED: &str = "dev.kgateway.http.acl.blocked";
/// Where dynamic metadata tells what denied a request.
const NAMESPACE: &str = "dev.kgateway.http.acl";
const BLOCKED_BY: &str = "blocked-by";
/// Response code details of a denied request.
const DETAILS: &str = "http-acl: denied by policy";
/// Response code details of a request whose route has rules that are not known.
const FOREIGN_DETAILS: &str = "http-acl: configuration of another module";

/// Of the filter `http-acl`.
pub(crate) const CONSTRUCTORS: Constructors = Constructors {
    listener: |envoy, name, config| {
        let acl = load(name, "", config)?;
        let blocked = define_blocked(envoy, name)?;
        let stats = Stats::define(envoy, name, None);
        Some(Box::new(Listener {
            acl,
            blocked,
            stats,
        }))
    },
    route: |name, config| Some(Box::new(Route(load(name, " (per route)", config)?))),
};

/// The configuration of a listener's filter.
struct Listener {
    acl: Arc<Acl>,
    blocked: CounterId,
    stats: Stats,
}

/// The configuration of a route, which replaces the listener's as a whole.
struct Route(Arc<Acl>);

fn load(name: &str, place: &str, config: &[u8]) -> Option<Arc<Acl>> {
    let loaded = Acl::load(&protobuf_struct::json(config));
    compiled(
        name,
        place,
        loaded.map(|loaded| (Arc::new(loaded.acl), loaded.warnings)),
    )
}

/// Without its counter the filter is refused, as in kgateway: who relies on the count must not
/// read 0.
fn define_blocked(envoy: &mut EnvoyHttpFilterConfig, name: &str) -> Option<CounterId> {
    envoy
        .define_counter(BLOCKED, &[])
        .map_err(|error| envoy_log_error!("{name}: {BLOCKED} is not counted: {error}"))
        .ok()
}

impl HttpFilterConfig for Listener {
    fn new_http_filter(&self, _envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        Box::new(Filter {
            listener: Arc::clone(&self.acl),
            blocked: self.blocked,
        })
    }

    fn on_panic(&self, envoy: &mut EnvoyMetrics, _hook: &'static str) {
        self.stats.panicked(envoy);
    }
}

/// The filter of one stream.
struct Filter {
    listener: Arc<Acl>,
    blocked: CounterId,
}

impl HttpFilter for Filter {
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyRequest,
        _end_of_stream: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        let Ok(route) = route_config::<Route>(envoy) else {
            return RequestFlow::reply(LocalReply::new(500).details(FOREIGN_DETAILS));
        };
        let acl = route.as_deref().map_or(&self.listener, |Route(acl)| acl);
        let source = envoy.attribute_string(AttributeId::SourceAddress);
        match acl.decide(source.as_deref()) {
            Decision::Allow => RequestHeadersStatus::Continue.into(),
            Decision::Deny(denial) => RequestFlow::reply(self.denied(envoy, &denial)),
        }
    }
}

impl Filter {
    fn denied(&self, envoy: &mut EnvoyHttpFilter, denial: &Denial<'_>) -> LocalReply {
        if let Err(error) = envoy.increment_counter(self.blocked, &[], 1) {
            envoy_log_debug!("a denied request is not counted: {error}");
        }
        envoy.set_dynamic_metadata_string(NAMESPACE, BLOCKED_BY, denial.blocked_by);
        let reply = LocalReply::new(denial.status).details(DETAILS);
        denial.headers.iter().fold(reply, |reply, (name, value)| {
            reply.header(name, value.as_bytes())
        })
    }
}
