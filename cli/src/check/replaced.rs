//! Answers in place of responses that a cluster's filter holds: Envoy 1.36 dies of them.

use transformations::{Code, Diagnostic, Engine};

use crate::document::{Filter, Owner};
use crate::finding::Finding;

/// Warns of each filter of a listener that may answer at a response's headers, while a filter of a cluster holds the
/// response.
pub(super) fn findings(engine: &Engine, filters: &[Filter]) -> Vec<Finding> {
    let in_clusters = filters
        .iter()
        .filter(|filter| filter.owner == Some(Owner::Cluster));
    let in_clusters: Vec<&str> = in_clusters.map(|filter| filter.instance.as_str()).collect();
    // A route's configuration is for the filter of its name.
    let is_clusters = |filter: &&Filter| match filter.owner {
        Some(Owner::Cluster) => true,
        Some(Owner::Route) => in_clusters.contains(&filter.instance.as_str()),
        Some(Owner::Listener) | None => false,
    };
    let program = |filter: &Filter| {
        let loaded = engine.load(filter.config.as_bytes()).ok()?;
        Some(loaded.program)
    };
    let holds = |filter: &&Filter| program(filter).is_some_and(|own| own.holds_responses());
    let Some(holder) = filters.iter().filter(is_clusters).find(holds) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for filter in filters.iter().filter(|filter| !is_clusters(filter)) {
        let key = program(filter).and_then(|own| own.answers_at_headers());
        let (Some(_), Some(key)) = (filter.owner, key) else {
            continue;
        };
        let message = format!(
            "Envoy 1.36 dies if this answers in place of a response that the cluster's filter `{}` holds",
            holder.instance
        );
        let warning = Diagnostic::warning(Code::Cluster, key, message).help(
            "run Envoy 1.37 or later, or read and edit the bodies of responses in the listener's filter only",
        );
        found.push(Finding {
            place: filter.place.clone(),
            at: filter.source.place_of(&warning),
            diagnostic: warning,
        });
    }
    found
}
