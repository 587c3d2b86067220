//! Whether the objects of a kustomization find each other.

mod envoy_gateway;
mod gateway;
mod index;
mod routing;
mod workload;

use harness::Manifests;

use super::report::Problem;
use index::Index;

/// Secrets that no manifest may hold, and how the documents say to make them.
pub(super) const MADE_BY_HAND: &[(&str, &str)] = &[
    ("llm-tls", "create secret tls llm-tls"),
    ("openai", "create secret generic openai"),
];

/// Model servers of a production overlay, which its owner brings: Service and port.
const BROUGHT: &[(&str, u64)] = &[("llama", 8000), ("mistral", 8000)];

/// Everything that leads nowhere.
pub(super) fn problems(manifests: &Manifests) -> Vec<Problem> {
    let mut index = Index::new(manifests);
    index.check_names();
    workload::check(&mut index);
    gateway::check(&mut index);
    index.problems
}
