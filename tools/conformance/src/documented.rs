//! Cases whose expectation the module does not meet on purpose, as the documents say.

use std::collections::BTreeMap;

const DOCUMENTS: [(&str, &str); 2] = [
    (
        "docs/kgateway.md",
        include_str!("../../../docs/kgateway.md"),
    ),
    ("docs/cel.md", include_str!("../../../docs/cel.md")),
];

/// What the first columns of the documents' tables name, each with its document.
#[derive(Debug, Default)]
pub(crate) struct Documented {
    /// Cases, by id.
    pub(crate) cases: BTreeMap<&'static str, &'static str>,
    /// What this module has no words for: every case that needs it is to fail.
    pub(crate) words: BTreeMap<&'static str, &'static str>,
}

pub(crate) fn differences() -> Documented {
    let named = |prefix: &'static str| {
        DOCUMENTS.into_iter().flat_map(move |(document, text)| {
            let lines = text.lines();
            lines.filter_map(move |line| {
                let name = line.strip_prefix(prefix)?.split('`').next()?;
                Some((name, document))
            })
        })
    };
    Documented {
        cases: named("| case `").collect(),
        words: named("| word `").collect(),
    }
}
