//! Whether the objects of a kustomization find each other.

mod gateway;
mod index;
mod workload;

use harness::Manifests;

use super::report::Problem;
use index::Index;

/// Secrets that no manifest may hold, and how docs/kgateway-lab.md says to make them.
pub(super) const MADE_BY_HAND: &[(&str, &str)] = &[
    ("llm-tls", "create secret tls llm-tls"),
    ("openai", "create secret generic openai"),
];

/// Everything that leads nowhere.
pub(super) fn problems(manifests: &Manifests) -> Vec<Problem> {
    let mut index = Index::new(manifests);
    index.check_names();
    workload::check(&mut index);
    gateway::check(&mut index);
    index.problems
}
