//! What a large route table costs whose every route configures a filter.

use anyhow::{Context, Result};
use harness::{Bootstrap, Filter, Module, Route};
use serde_json::{Value, json};

use super::progress;
use super::results::RouteTable;
use super::sample::mebibytes;
use super::spread::Spread;
use super::stage::Stage;

const HEADER_MUTATION: &str = "envoy.filters.http.header_mutation";

/// What each route configures.
#[derive(Clone, Copy, Debug)]
enum PerRoute {
    Nothing,
    /// Envoy's own filter for headers, each route another configuration.
    HeaderMutation,
    /// Our filter, each route another configuration.
    Distinct,
    /// Our filter, the same configuration everywhere.
    Equal,
    /// A module that does not look at its configuration: what Envoy does with ours before we see it.
    Bare,
    /// The other module, each route another configuration.
    Other,
}

impl PerRoute {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no configuration",
            Self::HeaderMutation => "Envoy's header_mutation, distinct",
            Self::Distinct => "ours, distinct",
            Self::Equal => "ours, equal",
            Self::Bare => "a bare module, distinct",
            Self::Other => "other module, distinct",
        }
    }

    fn module(self, stage: &Stage) -> Option<&Module> {
        match self {
            Self::Nothing | Self::HeaderMutation => None,
            Self::Distinct | Self::Equal => Some(&stage.ours),
            Self::Bare => stage.bare().ok(),
            Self::Other => stage.other.as_ref(),
        }
    }

    /// The filter chain that the routes configure.
    fn chain(self) -> Bootstrap {
        match self {
            Self::Nothing => Bootstrap::new(),
            Self::HeaderMutation => Bootstrap::new().http_filter(
                HEADER_MUTATION,
                &json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"}),
            ),
            Self::Distinct | Self::Equal | Self::Bare | Self::Other => Bootstrap::new().filter("{}"),
        }
    }

    fn route(self, number: usize) -> Route {
        let route = Route::to("upstream").prefix(&format!("/route/{number}/"));
        match self {
            Self::Nothing => route,
            Self::HeaderMutation => route.field("typed_per_filter_config", header_mutation(number)),
            Self::Distinct | Self::Bare | Self::Other => route.per_route(two_headers(number)),
            Self::Equal => route.per_route(two_headers(0)),
        }
    }
}

/// A policy that sets two headers.
fn two_headers(number: usize) -> Filter {
    Filter::new(json!({"request": {"set": [
        {"name": "x-route", "value": format!("route-{number}")},
        {"name": "x-caller", "value": format!("{{{{ header('x-user') }}}}-{number}")},
    ]}}))
}

/// The same in Envoy's words.
fn header_mutation(number: usize) -> Value {
    let set = |name: &str, value: String| {
        json!({"append": {
            "header": {"key": name, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }})
    };
    json!({HEADER_MUTATION: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute",
        "mutations": {"request_mutations": [
            set("x-route", format!("route-{number}")),
            set("x-caller", format!("%REQ(x-user)%-{number}")),
        ]},
    }})
}

pub(super) fn measure(stage: &Stage, routes: usize, rounds: usize) -> Result<Vec<RouteTable>> {
    let mut kinds = vec![
        PerRoute::Nothing,
        PerRoute::HeaderMutation,
        PerRoute::Distinct,
        PerRoute::Equal,
    ];
    kinds.extend(stage.bare().ok().map(|_| PerRoute::Bare));
    kinds.extend(stage.other.as_ref().map(|_| PerRoute::Other));
    let mut samples = vec![Vec::new(); kinds.len()];
    for _ in 0..rounds {
        for (kind, samples) in kinds.iter().zip(&mut samples) {
            progress::show(format_args!("{routes} routes: {}", kind.name()));
            samples.push(sample(stage, routes, *kind).with_context(|| kind.name())?);
        }
    }
    progress::show(format_args!(""));
    let tables = kinds.iter().zip(&samples).map(|(kind, samples)| {
        let spread = |of: fn(&[f64; 3]) -> f64| Spread::of(samples.iter().map(of));
        RouteTable {
            name: kind.name().to_owned(),
            routes,
            ready_milliseconds: spread(|[ready, ..]| *ready),
            memory_mebibytes: spread(|[_, memory, _]| *memory),
            peak_memory_mebibytes: spread(|[.., peak]| *peak),
        }
    });
    Ok(tables.collect())
}

/// Milliseconds until ready, memory then, most memory until then.
fn sample(stage: &Stage, routes: usize, kind: PerRoute) -> Result<[f64; 3]> {
    let table = (0..routes).map(|number| kind.route(number));
    let bootstrap = table.fold(kind.chain(), Bootstrap::route);
    let bootstrap = bootstrap.cluster("upstream", stage.upstream.address());
    let running = stage.launch(&bootstrap, kind.module(stage))?;
    Ok([
        running.envoy.ready_after().as_secs_f64() * 1e3,
        mebibytes(running.envoy.memory()?),
        mebibytes(running.envoy.peak_memory()?),
    ])
}
