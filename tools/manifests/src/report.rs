//! What is wrong, and what could not be checked.

use std::collections::BTreeSet;
use std::fmt;

use harness::{Manifests, Object};

use super::schemas::Schemas;

/// Something wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    object: String,
    /// A JSON Pointer; empty for the object itself.
    place: String,
    what: String,
}

impl Problem {
    pub(crate) fn new(object: &Object, place: &str, what: String) -> Self {
        Self {
            object: identity(object),
            place: place.to_owned(),
            what,
        }
    }

    pub(crate) fn object(&self) -> &str {
        &self.object
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            place,
            what,
        } = self;
        match place.as_str() {
            "" => write!(formatter, "{object}: {what}"),
            place => write!(formatter, "{object}: {place}: {what}"),
        }
    }
}

/// How an object is called here.
pub(crate) fn identity(object: &Object) -> String {
    format!("{} {}", object.kind(), object.name())
}

/// The outcome for every kustomization.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    kinds: BTreeSet<String>,
    passed: usize,
    wrong: usize,
}

impl Report {
    pub(crate) fn add(&mut self, manifests: &Manifests, problems: Vec<Problem>) {
        let wrong: BTreeSet<&str> = problems.iter().map(Problem::object).collect();
        let objects = manifests.objects.len();
        self.passed += objects.saturating_sub(wrong.len());
        self.wrong += wrong.len();
        let verdict = if wrong.is_empty() { "ok" } else { "WRONG" };
        let name = &manifests.name;
        self.lines
            .push(format!("deploy/{name}: {objects} objects, {verdict}"));
        let problems = problems.into_iter().collect::<BTreeSet<_>>();
        self.lines
            .extend(problems.iter().map(|problem| format!("  {problem}")));
        let kinds = manifests.objects.iter();
        self.kinds
            .extend(kinds.map(|object| format!("{} {}", object.api_version(), object.kind())));
    }

    pub(crate) fn failed(&self) -> bool {
        self.wrong > 0 || self.passed == 0
    }

    /// Says it, ending with the count of objects.
    pub(crate) fn print(&self, schemas: &[Schemas]) {
        for line in &self.lines {
            println!("{line}");
        }
        for source in schemas {
            let unknown: Vec<&str> = self
                .kinds
                .iter()
                .filter(|kind| !source.knows(kind))
                .map(String::as_str)
                .collect();
            println!("schemas {}: {}", source.name, source.summary());
            if !unknown.is_empty() {
                println!("  has none of: {}", unknown.join(", "));
            }
        }
        println!("{} passed, {} failed", self.passed, self.wrong);
    }
}
