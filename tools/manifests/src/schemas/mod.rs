//! What each kind may say.

mod built_in;
mod crds;
mod rules;
mod strict;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use harness::Object;

use rules::Rules;
use strict::Schema;

/// The schemas of one source, by `apiVersion kind`.
pub(crate) struct Schemas {
    pub(crate) name: String,
    kinds: BTreeMap<String, Schema>,
    rules: Rules,
}

impl Schemas {
    /// Kubernetes' and the Gateway API's own, from the crates that carry their types, and of the other kinds the part
    /// that `deploy/` uses.
    ///
    /// # Errors
    /// One of them is no JSON Schema.
    pub(crate) fn built_in() -> Result<Self> {
        let rules = Rules::default();
        Ok(Self {
            name: "built in".into(),
            kinds: built_in::kinds(&rules)?,
            rules,
        })
    }

    /// Those of the CustomResourceDefinitions in a folder.
    ///
    /// # Errors
    /// A file cannot be read, or holds something else.
    pub(crate) fn of_crds(directory: &Path) -> Result<Self> {
        let rules = Rules::default();
        Ok(Self {
            name: format!("of {}", directory.display()),
            kinds: crds::kinds(directory, &rules)?,
            rules,
        })
    }

    /// The schema of this object's kind.
    pub(crate) fn of(&self, object: &Object) -> Option<&Schema> {
        self.kinds
            .get(&format!("{} {}", object.api_version(), object.kind()))
    }

    pub(crate) fn knows(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    /// How many kinds, how many rules, and which rules were not understood.
    pub(crate) fn summary(&self) -> String {
        format!("{} kinds{}", self.kinds.len(), self.rules)
    }
}
